import fc from 'fast-check';
import { deliveryMatcher } from '../src/domain/delivery-filter';
import type { DeliveryFilter } from '../src/domain/replay';
import type { Delivery, DeliveryHead } from '../src/domain/webhook';
import { DeliveryFeed } from '../src/live/delivery-feed';
import { DeliveryChangeStore } from '../src/store/delivery-changes';
import { DeliveryWatcher } from './support/delivery-watcher';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { opened } from './support/live-state';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SECOND = 1_000;

/** A delivery as a holder would make it, of no event that is stored. */
function made(id: string, over: Partial<Delivery> = {}): Delivery {
  const now = new Date();
  return {
    _id: id,
    webhookId: 'whk_none',
    state: 'PENDING',
    eventIds: [`event-of-${id}`],
    first: { n: 0, pos: 0 },
    last: { n: 0, pos: 0 },
    format: 'ENRICHED',
    revision: 1,
    batch: false,
    thin: false,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: now,
    createdAt: now,
    completedAt: null,
    test: false,
    ...over,
  };
}

// Without Valkey, and with a second API process beside the one whose worker sends.
describe('changes of deliveries', () => {
  let app: TestTrailGraph;
  let beside: TestTrailGraph;
  let admin: GraphqlClient;
  let next = 0;
  const receivers: Receiver[] = [];
  const watchers: DeliveryWatcher[] = [];

  beforeAll(async () => {
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: 'redis://127.0.0.1:1' };
    app = await startTrailGraph({ servers });
    beside = await startTrailGraph({ servers, database: app.database, settings: { ROLE: 'api' } });
    admin = await app.admin();
  });
  afterEach(async () => {
    for (const watcher of watchers.splice(0)) watcher.stop();
    await Promise.all([opened(app, 0), opened(beside, 0)]);
  });
  afterAll(async () => {
    await beside?.stop();
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  async function webhook(): Promise<{ id: string; receiver: Receiver }> {
    const receiver = new Receiver();
    receivers.push(receiver);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($url: String!) { createWebhook(input: { name: "test", url: $url }) { webhook { id } } }',
      { url: await receiver.start() },
    );
    return { id: createWebhook.webhook.id, receiver };
  }

  async function store(count: number): Promise<string[]> {
    const records = demoRecords(91, next, count);
    next += count;
    await admin.ingest(records);
    return records.map((record) => (record as { eventID: string }).eventID);
  }

  async function watch(filter: object | null, fields?: string): Promise<DeliveryWatcher> {
    const watcher = new DeliveryWatcher(beside.url, admin.token!, filter, fields);
    watchers.push(watcher);
    await opened(beside, watchers.length);
    return watcher;
  }

  /** The events that were told of, each once. */
  const told = (watcher: DeliveryWatcher): string[] => [
    ...new Set(watcher.told.flatMap(({ eventIds }) => eventIds)),
  ];

  test('are told in another API process: made, attempted, delivered, sent again, cancelled, given up', async () => {
    const { id, receiver } = await webhook();
    const watcher = await watch({ webhookIds: [id] }, 'attempts { number responseStatus }');
    receiver.answer = (_, index) => ({ status: index === 0 ? 500 : 204 });
    const [eventId] = await store(1);
    await eventually(
      () => watcher.told.some(({ state, attempts }) => state === 'PENDING' && attempts?.length === 1),
      'the attempt that failed is told',
    );
    const delivery = watcher.told[0]!.id;
    await eventually(() => watcher.newest(delivery)?.state === 'DELIVERED', 'that it arrived is told');
    expect(watcher.newest(delivery)).toEqual({
      id: delivery,
      webhookId: id,
      state: 'DELIVERED',
      attemptCount: 2,
      eventIds: [eventId],
      attempts: [
        { number: 1, responseStatus: 500 },
        { number: 2, responseStatus: 204 },
      ],
    });

    receiver.answer = () => null;
    await admin.run('mutation ($id: ID!) { redeliver(id: $id) { id } }', { id: delivery });
    await eventually(() => watcher.newest(delivery)?.state === 'PENDING', 'that it is sent again is told');
    await admin.run('mutation ($id: ID!) { cancelDelivery(id: $id) { id } }', { id: delivery });
    await eventually(() => watcher.newest(delivery)?.state === 'CANCELLED', 'that it is cancelled is told');

    const { sendTestDelivery: test } = await admin.run<{ sendTestDelivery: { id: string } }>(
      'mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id } }',
      { id },
    );
    await eventually(() => watcher.newest(test.id)?.state === 'PENDING', 'that it was made is told');
    await app.core.deliveries.expire(test.id);
    await eventually(() => watcher.newest(test.id)?.state === 'FAILED', 'that it was given up is told');
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id });
  }, 240_000);

  test('are told to whom they match: of these webhooks, in these states, with these events', async () => {
    const [one, other] = [await webhook(), await webhook()];
    const ofOne = await watch({ webhookIds: [one.id], states: ['DELIVERED'] });
    const all = await watch(null);
    const chosen = (demoRecords(91, next + 7, 1)[0] as { eventID: string }).eventID;
    const ofEvent = await watch({ eventIds: [chosen], webhookIds: [other.id] });
    const ids = await store(30);
    await eventually(() => told(ofOne).length === 30, 'all that the one got are told');
    expect(new Set(ofOne.told.map(({ state, webhookId }) => `${webhookId} ${state}`))).toEqual(
      new Set([`${one.id} DELIVERED`]),
    );
    expect(told(ofOne).sort()).toEqual([...ids].sort());
    await eventually(
      () => new Set(all.told.filter(({ state }) => state === 'DELIVERED').map(({ id }) => id)).size === 60,
      'who asked for all hears of every delivery',
    );
    expect(told(ofEvent)).toEqual([chosen]);
  });

  test('a filter means the same for a subscription as for the list', async () => {
    const from = Date.now() - 1_000_000;
    const states = ['PENDING', 'DELIVERED', 'FAILED', 'CANCELLED'] as const;
    const pool = Array.from({ length: 60 }, (_, i) =>
      made(`dlv_pool${i}`, {
        webhookId: `whk_${i % 3}`,
        state: states[i % 4]!,
        eventIds: [`a${i % 5}`, `b${i % 7}`],
        createdAt: new Date(from + i * SECOND),
        nextAttemptAt: null,
      }),
    );
    await app.core.deliveries.insertMissing(pool);
    const some = <T>(...values: T[]): fc.Arbitrary<T[] | null | undefined> =>
      fc.option(fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 }), { nil: undefined });
    const time = fc.option(
      fc.integer({ min: -2, max: 62 }).map((i) => new Date(from + i * SECOND)),
      { nil: null },
    );
    const filters: fc.Arbitrary<DeliveryFilter> = fc.record({
      webhookIds: some('whk_0', 'whk_1', 'whk_2', 'whk_none'),
      states: some(...states),
      eventIds: some('a0', 'a3', 'b2', 'b6', 'c'),
      from: time,
      to: time,
    });
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        const within = { from: new Date(from - 10 * SECOND), to: new Date(from + 100 * SECOND) };
        const bounded = { ...filter, from: filter.from ?? within.from, to: filter.to ?? within.to };
        const { items } = await app.core.deliveries.page(bounded, { limit: 200 });
        const listed = items.map(({ item }) => item._id).sort();
        expect(
          pool
            .filter(deliveryMatcher(filter))
            .map(({ _id }) => _id)
            .sort(),
        ).toEqual(listed);
      }),
      { numRuns: 150 },
    );
  });

  test('reach a follower that is far behind all the same: the last state of each delivery', async () => {
    const COUNT = 7_000;
    const changes = new DeliveryChangeStore(app.core.store.db);
    const faults: unknown[] = [];
    let reads = 0;
    const feed = new DeliveryFeed(
      {
        changedSince: (since) => changes.changedSince(since),
        heads: (ids) => {
          reads++;
          return changes.heads(ids);
        },
        now: app.core.now,
      },
      (error) => faults.push(error),
    );
    try {
      const ids = Array.from({ length: COUNT }, (_, i) => `dlv_behind${i}`);
      const slow = feed.follow(deliveryMatcher({ webhookIds: ['whk_behind'] }), new AbortController().signal);
      const quick = feed.follow(deliveryMatcher({ eventIds: ['last'] }), new AbortController().signal);
      await app.core.deliveries.insertMissing(ids.map((id) => made(id, { webhookId: 'whk_behind' })));
      await eventually(() => reads >= COUNT / 500, 'the feed has seen that they were made');
      await app.core.store.db
        .collection<Delivery>('deliveries')
        .updateMany({ webhookId: 'whk_behind' }, [
          { $set: { state: 'DELIVERED', attemptCount: 1, completedAt: '$$NOW', nextAttemptAt: null } },
        ]);
      await app.core.deliveries.insertMissing([made('dlv_last', { eventIds: ['last'] })]);
      expect((await quick.next()).value).toMatchObject({ _id: 'dlv_last' });

      const newest = new Map<string, DeliveryHead>();
      while ([...newest.values()].filter(({ state }) => state === 'DELIVERED').length < COUNT) {
        for (let i = 0; i < 500; i++) {
          const { value } = await slow.next();
          newest.set((value as DeliveryHead)._id, value as DeliveryHead);
        }
      }
      expect([...newest.keys()].sort()).toEqual(ids.sort());
      expect(faults).toEqual([]);
    } finally {
      feed.close();
    }
  }, 240_000);

  test('are found by indexes alone, and asked for only while somebody follows', async () => {
    const { db } = app.core.store;
    for (const time of ['createdAt', 'completedAt', 'changedAt']) {
      const plan = await db
        .collection('deliveries')
        .find({ [time]: { $gte: new Date() } })
        .sort({ [time]: 1 })
        .explain('queryPlanner');
      const text = JSON.stringify(
        (plan as { queryPlanner: { winningPlan: object } }).queryPlanner.winningPlan,
      );
      expect(text).toContain('IXSCAN');
      expect(text).not.toMatch(/COLLSCAN|"SORT"/);
    }
    const asked = (): Promise<number> =>
      db.collection('system.profile').countDocuments({ 'command.sort.completedAt': { $exists: true } });
    await db.command({ profile: 2 });
    const watcher = await watch(null);
    await eventually(async () => (await asked()) > 0, 'the database is asked');
    watcher.stop();
    watchers.pop();
    await opened(beside, 0);
    const before = await asked();
    const { id } = await webhook();
    await store(1);
    await eventually(
      async () => (await app.core.deliveries.countByState(id, 'DELIVERED')) === 1,
      'a second or so has passed',
    );
    expect(await asked()).toBeLessThanOrEqual(before + 1);
    await db.command({ profile: 0 });
  });

  test.each([
    [{ webhookIds: Array.from({ length: 201 }, (_, i) => `whk_${i}`) }, 'webhookIds'],
    [{ eventIds: Array.from({ length: 201 }, (_, i) => `e${i}`) }, 'eventIds'],
  ])('are refused to who names too many ids', async (filter, member) => {
    const watcher = new DeliveryWatcher(app.url, admin.token!, filter);
    await eventually(() => watcher.errors.length > 0, 'it is refused');
    expect(watcher.errors[0]).toMatchObject({
      message: `\`filter.${member}\` must name at most 200.`,
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  test('are refused to who is not logged in', async () => {
    const watcher = new DeliveryWatcher(app.url, null, null);
    await eventually(() => watcher.closedWith === 4403, 'the socket is closed');
    expect(watcher.told).toEqual([]);
  });
});
