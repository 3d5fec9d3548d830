import { readFile } from 'node:fs/promises';
import { streamCursor } from '../src/domain/cursor';
import { recordsIn, type Trail, trail, trailKind } from './support/demo-trail';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { LiveClient, type LiveEvent, type LiveOptions, ReconnectingClient } from './support/live-client';
import { busListeners, opened, subscriptions } from './support/live-state';
import { makePushSource, type PushSource } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const FIELDS = 'rawText eventTime sourceIPAddress enrichment { outcome geo { country } actor { name } }';
const FILTERS: Record<string, object> = {
  'names by prefix': { eventNames: ['Get*', 'List*', 'Describe*'] },
  failures: { outcome: 'FAILURE' },
  'a range of addresses': { addresses: ['0.0.0.0/2', '64.0.0.0/3'] },
  'either of two': { any: [{ readOnly: false }, { addressKinds: ['AWS_SERVICE'] }] },
  'none of several': { none: [{ eventSources: ['s3.amazonaws.com', 'sts.amazonaws.com'] }] },
  text: { text: 'ec2' },
};

const optionsOf = (
  app: TestTrailGraph,
  admin: GraphqlClient,
  more: Partial<LiveOptions> = {},
): LiveOptions => ({
  url: app.url,
  token: admin.token!,
  ...more,
});

