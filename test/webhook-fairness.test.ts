import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const DEAD = 1_000;
const EVENTS = 60;
const EVERY_MS = 250;
/** Requirement A8 says 1 s at the 99th percentile; a test waits three times as long. */
const P99_MS = 1_000;
const SLACK = 3;

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe(`a webhook beside ${DEAD} that are dead`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;
  const receiver = new Receiver();

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    admin = await app.admin();
    crew = new WorkerCrew(app.environment);
    crew.start();
  });
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    await receiver.stop();
  });

  async function createWebhook(url: string): Promise<string> {
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: 'one of many', url } },
    );
    return createWebhook.webhook.id;
  }

  async function store(from: number, count: number): Promise<string[]> {
    const records = demoRecords(61, from, count) as { eventID: string }[];
    await admin.ingest(records);
    return records.map(({ eventID }) => eventID);
  }

  /** The p99 of how long events took to arrive, which is logged. */
  async function p99Of(sentAt: Map<string, number>): Promise<number> {
    const arrived = (): number[] =>
      receiver.received.flatMap(({ at, body }) => {
        const { eventID } = (JSON.parse(body) as { data: { eventID: string } }).data;
        const sent = sentAt.get(eventID);
        return sent === undefined ? [] : [at - sent];
      });
    await eventually(() => arrived().length >= sentAt.size, 'all are heard of', 60_000);
    const latencies = arrived().sort((a, b) => a - b);
    expect(latencies).toHaveLength(sentAt.size);
    const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1]!;
    const median = latencies[latencies.length >> 1];
    console.info(`beside ${DEAD} that begin to fail: median ${median} ms, p99 ${p99} ms`);
    return p99;
  }

  test('hears of each event about as soon as if it were alone, while they begin to fail', async () => {
    const live = await createWebhook(await receiver.start());
    // Records are refused, for the moment, until the worker has started.
    await eventually(async () => (await store(0, 1)).length === 1, 'the worker stores events', 60_000);
    await eventually(() => receiver.received.length === 1, 'the live one was heard from', 90_000);
    const dead = `http://127.0.0.1:${await closedPort()}/`;
    for (let made = 0; made < DEAD; made += 20)
      await Promise.all(Array.from({ length: 20 }, () => createWebhook(dead)));

    // The first of these has all of them tried for the first time, as soon as there is room.
    const sentAt = new Map<string, number>();
    for (let n = 1; n <= EVENTS; n++) {
      const started = Date.now();
      for (const id of await store(n, 1)) sentAt.set(id, started);
      await delay(Math.max(0, EVERY_MS - (Date.now() - started))); // The pace of the events, not a wait for anything.
    }
    expect(await p99Of(sentAt)).toBeLessThan(P99_MS * SLACK);
    const failing = await app.core.store.db
      .collection('webhooks')
      .countDocuments({ failingSince: { $ne: null } });
    expect(failing).toBeGreaterThan(0);
    const { webhook } = await admin.run<{ webhook: { stats: { delivered: number; failed: number } } }>(
      'query ($id: ID!) { webhook(id: $id) { stats { delivered failed } } }',
      { id: live },
    );
    expect(webhook.stats).toEqual({ delivered: EVENTS + 1, failed: 0 });
  }, 600_000);
});
