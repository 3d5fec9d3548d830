import { randomInt } from 'node:crypto';
import type { Batch, NewBatch } from '../src/domain/batch';
import { addCounts, type Counters, NO_COUNTS } from '../src/domain/source';
import type { CrashPoint } from '../src/pipeline/crash-points';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, demoRecords, expectConsistent, idsOf, ledger, push } from './support/ledger';
import { LiveClient } from './support/live-client';
import { opened } from './support/live-state';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';

type Record = { eventID: string };

/** So many tries before let the next one wait for half an hour, in which a test does what it wants. */
const TRIES_BEFORE = 12;
const SLICE_POINTS: CrashPoint[] = ['events-inserted', 'taken-over', 'before-commit', 'after-commit'];

const counts = (received: number, stored: number, duplicates: number, dropped = 0): Counters => ({
  received,
  stored,
  duplicates,
  dropped,
  rejected: 0,
});

describe('an event that a silent backfill stored and live work meets', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: { id: string; token: string };
  const receiver = new WebhookReceiver();
  let live: LiveClient;
  let failAt: (point: CrashPoint) => boolean = () => false;
  let seed = 0;
  let batches = 0;

  beforeAll(async () => {
    app = await startTrailGraph({
      crash: (point) => {
        if (failAt(point)) throw new Error(`the worker failed at ${point}`);
      },
    });
    admin = await app.admin();
    source = await createPushSource(admin);
    const url = await receiver.start();
    const { createWebhook } = await admin.run<{ createWebhook: { secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
      { input: { name: 'hears', url, batchSize: 50 } },
    );
    receiver.trust(createWebhook.secret);
    live = new LiveClient({ url: app.url, token: admin.token! });
    await opened(app, 1);
  });
  afterAll(async () => {
    live?.stop();
    await app?.stop();
    await receiver.stop();
  });
  afterEach(async () => {
    failAt = () => false;
    await expectConsistent(app);
    expect(receiver.faults).toEqual([]);
  });

  const records = (count: number): Record[] => demoRecords(++seed, 0, count);
  const heardOf = (ids: string[]) => {
    const wanted = new Set(ids);
    return {
      webhook: receiver.received.flatMap(({ eventIds }) => eventIds).filter((id) => wanted.has(id)),
      subscription: live.ids.filter((id) => wanted.has(id)),
    };
  };

  /** Once each, by the webhook and the subscription. */
  async function expectHeard(ids: string[]): Promise<void> {
    await eventually(() => {
      const { webhook, subscription } = heardOf(ids);
      return webhook.length >= ids.length && subscription.length >= ids.length;
    }, 'all are heard of');
    const { webhook, subscription } = heardOf(ids);
    expect(webhook.sort()).toEqual([...ids].sort());
    expect(subscription.sort()).toEqual([...ids].sort());
  }

  const expectSilent = (ids: string[]): void =>
    expect(heardOf(ids)).toEqual({ webhook: [], subscription: [] });

  /** Puts a batch into the ledger as a fetch does. @returns its id */
  async function add(of: Record[], kind: 'live' | 'silent' | 'deliver', over: Partial<Batch> = {}) {
    const batch: NewBatch = {
      _id: `test_${++batches}`,
      sourceId: source.id,
      sourceKind: 'HTTP_PUSH',
      reference: 'test',
      payload: Buffer.from(JSON.stringify({ Records: of })),
      ...(kind === 'live' ? {} : { backfillId: 'bf_test', backfillPage: 1 }),
      ...(kind === 'silent' ? { silent: true as const } : {}),
    };
    const now = new Date();
    await ledger(app).batches.insertOne({
      ...NO_COUNTS,
      ...batch,
      run: `run-${batches}`,
      state: 'PENDING',
      attempts: 0,
      crashes: 0,
      token: null,
      dueAt: now,
      error: null,
      createdAt: now,
      doneAt: null,
      ...over,
    });
    return batch._id;
  }

  async function settled(id: string): Promise<Counters & { state: string }> {
    await eventually(
      async () => (await app.core.batches.get(id))?.state !== 'PENDING',
      `${id} is settled`,
      60_000, // After some failures in a row it waits for many seconds.
    );
    const batch = (await app.core.batches.get(id))!;
    return { ...addCounts(batch, NO_COUNTS), state: batch.state };
  }

  /** Runs a batch up to a failure there, and leaves it so. */
  async function heldAt(point: CrashPoint, of: Record[], kind: 'live' | 'silent'): Promise<string> {
    let failed = false;
    failAt = (reached) => {
      failed ||= reached === point;
      return reached === point;
    };
    const id = await add(of, kind, { attempts: TRIES_BEFORE });
    await eventually(
      async () => failed && (await app.core.batches.get(id))?.token === null,
      `${id} has failed at ${point}`,
    );
    failAt = () => false;
    return id;
  }

  const goOn = (id: string, over: Partial<Batch> = {}) =>
    ledger(app).batches.updateOne({ _id: id }, { $set: { dueAt: new Date(), ...over } });

  const failOnce = (at: CrashPoint): void => {
    failAt = (reached) => {
      if (reached !== at) return false;
      failAt = () => false;
      return true;
    };
  };

  it('is heard of with the live batch, and counts there as a duplicate', async () => {
    const all = records(5);
    const silent = await add(all.slice(0, 3), 'silent');
    expect(await settled(silent)).toEqual({ state: 'DONE', ...counts(3, 3, 0) });
    const first = await add(all, 'live');
    expect(await settled(first)).toEqual({ state: 'DONE', ...counts(5, 2, 3) });
    await expectHeard(idsOf(all));
    const again = await add(all, 'live');
    expect(await settled(again)).toEqual({ state: 'DONE', ...counts(5, 0, 5) });
    const kept = await app.core.events.byIds(idsOf(all));
    const { run } = (await app.core.batches.get(first))!;
    const old = (await app.core.batches.get(silent))!.run;
    expect(kept.map((event) => [event.run, event.silent, event.takenFrom])).toEqual([
      ...all.slice(0, 3).map(() => [run, undefined, old]),
      ...all.slice(3).map(() => [run, undefined, undefined]),
    ]);
    await expectHeard(idsOf(all));
  });

  it('is answered at the push door as a duplicate, and found by a query with its new cursor', async () => {
    const [one] = records(1);
    await settled(await add([one!], 'silent'));
    const query = 'query ($id: ID!) { event(id: $id) { cursor } }';
    const before = await admin.run<{ event: { cursor: string } }>(query, { id: one!.eventID });
    expect(await push(app, source, [one!])).toBe(200);
    const after = await admin.run<{ event: { cursor: string } }>(query, { id: one!.eventID });
    expect(after.event.cursor).not.toBe(before.event.cursor);
    await expectHeard([one!.eventID]);
    expect(live.seen.find(({ id }) => id === one!.eventID)?.cursor).toBe(after.event.cursor);
  });

  it("is heard of though the backfill's slice is not committed yet, and is counted by the backfill", async () => {
    const all = records(4);
    const silent = await heldAt('before-commit', all, 'silent');
    const live = await add(all.slice(1), 'live');
    expect(await settled(live)).toEqual({ state: 'DONE', ...counts(3, 0, 3) });
    await expectHeard(idsOf(all.slice(1)));
    await goOn(silent);
    expect(await settled(silent)).toEqual({ state: 'DONE', ...counts(4, 4, 0) });
    expectSilent(idsOf(all.slice(0, 1)));
  });

  it.each([
    ['QUARANTINED', { crashes: 3 }],
    ['DONE', {}],
  ] as const)(
    'is counted once where the backfill came to insert it only, and is %s then',
    async (state, over) => {
      const all = records(3);
      const silent = await heldAt('events-inserted', all, 'silent');
      expect(await settled(await add(all.slice(0, 2), 'live'))).toEqual({
        state: 'DONE',
        ...counts(2, 0, 2),
      });
      await goOn(silent, over);
      expect(await settled(silent)).toEqual({ state, ...counts(3, 3, 0) });
      await expectHeard(idsOf(all.slice(0, 2)));
    },
  );

  it.each(['taken-over', 'before-commit', 'after-commit'] as const)(
    'is heard of once where the live batch fails at %s',
    async (point) => {
      const all = records(4);
      await settled(await add(all.slice(0, 3), 'silent'));
      failOnce(point);
      expect(await settled(await add(all, 'live'))).toEqual({ state: 'DONE', ...counts(4, 1, 3) });
      await expectHeard(idsOf(all));
    },
  );

  it.each(['taken-over', 'before-commit'] as const)(
    'is found by queries after the live batch fails at %s, and heard of where that batch is given up',
    async (point) => {
      const all = records(3);
      await settled(await add(all, 'silent'));
      const held = await heldAt(point, all, 'live');
      for (const id of idsOf(all)) {
        const { event } = await admin.run<{ event: { id: string } | null }>(
          'query ($id: ID!) { event(id: $id) { id } }',
          { id },
        );
        expect(event).toEqual({ id });
      }
      expectSilent(idsOf(all));
      await goOn(held, { crashes: 3 });
      expect(await settled(held)).toEqual({ state: 'QUARANTINED', ...counts(3, 0, 3) });
      await expectHeard(idsOf(all));
    },
  );

  it('is heard of with a backfill that delivers as well, and not with another silent one', async () => {
    const all = records(3);
    await settled(await add(all, 'silent'));
    expect(await settled(await add(all, 'silent'))).toEqual({ state: 'DONE', ...counts(3, 0, 3) });
    expectSilent(idsOf(all));
    expect(await settled(await add(all, 'deliver'))).toEqual({ state: 'DONE', ...counts(3, 0, 3) });
    await expectHeard(idsOf(all));
  });

  it('is taken over once where a live batch holds it in two slices', async () => {
    const all = records(1_000);
    await settled(await add(all, 'silent'));
    expect(await settled(await add([...all, ...all], 'live'))).toEqual({
      state: 'DONE',
      ...counts(2_000, 0, 2_000),
    });
    await expectHeard(idsOf(all));
  });

  it("stays silent where the source's drop filter has come to match it", async () => {
    const all = records(2);
    await settled(await add(all, 'silent'));
    const setFilter = (dropFilter: object | null) =>
      admin.run(
        'mutation ($id: ID!, $input: UpdateSourceInput!) { updateSource(id: $id, input: $input) { id } }',
        { id: source.id, input: { dropFilter } },
      );
    await setFilter({ sourceIds: [source.id] });
    expect(await settled(await add(all, 'live'))).toEqual({ state: 'DONE', ...counts(2, 0, 0, 2) });
    await setFilter(null);
    expectSilent(idsOf(all));
  });

  it('is heard of once and counted once, whatever comes first and wherever a worker fails', async () => {
    const seedOfRun = randomInt(2 ** 31);
    const random = mulberry32(seedOfRun);
    try {
      const pool = records(600);
      let failures = 12;
      failAt = (point) => SLICE_POINTS.includes(point) && failures > 0 && random() < 0.25 && failures-- > 0;
      const heard = new Set<string>();
      const all = new Set<string>();
      const added: string[] = [];
      for (let n = 0; n < 14; n++) {
        const some = pool.filter(() => random() < 0.3);
        const silent = random() < 0.5;
        for (const { eventID } of some) all.add(eventID);
        if (!silent) for (const { eventID } of some) heard.add(eventID);
        added.push(await add(some, silent ? 'silent' : 'live'));
      }
      for (const id of added) expect((await settled(id)).state).toBe('DONE');
      expect(await ledger(app).events.countDocuments({ _id: { $in: idsOf(pool) } })).toBe(all.size);
      await expectHeard([...heard]);
      expectSilent([...all].filter((id) => !heard.has(id)));
    } catch (error) {
      throw new Error(`with seed ${seedOfRun}: ${String(error)}`);
    }
  });
});

/** Numbers in [0, 1), the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
