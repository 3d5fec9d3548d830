import { randomBytes } from 'node:crypto';
import type { StoredEvent } from '../../src/domain/event';
import { TestAuthority } from '../support/certificates';
import { measured } from '../support/chaos-bench';
import { eventually } from '../support/eventually';
import type { GraphqlClient } from '../support/graphql-client';
import {
  createPushSource,
  demoRecords,
  drained,
  expectConsistent,
  idsOf,
  ledger,
  type PushSource,
  push,
} from '../support/ledger';
import { LiveClient } from '../support/live-client';
import { ReplicaSet } from '../support/replica-set';
import { startTrailGraph, type TestTrailGraph } from '../support/trailgraph';
import { WebhookReceiver } from '../support/webhook-receiver';
import { type SpawnedProgram, WorkerCrew } from '../support/worker-process';

const DATABASE = `rollback-${randomBytes(4).toString('hex')}`;
const PASSWORD = 'of a user with few rights';
const SIZE = 20;
const WITHIN_MS = 120_000;
/** Longer than the test: what a killed worker held is free when the test says so. */
const LONG_LEASE = { TRAILGRAPH_LEASE_SECONDS: '600' };

const authority = new TestAuthority();
const receiver = new WebhookReceiver();
let set: ReplicaSet;
let app: TestTrailGraph;
let admin: GraphqlClient;
let source: PushSource;
let crew: WorkerCrew;
let worker: SpawnedProgram;
let live: LiveClient;
const acknowledged: string[] = [];
let seed = 500;

beforeAll(async () => {
  set = await ReplicaSet.start(3, { users: true, tls: authority, electionTimeoutMs: 4_000 });
  await set.asRoot((db) =>
    db.command({ createUser: 'trailgraph', pwd: PASSWORD, roles: [{ role: 'readWrite', db: DATABASE }] }),
  );
  const tls = `tls=true&tlsCAFile=${encodeURIComponent(authority.caFile)}`;
  const user = `trailgraph:${encodeURIComponent(PASSWORD)}`;
  const mongodbUri = `mongodb://${user}@${set.hosts}/trailgraph?replicaSet=trail&authSource=admin&${tls}`;
  app = await startTrailGraph({
    servers: { mongodbUri, redisUrl: process.env.TEST_REDIS_URL! },
    database: DATABASE,
    settings: { ROLE: 'api' },
  });
  admin = await app.admin();
  crew = new WorkerCrew(app.environment);
  worker = crew.start(undefined, LONG_LEASE);
  source = await createPushSource(admin);
  const input = { name: 'rollback', url: await receiver.start(), batchSize: 10 };
  const { createWebhook } = await admin.run<{ createWebhook: { secret: string } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
    { input },
  );
  receiver.trust(createWebhook.secret);
  live = new LiveClient({ url: app.url, token: admin.token! });
  const subscribed = async () => (await app.core.metrics.text()).includes('trailgraph_subscriptions 1');
  await eventually(subscribed, 'it has subscribed');
  await send(demoRecords(seed++, 0, SIZE));
}, 300_000);
afterAll(async () => {
  await crew?.killAll();
  await app?.stop();
  await receiver.stop();
  await set?.close();
  authority.remove();
});

/** As a sender does: again and again until it is acknowledged. */
async function send(records: { eventID: string }[]): Promise<void> {
  await eventually(async () => (await push(app, source, records)) === 200, 'it is stored', WITHIN_MS);
  acknowledged.push(...idsOf(records));
}

interface UnderWay {
  /** The number that its commit has on the primary, and nowhere else. */
  n: number;
  records: { eventID: string }[];
  /** What is in the ledger of the primary, and nowhere else. */
  fetched: { eventID: string }[];
}

