import { matcher } from '../src/domain/matcher';
import type { CrashPoint } from '../src/pipeline/crash-points';
import { recordsIn, trail, trailKind } from './support/demo-trail';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import {
  createPushSource,
  demoRecords,
  drained,
  idsOf,
  ledger,
  type PushSource,
  pushApart,
} from './support/ledger';
import { checkedAgain, expectGap, gapEvents, proven, talliesOf } from './support/proof';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';
import { WorkerCrew } from './support/worker-process';

const RECORDS = 1_500;
const BODY = 250;
const WITHIN_MS = 240_000;

interface Hook {
  id: string;
  receiver: WebhookReceiver;
}

const receivers: WebhookReceiver[] = [];
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.stop()));
});

async function createWebhook(admin: GraphqlClient, input: object): Promise<Hook> {
  const receiver = new WebhookReceiver();
  receivers.push(receiver);
  const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
    { input: { name: 'proven', url: await receiver.start(), ...input } },
  );
  receiver.trust(createWebhook.secret);
  return { id: createWebhook.webhook.id, receiver };
}

const updateWebhook = (admin: GraphqlClient, id: string, input: object): Promise<unknown> =>
  admin.run(
    'mutation ($id: ID!, $input: UpdateWebhookInput!) { updateWebhook(id: $id, input: $input) { id } }',
    { id, input },
  );

async function unaccounted(admin: GraphqlClient, id: string): Promise<number> {
  const { webhook } = await admin.run<{ webhook: { stats: { unaccounted: number } } }>(
    'query ($id: ID!) { webhook(id: $id) { stats { unaccounted } } }',
    { id },
  );
  return Number(webhook.stats.unaccounted);
}

const bodiesOf = (records: unknown[]): unknown[][] =>
  Array.from({ length: Math.ceil(records.length / BODY) }, (_, i) => records.slice(i * BODY, (i + 1) * BODY));

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