/** All events that match, by pages, as the query tells them. */
async function query(admin: GraphqlClient, filter: object | null, fields: string): Promise<LiveEvent[]> {
  const found: LiveEvent[] = [];
  let after: string | null = null;
  for (;;) {
    const { events } = (await admin.run(
      `query ($filter: EventFilter, $after: String) {
        events(first: 200, filter: $filter, after: $after) { nodes { cursor id ${fields} } pageInfo { hasNextPage endCursor } }
      }`,
      { filter, after },
    )) as { events: { nodes: LiveEvent[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
    found.push(...events.nodes);
    if (!events.pageInfo.hasNextPage) return found;
    after = events.pageInfo.endCursor;
  }
}

const byId = (a: LiveEvent, b: LiveEvent): number => (a.id < b.id ? -1 : 1);

describe(`live subscriptions while a trail (${trailKind()}) is pushed`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let data: Trail;
  let ids: string[];
  let all: LiveClient;
  let filtered: Map<string, LiveClient>;
  let coming: ReconnectingClient;

  beforeAll(async () => {
    data = await trail();
    ids = (await Promise.all(data.objects.map(recordsIn))).flat().map(({ eventID }) => String(eventID));
    app = await startTrailGraph();
    admin = await app.admin();
    const source = await makePushSource(app, 'trail');
    all = new LiveClient(optionsOf(app, admin, { fields: FIELDS }));
    filtered = new Map(
      Object.entries(FILTERS).map(([name, filter]) => [
        name,
        new LiveClient(optionsOf(app, admin, { filter })),
      ]),
    );
    coming = new ReconnectingClient(optionsOf(app, admin));
    await opened(app, 2 + filtered.size);
    for (const [index, { path }] of data.objects.entries()) {
      await source.push(await readFile(path));
      if (index % 3 === 2) coming.reconnect();
    }
    await eventually(() => all.seen.length >= ids.length, 'a subscriber has seen the whole trail');
    await eventually(
      () => coming.ids.length >= ids.length,
      'one that comes and goes has seen the whole trail',
    );
  });
  afterAll(async () => {
    for (const client of [all, coming, ...filtered.values()]) client.stop();
    await app.stop();
    await data.remove();
  });

  test('one that is there before sees each event once, and each as the store has it', async () => {
    expect(all.seen).toHaveLength(data.records);
    expect([...all.ids].sort()).toEqual([...ids].map((id) => id.toLowerCase()).sort());
    expect([...all.seen].sort(byId)).toEqual((await query(admin, null, FIELDS)).sort(byId));
  });

  test('one that reconnects with `after` in the middle, many times, sees the same in the same order', () => {
    expect(coming.reconnections).toBeGreaterThan(5);
    expect(coming.ids).toEqual(all.ids);
  });

  test.each(Object.keys(FILTERS))('one with a filter (%s) sees just what the query finds', async (name) => {
    const found = await query(admin, FILTERS[name]!, '');
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(data.records);
    const client = filtered.get(name)!;
    await eventually(() => client.seen.length >= found.length, 'all that matches has come');
    expect([...client.ids].sort()).toEqual(found.map(({ id }) => id).sort());
  });

  test('one that comes late and gives the first cursor sees all the rest, in order', async () => {
    const late = new LiveClient(optionsOf(app, admin, { after: all.seen[0]!.cursor }));
    await eventually(() => late.seen.length >= data.records - 1, 'the rest has come');
    expect(late.ids).toEqual(all.ids.slice(1));
    late.stop();
  });
});

describe('a live subscription', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const clients: LiveClient[] = [];
  const open = (more: Partial<LiveOptions> = {}): LiveClient => {
    const client = new LiveClient(optionsOf(app, admin, more));
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await opened(app, 0);
  });
  afterAll(() => app.stop());

  test('replays hundreds of commits from the very beginning and goes live without a gap', async () => {
    const [first] = await source.pushNew(1);
    const before = await app.core.commits.head();
    const sources = await Promise.all(Array.from({ length: 20 }, (_, n) => makePushSource(app, `many-${n}`)));
    const pushRound = async (): Promise<void> => {
      await Promise.all(sources.map((one) => one.pushNew(2)));
    };
    for (let round = 0; round < 15; round++) await pushRound();
    // One that was sent again, as a busy server asks, may make a commit more.
    expect((await app.core.commits.head()) - before).toBeGreaterThanOrEqual(300);

    const nodes = await query(admin, null, '');
    const cursor = nodes.find(({ id }) => id === first)!.cursor;
    const client = open({ after: cursor });
    for (let round = 0; round < 5; round++) await pushRound();
    await eventually(() => client.seen.length >= 800, 'all 800 events have come');
    expect(client.ids).toEqual([...new Set(client.ids)]);
    const places = client.seen.map(({ cursor: at }) => Buffer.from(at, 'base64url').toString());
    const order = places.map((place) => /^s:(\d+)\.(\d+)$/.exec(place)!.slice(1).map(Number));
    const sorted = [...order].sort(([n1, p1], [n2, p2]) => n1! - n2! || p1! - p2!);
    expect(order).toEqual(sorted);
    expect([...client.ids, first].sort()).toEqual((await query(admin, null, '')).map(({ id }) => id).sort());
  });

  test('gives everything free again when it ends, whether or not an event ever came', async () => {
    for (const end of [(client: LiveClient) => client.stop(), (client: LiveClient) => client.cut()]) {
      for (const events of [0, 3]) {
        const client = open();
        await opened(app, 1);
        expect(await busListeners(app)).toBe(1);
        if (events > 0) await source.pushNew(events);
        await eventually(() => client.seen.length === events, 'the events have come');
        end(client);
        await opened(app, 0);
        await eventually(async () => (await busListeners(app)) === 0, 'nobody listens to the bus');
      }
    }
  });

  test.each([
    ['a text that is none', 'nonsense'],
    ['an empty text', ''],
    ['a cursor of a list', Buffer.from('["a","b"]').toString('base64url')],
  ])('refuses %s as its cursor', async (_, after) => {
    const client = open({ after });
    await eventually(() => client.errors.length === 1, 'it was refused');
    expect(client.errors[0]).toMatchObject({
      extensions: {
        code: 'BAD_USER_INPUT',
        fields: [{ path: ['after'] }],
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
    expect(await subscriptions(app)).toBe(0);
    await eventually(async () => (await busListeners(app)) === 0, 'nobody listens to the bus');
  });

  test('refuses a filter that is too long, and says where', async () => {
    const client = open({ filter: { eventNames: Array.from({ length: 201 }, (_, n) => `Name${n}`) } });
    await eventually(() => client.errors.length === 1, 'it was refused');
    expect(client.errors[0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['filter'] }],
    });
  });

  test('whose cursor is past retention, or beyond all that is stored, fails with CURSOR_EXPIRED', async () => {
    const watcher = open();
    await opened(app, 1);
    await source.pushNew(2);
    await source.pushNew(2);
    await eventually(() => watcher.seen.length === 4, 'the events have come');
    const [gone, , kept, last] = watcher.seen.map(({ cursor }) => cursor);
    const head = await app.core.commits.head();
    await app.core.store.db.collection<{ _id: number }>('commits').deleteMany({ _id: { $lt: head } });
    const beyond = streamCursor({ n: head + 1_000, pos: 0 });
    for (const after of [gone!, beyond]) {
      const client = open({ after });
      await eventually(() => client.errors.length === 1, 'it was refused');
      expect(client.errors[0]!.extensions.code).toBe('CURSOR_EXPIRED');
      expect(client.seen).toEqual([]);
    }
    const good = open({ after: kept! });
    await eventually(() => good.seen.length === 1, 'what is kept has come');
    expect(good.lastCursor).toBe(last);
  });

  test('is told by the close code, not by `complete`, that the server stops', async () => {
    const other = await startTrailGraph({ database: app.database });
    const client = new LiveClient(optionsOf(other, admin));
    await opened(other, 1);
    await other.stop();
    await eventually(() => client.closed !== null, 'the socket is closed');
    expect(client.closed!.code).toBe(1001);
    expect(client.completed).toBe(0);
  });

  test('is not disturbed by what is not a commit on the bus, or tells of one that is not there', async () => {
    const client = open();
    await opened(app, 1);
    for (const text of [
      '',
      'hello',
      'null',
      '{}',
      '[1]',
      '{"commit":{"_id":"x"}}',
      '{"commit":{"_id":1000000}}',
    ])
      expect(await app.core.valkey.publish(`${app.database}:commits`, text)).toBe(1);
    const ids = [...(await source.pushNew(2)), ...(await source.pushNew(2))];
    await eventually(() => client.seen.length >= 4, 'the events have come');
    expect(client.ids).toEqual(ids);
  });
});