/** A slice whose commit only the primary has, and a body that only its ledger has; neither is acknowledged. */
async function slicesUnderWay(): Promise<UnderWay> {
  const { commits } = app.core;
  const n = (await commits.newest()) + 1;
  const [records, fetched] = [demoRecords(seed++, 0, SIZE), demoRecords(seed++, 0, SIZE)];
  const inserts = await set.holdInserts(`${DATABASE}.commits`);
  const pushed = push(app, source, records);
  await inserts.entered();
  await set.holdBack();
  await inserts.release();
  await eventually(async () => (await commits.newest()) === n, 'the primary has the commit');
  expect(await Promise.all([pushed, push(app, source, fetched)])).toEqual([503, 503]);
  return { n, records, fetched };
}

/** Cuts the primary off, and has another one elected that lacks what this one has. */
async function failOver(): Promise<{ port: number; thaw: () => void }> {
  const old = await set.freezePrimary();
  await set.letFollow();
  const elected = async () => ![null, old.port].includes(await set.primaryPort());
  await eventually(elected, 'another primary is elected', WITHIN_MS);
  return old;
}

/** The old primary comes back, and takes back what the others never had. */
async function comesBack({ port, thaw }: { port: number; thaw: () => void }): Promise<string[]> {
  thaw();
  await eventually(() => set.isWhole(), 'the replica set is whole', WITHIN_MS);
  let collections: string[] = [];
  await eventually(
    async () => {
      collections = await set.rolledBack(port, DATABASE);
      return collections.length > 0;
    },
    'the old primary has taken something back',
    WITHIN_MS,
  );
  measured('taken back by the old primary', collections.join(', '));
  return collections;
}

/** Everything that was acknowledged is stored once and has been told once. */
async function expectOnce(): Promise<void> {
  const all = [...acknowledged].sort();
  await drained(app, WITHIN_MS);
  const { events, batches, db } = ledger(app);
  const stored: Pick<StoredEvent, '_id'>[] = await events.find({}, { projection: { _id: 1 } }).toArray();
  expect(stored.map(({ _id }) => _id).sort()).toEqual(all);
  expect(await batches.distinct('state')).toEqual(['DONE']);
  expect(await db.collection('quarantine').countDocuments()).toBe(0);
  await expectConsistent(app);
  await eventually(() => live.ids.length >= all.length, 'the subscriber has heard', WITHIN_MS);
  expect([...live.ids].sort()).toEqual(all);
  const heard = () => new Set(receiver.received.flatMap(({ eventIds }) => eventIds));
  await eventually(() => heard().size >= all.length, 'the webhook has heard', WITHIN_MS);
  expect(receiver.faults).toEqual([]);
  const requests = [...receiver.byWebhookId().values()];
  for (const bodies of requests) for (const body of bodies) expect(body).toEqual(bodies[0]);
  expect(requests.flatMap(([first]) => first).sort()).toEqual(all);
}

test('a commit that is taken back with its worker gone: its number goes to another slice, and both are heard of once', async () => {
  const { n, records, fetched } = await slicesUnderWay();
  worker.kill('SIGKILL');
  const old = await failOver();
  worker = crew.start();
  const others = demoRecords(seed++, 0, SIZE);
  await send(others);
  const { commits, batches, db } = ledger(app);
  expect((await commits.findOne({ _id: n }))?.ids.sort()).toEqual(idsOf(others).sort());
  // As if the leases of the killed worker had run out.
  await batches.updateMany({ state: 'PENDING' }, { $set: { dueAt: new Date(0) } });
  await db.collection('webhooks').updateMany({}, { $set: { leaseUntil: new Date(0) } });
  await send(records);
  await send(fetched);
  expect(await comesBack(old)).toEqual(expect.arrayContaining(['batches', 'commits']));
  await expectOnce();
}, 600_000);

test('a slice that its worker was committing when the primary was cut off is stored once, and heard of once', async () => {
  const { records, fetched } = await slicesUnderWay();
  const old = await failOver();
  await send(records);
  await send(fetched);
  expect(await comesBack(old)).toEqual(expect.arrayContaining(['batches', 'commits']));
  await expectOnce();
}, 600_000);
