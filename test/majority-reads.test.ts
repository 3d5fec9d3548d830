import { eventually } from './support/eventually';
import {
  createPushSource,
  demoRecords,
  expectConsistent,
  idsOf,
  ledger,
  type PushSource,
  push,
  storedIds,
} from './support/ledger';
import { LiveClient } from './support/live-client';
import { ReplicaSet } from './support/replica-set';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

let set: ReplicaSet;
let app: TestTrailGraph;
let source: PushSource;
let token: string;

beforeAll(async () => {
  set = await ReplicaSet.start(2, { electionTimeoutMs: 2_000 });
  app = await startTrailGraph({ servers: { mongodbUri: set.uri, redisUrl: process.env.TEST_REDIS_URL! } });
  const admin = await app.admin();
  token = admin.token!;
  source = await createPushSource(admin);
});
afterAll(async () => {
  await app?.stop();
  await set?.close();
});

/** On the primary alone, where any other read finds it. */
const stands = (there: () => Promise<boolean>) => eventually(there, 'the primary has it');

test('nobody is told of a commit that a failover may still take back; once a majority has it, each is told once', async () => {
  const { commits } = app.core;
  expect(await push(app, source, demoRecords(401, 0, 10))).toBe(200);
  const n = await commits.head();
  const live = new LiveClient({ url: app.url, token });
  const subscribed = async () => (await app.core.metrics.text()).includes('trailgraph_subscriptions 1');
  await eventually(subscribed, 'it has subscribed');

  const records = demoRecords(402, 0, 10);
  const inserts = await set.holdInserts(`${app.database}.commits`);
  const pushed = push(app, source, records);
  await inserts.entered();
  await set.holdBack();
  await inserts.release();
  await stands(async () => (await commits.newest()) === n + 1);

  const [{ run, slice } = { run: '', slice: 0 }] = await ledger(app)
    .commits.find({ _id: n + 1 })
    .toArray();
  expect(await commits.head()).toBe(n);
  expect(await commits.after(n, 10)).toEqual([]);
  expect(await commits.numbers([{ run, slice }])).toEqual(new Map());
  expect(await commits.slicesOf([run])).toEqual(new Map([[run, []]]));
  expect(await commits.storedAfter(n)).toBe(0);
  expect((await commits.countsAfter(source.id, n)).stored).toBe(0);
  expect(live.ids).toEqual([]);

  await set.letFollow();
  await eventually(() => live.ids.length >= records.length, 'the subscriber has heard');
  await eventually(async () => (await push(app, source, demoRecords(403, 0, 1))) === 200, 'more is stored');
  await eventually(() => live.ids.length > records.length, 'the subscriber has heard of it');
  expect(live.ids.sort()).toEqual([...idsOf(records), ...idsOf(demoRecords(403, 0, 1))].sort());
  expect([200, 503]).toContain(await pushed);
  await app.drain();
  expect(await storedIds(app)).toHaveLength(21);
  await expectConsistent(app);
});

test('what is fetched counts as in the ledger once a majority has it: until then its message stays in the queue', async () => {
  const { batches } = app.core;
  const before = await ledger(app).batches.distinct('_id');
  await set.holdBack();
  const pushed = push(app, source, demoRecords(404, 0, 1));
  const added = async () => ledger(app).batches.findOne({ _id: { $nin: before } });
  await stands(async () => (await added()) !== null);
  const { _id: id } = (await added())!;
  expect(await batches.known([id])).toEqual(new Set());
  await set.letFollow();
  await eventually(async () => (await batches.known([id])).has(id), 'a majority has it');
  expect([200, 503]).toContain(await pushed);
});