describe(`what webhooks make of the stream (${trailKind()} trail)`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const logLines: string[] = [];
  let records: unknown[] = [];
  let fresh = 0;

  beforeAll(async () => {
    app = await startTrailGraph({ logLines });
    admin = await app.admin();
    source = await createPushSource(admin);
    for (const object of (await trail()).objects) records.push(...(await recordsIn(object)));
    records = records.slice(0, RECORDS);
  }, WITHIN_MS);
  afterAll(() => app?.stop());

  async function store(list: unknown[]): Promise<void> {
    const { statuses } = await pushApart(app, source, bodiesOf(list));
    await drained(app);
    // A busy machine may keep a body and not store it in time.
    for (const status of await statuses) expect([200, 503]).toContain(status);
  }

  /** Records that no test has used yet. */
  function more(count: number): { eventID: string }[] {
    fresh += count;
    return demoRecords(77, fresh - count, count);
  }

  const action = (name: 'pauseWebhook' | 'resumeWebhook', id: string): Promise<unknown> =>
    admin.run(`mutation ($id: ID!) { ${name}(id: $id) { id } }`, { id });

  const replay = (webhookId: string, ids: string[]): Promise<unknown> =>
    admin.run(
      'mutation ($webhookId: ID!, $filter: EventFilter!) { replayEvents(webhookId: $webhookId, filter: $filter) { id } }',
      { webhookId, filter: { ids } },
    );

  test(
    'adds up to every event that was committed, at each revision of their filters, and nothing is missing',
    async () => {
      const all = await createWebhook(admin, { batchSize: 100 });
      const some = await createWebhook(admin, { batchSize: 7, filter: { readOnly: true } });
      const ordered = await createWebhook(admin, { batchSize: 50, ordered: true });
      await store(records.slice(0, RECORDS / 2));
      await proven(app);
      await updateWebhook(admin, some.id, { filter: { readOnly: false }, batchSize: 11 });
      await store(records.slice(RECORDS / 2));
      await proven(app);

      const { commits, events, db } = ledger(app);
      const committed = await commits.find().sort({ _id: 1 }).toArray();
      const stored = new Map((await events.find().toArray()).map((event) => [event._id, event]));
      for (const { id } of [all, some, ordered]) {
        const tallies = await talliesOf(app, id);
        expect(sum(tallies.map(({ lookedAt }) => lookedAt))).toBe(
          sum(committed.map(({ ids }) => ids.length)),
        );
        const delivered = await db.collection('deliveries').distinct('eventIds', { webhookId: id });
        expect(sum(tallies.map(({ matched }) => matched))).toBe(delivered.length);
        expect(await unaccounted(admin, id)).toBe(0);
      }
      // Two stretches at two revisions, one after the other; each matched what its own filter says.
      const [first, second, ...others] = await talliesOf(app, some.id);
      expect(others).toEqual([]);
      expect(second!.from).toEqual(first!.through);
      const within = (from: number, through: number) =>
        committed.filter(({ _id }) => _id > from && _id <= through).flatMap(({ ids }) => ids);
      for (const [tally, readOnly] of [
        [first!, true],
        [second!, false],
      ] as const) {
        const wanted = within(tally.from.n, tally.through.n).filter((id) =>
          matcher({ readOnly })(stored.get(id)!),
        );
        expect(tally.matched).toBe(wanted.length);
      }
      await expectGap(app, 0);
    },
    WITHIN_MS,
  );

  test(
    'shows how many events are missing where deliveries were lost, and that they are not once they were replayed',
    async () => {
      const hook = await createWebhook(admin, { batchSize: 5 });
      await store(more(40));
      await proven(app);
      await eventually(() => hook.receiver.received.length === 8, 'all were delivered');
      const { db } = ledger(app);
      const lost = await db.collection('deliveries').find({ webhookId: hook.id }).limit(3).toArray();
      await db.collection('deliveries').deleteMany({ _id: { $in: lost.map(({ _id }) => _id) } });
      await checkedAgain(app);
      await expectGap(app, 15);
      expect(await unaccounted(admin, hook.id)).toBe(15);
      const said = logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(said).toContainEqual(
        expect.objectContaining({
          webhookId: hook.id,
          missing: 15,
          from: expect.any(Object),
          through: expect.any(Object),
        }),
      );

      await replay(
        hook.id,
        lost.flatMap(({ eventIds }) => eventIds as string[]),
      );
      await eventually(() => hook.receiver.received.length === 11, 'the lost ones are replayed');
      await checkedAgain(app);
      await expectGap(app, 0);
      expect(await unaccounted(admin, hook.id)).toBe(0);
    },
    WITHIN_MS,
  );

  test(
    'shows how many events a position was moved over by hand, as soon as it was and after it went on',
    async () => {
      const hook = await createWebhook(admin, { filter: { readOnly: true } });
      await store(more(30));
      await proven(app);
      await action('pauseWebhook', hook.id);
      const skipped = more(60);
      await store(skipped);
      const { db, events } = ledger(app);
      const matching = (await events.find({ _id: { $in: idsOf(skipped) }, readOnly: true }).toArray()).length;
      expect(matching).toBeGreaterThan(0);
      const head = await app.core.commits.head();
      const webhooks = db.collection<{ _id: string }>('webhooks');
      await webhooks.updateOne(
        { _id: hook.id },
        { $set: { position: { n: head, pos: Number.MAX_SAFE_INTEGER } } },
      );
      await checkedAgain(app);
      await expectGap(app, matching);

      await action('resumeWebhook', hook.id);
      const after = more(20);
      await store(after);
      await proven(app);
      await expectGap(app, matching);
      expect(await unaccounted(admin, hook.id)).toBe(matching);
      const before = hook.receiver.received.length;
      await replay(hook.id, idsOf(skipped));
      await eventually(
        async () => hook.receiver.received.length >= before + matching,
        'what was skipped is replayed',
      );
      await checkedAgain(app);
      await expectGap(app, 0);
    },
    WITHIN_MS,
  );

  test(
    'is held against the events themselves, so that books which agree with themselves alone are found out',
    async () => {
      const hook = await createWebhook(admin, {});
      await action('pauseWebhook', hook.id);
      await store(more(9));
      const head = await app.core.commits.head();
      const through = { n: head, pos: Number.MAX_SAFE_INTEGER };
      const webhooks = app.core.store.db.collection<{ _id: string }>('webhooks');
      await webhooks.updateOne({ _id: hook.id }, { $set: { position: through, 'tally.through': through } });
      // A pause is a revision of its own; what stands under another one can't be read again.
      await webhooks.updateOne({ _id: hook.id }, [{ $set: { 'tally.revision': '$revision' } }]);
      await eventually(async () => (await gapEvents(app)) === 9, 'the nine are missed', 60_000);
      expect(await unaccounted(admin, hook.id)).toBe(9);
      await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: hook.id });
      await eventually(async () => (await gapEvents(app)) === 0, 'a deleted webhook misses nothing', 60_000);
    },
    WITHIN_MS,
  );
});

describe('a worker that is killed while it hands events to webhooks', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  /** Kills a worker, changes a filter and has another worker, in this process, end the work. */
  async function killedAt(point: CrashPoint | `${CrashPoint}:${number}`): Promise<void> {
    const app = await startTrailGraph({ settings: { ROLE: 'api' } });
    cleanups.push(() => app.stop());
    const crew = new WorkerCrew(app.environment);
    cleanups.push(() => crew.killAll());
    const admin = await app.admin();
    const source = await createPushSource(admin);
    const same = await createWebhook(admin, { batchSize: 10 });
    const changed = await createWebhook(admin, { batchSize: 10 });
    const records = demoRecords(5, 0, 600);
    const doomed = crew.start(point);
    const { statuses } = await pushApart(app, source, bodiesOf(records));
    expect(await doomed.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
    await updateWebhook(admin, changed.id, { filter: { readOnly: true }, batchSize: 3 });
    const second = await startTrailGraph({ database: app.database });
    cleanups.push(() => second.stop());
    await drained(app);
    for (const status of await statuses) expect([200, 503]).toContain(status);
    await proven(second);
    await expectGap(second, 0);
    for (const { id } of [same, changed])
      expect(sum((await talliesOf(app, id)).map(({ lookedAt }) => lookedAt))).toBe(records.length);
    expect(same.receiver.faults).toEqual([]);
  }

  test(
    'leaves nothing unaccounted for, also where the filter is another one by then',
    async () => {
      await Promise.all(
        (['events-matched', 'deliveries-inserted:2', 'position-moved:2'] as const).map(killedAt),
      );
    },
    WITHIN_MS,
  );
});
