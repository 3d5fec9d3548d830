import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { isGloballyReachable, parseAddress } from '../src/domain/address';
import type { CloudTrailRecord } from '../src/domain/event';
import type { Counters } from '../src/domain/source';
import { trailgraph } from './support/command';
import { recordsIn, type Trail, type TrailObject, trail, trailKind } from './support/demo-trail';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, expectConsistent } from './support/ledger';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';

interface Status extends Counters {
  health: string;
  lastError: string | null;
  lastSuccessAt: string | null;
}

interface ApiEvent {
  id: string;
  eventTime: string;
  ingestedAt: string;
  raw: CloudTrailRecord;
  enrichment: { addressKind: string; geo: { country: string | null } | null };
}

interface Page {
  edges: { cursor: string; node: ApiEvent }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    endCursor: string | null;
    startCursor: string | null;
  };
}

const BUCKET = 'trail';
const PAGE = 200;
const SECOND_MS = 1_000;

describe(`a trail in a bucket (${trailKind()} trail)`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let server: S3Server;
  let data: Trail;
  const records: CloudTrailRecord[] = [];
  let sourceId: string;
  let webhookId: string;
  const receiver = new WebhookReceiver();

  beforeAll(async () => {
    [server, data, app] = await Promise.all([startS3Server(), trail(), startTrailGraph()]);
    admin = await app.admin();
    for (const object of data.objects) records.push(...(await recordsIn(object)));
    await server.putTrail(BUCKET, data);
    webhookId = await createWebhook();
    sourceId = await createSource('first');
  }, 600_000);
  afterAll(async () => {
    await app?.stop();
    await receiver.stop();
    await server?.close();
    await data?.remove();
  });

  async function createSource(name: string): Promise<string> {
    const { accessKeyId, secretAccessKey } = SERVER_KEYS; // The SDK adds members of its own to the object.
    const aws = { accessKeyId, secretAccessKey, endpointUrl: server.endpoint };
    const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      { input: { name, s3: { bucket: BUCKET }, aws } },
    );
    return createSource.source.id;
  }

  async function createWebhook(): Promise<string> {
    const input = { name: 'all', url: await receiver.start(), batchSize: 100 };
    const { createWebhook } = await admin.run<{ createWebhook: { secret: string; webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret webhook { id } } }',
      { input },
    );
    receiver.trust(createWebhook.secret);
    return createWebhook.webhook.id;
  }

  /** The ids of the events that the webhook heard of, once it has looked at everything and settled it. */
  async function heard(): Promise<string[]> {
    await eventually(async () => {
      const { webhook } = await admin.run<{ webhook: { stats: { behind: number; pending: number } } }>(
        'query ($id: ID!) { webhook(id: $id) { stats { behind pending } } }',
        { id: webhookId },
      );
      return webhook.stats.behind === 0 && webhook.stats.pending === 0;
    }, 'the webhook has caught up');
    expect(receiver.faults).toEqual([]);
    return receiver.received.flatMap(({ eventIds }) => eventIds.map((id) => id.toLowerCase())).sort();
  }

  async function status(id: string): Promise<Status> {
    const { source } = await admin.run<{ source: { status: Status } }>(
      `query ($id: ID!) { source(id: $id) { status {
        health lastError lastSuccessAt received stored duplicates dropped rejected
      } } }`,
      { id },
    );
    return source.status;
  }

  /** Waits until a source was read after a time, and all that it found is settled. */
  async function readSince(id: string, since: string | null): Promise<Status> {
    await eventually(
      async () => (await status(id)).lastSuccessAt !== since,
      'the source was read',
      60 * SECOND_MS,
    );
    await app.drain();
    return status(id);
  }

  async function fetchNow(id: string): Promise<Status> {
    const { lastSuccessAt } = await status(id);
    await admin.run('mutation ($id: ID!) { fetchNow(sourceId: $id) { id } }', { id });
    return readSince(id, lastSuccessAt);
  }

  async function page(args: Record<string, unknown>): Promise<Page> {
    const { events } = await admin.run<{ events: Page }>(
      `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: EventOrder) {
        events(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
          edges { cursor node { id eventTime ingestedAt raw enrichment { addressKind geo { country } } } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }`,
      args,
    );
    return events;
  }

  async function allEvents(orderBy: { field: string; direction: string } | null = null): Promise<ApiEvent[]> {
    const found: ApiEvent[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { edges, pageInfo } = await page({ first: PAGE, after, orderBy });
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      expect(edges).toHaveLength(Math.min(PAGE, data.records - found.length));
      found.push(...edges.map(({ node }) => node));
      ({ hasNextPage: more, endCursor: after } = pageInfo);
    }
    return found;
  }

  async function totalCount(): Promise<number> {
    const { events } = await admin.run<{ events: { totalCount: number } }>(
      '{ events(first: 1) { totalCount } }',
    );
    return events.totalCount;
  }

  const idOf = (record: CloudTrailRecord): string => String(record.eventID).toLowerCase();
  const allIds = (): string[] => records.map(idOf).sort();

  it('is read and stored whole: 55 objects, 2,900 records', async () => {
    expect(await readSince(sourceId, null)).toMatchObject({
      health: 'HEALTHY',
      lastError: null,
      received: data.records,
      stored: data.records,
      duplicates: 0,
      dropped: 0,
      rejected: 0,
    });
    expect([data.objects.length, data.records, new Set(allIds()).size]).toEqual([55, 2_900, 2_900]);
    expect(await totalCount()).toBe(data.records);
  });

  it('is heard of by a webhook, each event once, signed as the standardwebhooks package verifies', async () => {
    expect(await heard()).toEqual(allIds());
  });

  it('is given back by the API record by record as it stands in the files, each with a country where its address is public', async () => {
    const events = new Map((await allEvents()).map((event) => [event.id, event]));
    expect([...events.keys()].sort()).toEqual(allIds());
    let located = 0;
    for (const record of records) {
      const event = events.get(idOf(record))!;
      expect(event.raw).toEqual(record);
      const address =
        typeof record.sourceIPAddress === 'string' ? parseAddress(record.sourceIPAddress) : null;
      if (!address || !isGloballyReachable(address)) continue;
      expect(event.enrichment).toMatchObject({ addressKind: 'PUBLIC', geo: { country: expect.any(String) } });
      located++;
    }
    const found = [...events.values()].filter(({ enrichment }) => enrichment.addressKind === 'PUBLIC');
    expect(found).toHaveLength(located);
    expect(located).toBeGreaterThan(0);
  });

  it.each([
    ['eventTime', 'EVENT_TIME', 'DESC'],
    ['eventTime', 'EVENT_TIME', 'ASC'],
    ['ingestedAt', 'INGESTED_AT', 'DESC'],
    ['ingestedAt', 'INGESTED_AT', 'ASC'],
  ] as const)(
    'is paged by %s (%s %s), each event exactly once and in order',
    async (member, field, direction) => {
      const events = await allEvents({ field, direction });
      expect(events.map(({ id }) => id).sort()).toEqual(allIds());
      const keys = events.map((event) => `${event[member]} ${event.id}`);
      const sorted = [...keys].sort();
      expect(keys).toEqual(direction === 'ASC' ? sorted : sorted.reverse());
    },
  );

  it('is paged backwards as well, from the end to the beginning', async () => {
    const forwards = (await allEvents()).map(({ id }) => id);
    const backwards: string[] = [];
    for (let before: string | null = null, more = true; more; ) {
      const { edges, pageInfo } = await page({ last: PAGE, before });
      expect(pageInfo.hasNextPage).toBe(before !== null);
      backwards.unshift(...edges.map(({ node }) => node.id));
      ({ hasPreviousPage: more, startCursor: before } = pageInfo);
    }
    expect(backwards).toEqual(forwards);
  });

  it('is not read again by fetchNow, since every object stands in the ledger', async () => {
    const before = await status(sourceId);
    const { lastSuccessAt, ...counters } = await fetchNow(sourceId);
    expect(Date.parse(lastSuccessAt!)).toBeGreaterThan(Date.parse(before.lastSuccessAt!));
    expect({ ...counters, lastSuccessAt: before.lastSuccessAt }).toEqual(before);
  });

  it('adds nothing when a second source reads the same bucket: that source counts duplicates', async () => {
    const second = await createSource('second');
    expect(await readSince(second, null)).toMatchObject({
      received: data.records,
      stored: 0,
      duplicates: data.records,
      dropped: 0,
      rejected: 0,
    });
    expect(await totalCount()).toBe(data.records);
  });

  it('adds nothing when its files are pushed: each answer, and the source, count duplicates', async () => {
    const pushed = await createPushSource(admin);
    for (const { path } of data.objects) {
      const response = await fetch(`${app.url}/ingest/${pushed.id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${pushed.token}` },
        body: new Uint8Array(await readFile(path)),
      });
      expect(response.status).toBe(200);
      const answer = (await response.json()) as Counters;
      expect(answer).toMatchObject({ stored: 0, duplicates: answer.received, dropped: 0, rejected: 0 });
    }
    expect(await status(pushed.id)).toMatchObject({
      received: data.records,
      stored: 0,
      duplicates: data.records,
    });
    expect(await totalCount()).toBe(data.records);
  });

  it('adds nothing when `trailgraph ingest` sends its folder', async () => {
    const { id, token } = await createPushSource(admin);
    const args = ['ingest', data.root, '--url', app.url, '--source', id, '--json'];
    const result = await trailgraph(args, { environment: { TRAILGRAPH_TOKEN: token } });
    expect(result.stderr).toBe('');
    expect(JSON.parse(result.stdout)).toMatchObject({
      received: data.records,
      stored: 0,
      duplicates: data.records,
      dropped: 0,
      rejected: 0,
    });
    expect(await totalCount()).toBe(data.records);
  });

  it('is not heard of a second time, whichever way it came again', async () => {
    expect(await heard()).toEqual(allIds());
  });

  it('goes on with an object that is delivered late, under an older time than the newest', async () => {
    const before = await status(sourceId);
    const late = [1, 2].map((n) => ({
      ...records[0],
      eventID: `00000000-0000-4000-8000-00000000000${n}`,
      eventName: 'Late',
    }));
    await server.put(BUCKET, lateKey(), gzipSync(JSON.stringify({ Records: [...late, records[0]] })));
    expect(await fetchNow(sourceId)).toMatchObject({
      received: before.received + 3,
      stored: before.stored + 2,
      duplicates: before.duplicates + 1,
      rejected: 0,
    });
    expect(await totalCount()).toBe(data.records + 2);
  });

  /** The key of an object that was delivered half an hour before the last one of its account and Region. */
  function lateKey(): string {
    const newest = (object: TrailObject): string => /_(\d{8}T\d{4}Z)_/.exec(object.key)![1]!;
    const last = [...data.objects].sort((a, b) => (newest(a) < newest(b) ? 1 : -1))[0]!;
    const [, folder, stem] = /^(.*)\/\d{4}\/\d{2}\/\d{2}\/(.*_)\d{8}T\d{4}Z_/.exec(last.key)!;
    const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z$/.exec(newest(last))!;
    const time = new Date(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`) - 30 * 60 * SECOND_MS);
    const iso = time.toISOString();
    const stamp = `${iso.slice(0, 10).replaceAll('-', '')}T${iso.slice(11, 16).replace(':', '')}Z`;
    expect(stamp < newest(last)).toBe(true);
    return `${folder}/${iso.slice(0, 10).replaceAll('-', '/')}/${stem}${stamp}_LateLateLateLate.json.gz`;
  }

  it('leaves a ledger that is whole', async () => {
    await app.drain();
    await expectConsistent(app);
  });
});
