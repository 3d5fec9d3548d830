import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connectStore } from '../src/store/connection';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import {
  bodiesOf,
  createPushSource,
  demoRecords,
  expectConsistent,
  idsOf,
  ledger,
  type PushSource,
  push,
  storedIds,
} from './support/ledger';
import { ReplicaSet } from './support/replica-set';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** What a primary answers that steps down. */
const STATE_CHANGES = {
  NotWritablePrimary: 10_107,
  InterruptedDueToReplStateChange: 11_602,
  PrimarySteppedDown: 189,
};
const READS = ['find', 'aggregate'];
const WRITES = ['insert', 'update', 'findAndModify'];

let set: ReplicaSet;
let app: TestTrailGraph;
let admin: GraphqlClient;
let source: PushSource;
const logLines: string[] = [];

beforeAll(async () => {
  set = await ReplicaSet.start(1);
  const servers = { mongodbUri: set.uri, redisUrl: process.env.TEST_REDIS_URL! };
  app = await startTrailGraph({ servers, logLines });
  admin = await app.admin();
  source = await createPushSource(admin);
});
afterAll(async () => {
  await app?.stop();
  await set?.close();
});

describe('while the primary changes', () => {
  afterEach(() => set.heal());

  test.each(Object.entries(STATE_CHANGES))('a caller is told to come again (%s)', async (_, errorCode) => {
    await set.fail('alwaysOn', { failCommands: [...READS, ...WRITES], errorCode });
    const { errors } = await admin.raw('{ users(first: 1) { nodes { id } } }');
    expect(errors?.map(({ extensions }) => extensions?.code)).toEqual(['UNAVAILABLE']);
    expect(await push(app, source, demoRecords(300, 0, 1))).toBe(503);
  });

  const faults: [string, Record<string, unknown>][] = [
    ['a primary that steps down', { errorCode: STATE_CHANGES.InterruptedDueToReplStateChange }],
    ['a connection that breaks', { closeConnection: true }],
    [
      'a majority that does not answer in time',
      { writeConcernError: { code: 64, errmsg: 'no majority in time' } },
    ],
  ];

  test.each(faults)('each record is stored once, and nothing is quarantined (%s)', async (name, data) => {
    const before = new Set(await storedIds(app));
    const bodies = bodiesOf(310 + faults.findIndex(([other]) => other === name), 6, 20);
    await set.fail({ times: 12 }, { failCommands: WRITES, ...data });
    const sent = bodies.map((body) =>
      eventually(async () => (await push(app, source, body)) === 200, 'the records are stored'),
    );
    await Promise.all(sent);
    await app.drain();
    const stored = (await storedIds(app)).filter((id) => !before.has(id));
    expect(stored).toEqual(bodies.flatMap(idsOf).sort());
    const { batches, db } = ledger(app);
    expect(await batches.distinct('state')).toEqual(['DONE']);
    expect(await batches.countDocuments({ crashes: { $gt: 0 } })).toBe(0);
    expect(await db.collection('quarantine').countDocuments()).toBe(0);
    await expectConsistent(app);
  });

  test('a source that could not be written down is not at fault', async () => {
    await admin.run(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      {
        input: { name: 'demo', demo: { eventsPerSecond: 20, seed: 1 } },
      },
    );
    logLines.length = 0;
    await set.fail('alwaysOn', { failCommands: ['insert'], errorCode: STATE_CHANGES.NotWritablePrimary });
    await eventually(() => logLines.some((line) => line.includes('a source could not be read')), 'it failed');
    const demo = () => ledger(app).db.collection('sources').findOne({ name: 'demo' });
    await eventually(async () => (await demo())?.token === null, 'it was given back');
    expect((await demo())?.status).toMatchObject({ lastError: null });
    await set.heal();
    await eventually(async () => (await demo())?.status.health === 'HEALTHY', 'it goes on');
  });
});

test('a database that comes up late is written to as one that was there: by majority, and given up within 2 s', async () => {
  let refused = 0;
  const port = Number(/:(\d+)/.exec(set.uri.replace('mongodb://', ''))?.[1]);
  let open = false;
  const way = createServer((near) => {
    near.on('error', () => undefined);
    if (!open) {
      refused += 1;
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(way, 'listening');
  const { port: wayPort } = way.address() as AddressInfo;
  const connecting = connectStore(
    `mongodb://127.0.0.1:${wayPort}/?directConnection=true&readPreference=nearest`,
    60_000,
  );
  // More than one round of looking for a server, which asks twice a second for 2 s.
  await eventually(() => refused >= 10, 'it was looked for more than once');
  open = true;
  const store = await connecting;
  const { options } = store.connection.getClient();
  expect(options.writeConcern).toMatchObject({ w: 'majority', journal: true });
  expect(options.readPreference.mode).toBe('primary');
  expect(options.serverSelectionTimeoutMS).toBe(2_000);
  expect(store.db.databaseName).toBe('trailgraph');
  await store.close();
  way.close();
});
