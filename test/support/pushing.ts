import { randomUUID } from 'node:crypto';
import type { TestTrailGraph } from './trailgraph';

/** A source that is pushed to. */
export interface PushSource {
  id: string;
  /** The same source behind the door of another instance. */
  at(url: string): PushSource;
  push(body: Uint8Array | string): Promise<void>;
  /** Pushes records of which nothing matters but that they are there; tells their ids in order. */
  pushNew(count: number, over?: Record<string, unknown>): Promise<string[]>;
}

export async function makePushSource(app: TestTrailGraph, name: string): Promise<PushSource> {
  const admin = await app.admin();
  const { createSource } = await admin.run<{ createSource: { source: { id: string }; ingestToken: string } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } ingestToken } }',
    { input: { name, httpPush: {} } },
  );
  return pushSourceAt(app.url, createSource.source.id, createSource.ingestToken);
}

/** A server on a busy machine may be so late. */
const STORED_WITHIN_MS = 120_000;

function pushSourceAt(url: string, id: string, token: string): PushSource {
  // As a sender does: 503 means kept but not stored in time, and sending it again stores nothing twice.
  const push = async (body: Uint8Array | string): Promise<void> => {
    const giveUpAt = Date.now() + STORED_WITHIN_MS;
    for (;;) {
      const response = await fetch(`${url}/ingest/${id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: typeof body === 'string' ? body : new Uint8Array(body),
      });
      if (response.ok) return;
      const said = await response.text();
      if (response.status !== 503 || Date.now() > giveUpAt)
        throw new Error(`the push door said ${response.status}: ${said}`);
    }
  };
  return {
    id,
    push,
    at: (elsewhere) => pushSourceAt(elsewhere, id, token),
    pushNew: async (count, over = {}) => {
      const records = Array.from({ length: count }, () => newRecord(over));
      await push(JSON.stringify({ Records: records }));
      return records.map(({ eventID }) => eventID);
    },
  };
}

export function newRecord(over: Record<string, unknown> = {}): { eventID: string } & Record<string, unknown> {
  return {
    eventVersion: '1.10',
    userIdentity: { type: 'IAMUser', userName: 'alice', accountId: '123456789012' },
    eventTime: '2026-01-02T03:04:05Z',
    eventSource: 'ec2.amazonaws.com',
    eventName: 'StartInstances',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '205.251.233.176',
    eventID: randomUUID(),
    ...over,
  };
}
