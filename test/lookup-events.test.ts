import { eventually } from './support/eventually';
import { countersOf, drained, expectConsistent, ledger, storedIds } from './support/ledger';
import { cloudTrailModel, modelFaults } from './support/lookup-model';
import { HOUR, idsOfAll, MINUTE, recordsAt, SECOND, timesUpTo } from './support/lookup-poller';
import {
  type Exchange,
  LOOKUP_ACCOUNT,
  LOOKUP_KEYS,
  LookupServer,
  type LookupServerOptions,
} from './support/lookup-server';
import { createLookupSource, poll, statusOf, stored } from './support/lookup-sources';
import { AWS_THROTTLE } from './support/lookup-throttle';
import { OwnValkey } from './support/own-valkey';
import { startTrailGraph, type TestOptions, type TestTrailGraph } from './support/trailgraph';

const servers: LookupServer[] = [];
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  const exchanges = servers.flatMap((server) => server.exchanges);
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  servers.length = 0;
  // Whatever a test is about: what was asked and answered is as the service's published model has it.
  expect(modelFaults(await cloudTrailModel(), exchanges)).toEqual([]);
});

async function serve(options: LookupServerOptions = {}): Promise<LookupServer> {
  const server = await LookupServer.start(options);
  servers.push(server);
  cleanups.push(() => server.close());
  return server;
}

async function started(options: TestOptions = {}): Promise<TestTrailGraph> {
  const app = await startTrailGraph(options);
  cleanups.push(() => app.stop());
  return app;
}

const sorted = (ids: string[]): string[] => [...ids].sort();
const recent = (): number => Math.floor(Date.now() / SECOND) * SECOND - 2 * MINUTE;

/** The most requests of an account and Region that came within a second. */
function mostInASecond(calls: Exchange[]): number {
  const times = calls.map(({ at }) => at).sort((a, b) => a - b);
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + SECOND).length));
}

describe('a LOOKUP_EVENTS source', () => {
  test('stores what each Region tells once, late events too, and counts it', async () => {
    const server = await serve();
    const app = await started();
    const admin = await app.admin();
    const [virginia, ireland] = [recordsAt(timesUpTo(recent(), 75, SECOND)), recordsAt([recent()])];
    server.add('us-east-1', virginia);
    server.add('eu-west-1', ireland);
    const id = await createLookupSource(app, admin, server, { regions: ['us-east-1', 'eu-west-1'] });
    await stored(app, 76);
    await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'the source is healthy');
    const late = recordsAt([recent() - 50 * MINUTE]);
    server.add('us-east-1', late);
    await poll(admin, id);
    await stored(app, 77);
    await drained(app);
    expect(await storedIds(app)).toEqual(sorted(idsOfAll([...virginia, ...ireland, ...late])));
    // What was read again never came to the ledger: this process knew it.
    expect(await countersOf(app, id)).toEqual({
      received: 77,
      stored: 77,
      duplicates: 0,
      dropped: 0,
      rejected: 0,
    });
    await expectConsistent(app);
  });

  test('puts records that nobody can read into quarantine, and counts them as rejected', async () => {
    const server = await serve();
    const app = await started();
    const admin = await app.admin();
    const EventTime = recent() / SECOND;
    server.addRaw('us-east-1', { EventId: 'no-record', EventName: 'RunInstances', EventTime });
    server.addRaw('us-east-1', { EventId: 'broken', EventTime, CloudTrailEvent: '{"eventID": "bro' });
    server.add('us-east-1', recordsAt([recent()]));
    const id = await createLookupSource(app, admin, server);
    await eventually(async () => (await countersOf(app, id)).received === 3, 'they are counted');
    expect(await countersOf(app, id)).toEqual({
      received: 3,
      stored: 1,
      duplicates: 0,
      dropped: 0,
      rejected: 2,
    });
    const kept = await ledger(app).db.collection('quarantine').find().toArray();
    expect(JSON.stringify(kept)).toContain('no-record');
    expect(JSON.stringify(kept)).toContain('bro');
  });

  test('says which Region fails and goes on with the others, and that it works again', async () => {
    const server = await serve();
    const app = await started();
    const admin = await app.admin();
    server.add('us-east-1', recordsAt([recent()]));
    server.fail('eu-west-1', { code: 'AccessDeniedException' });
    const id = await createLookupSource(app, admin, server, { regions: ['us-east-1', 'eu-west-1'] });
    await eventually(async () => (await statusOf(admin, id)).health === 'DEGRADED', 'it is degraded');
    expect(await statusOf(admin, id)).toMatchObject({
      lastError: expect.stringContaining(`${LOOKUP_ACCOUNT}/eu-west-1`),
      remedy: expect.stringContaining('"cloudtrail:LookupEvents"'),
    });
    await stored(app, 1);
    server.mend('eu-west-1');
    server.add('eu-west-1', recordsAt([recent()]));
    await poll(admin, id);
    await stored(app, 2);
    await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'it is healthy again');
  });

  test('says that its credentials have expired, and goes on with new ones where it was', async () => {
    const server = await serve();
    const app = await started();
    const admin = await app.admin();
    const id = await createLookupSource(app, admin, server, { pollIntervalSeconds: 1 });
    await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'it is healthy');
    server.expire(LOOKUP_KEYS.accessKeyId);
    await poll(admin, id);
    await eventually(async () => (await statusOf(admin, id)).health === 'FAILING', 'it fails');
    expect(await statusOf(admin, id)).toMatchObject({
      lastError: expect.stringContaining('the session credentials have expired'),
      remedy: expect.stringContaining('new session credentials'),
    });
    const missed = recordsAt([recent()]);
    server.add('us-east-1', missed);
    server.allow('AKIALOOKUPEXAMPLE001', LOOKUP_ACCOUNT);
    await admin.run(
      'mutation ($id: ID!, $input: UpdateSourceInput!) { updateSource(id: $id, input: $input) { id } }',
      {
        id,
        input: {
          aws: { accessKeyId: 'AKIALOOKUPEXAMPLE001', secretAccessKey: 'another', sessionToken: 'of it' },
        },
      },
    );
    await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'it is healthy again');
    await stored(app, 1);
    expect(await storedIds(app)).toEqual(idsOfAll(missed));
  });

  test('reads the last day again where that is due', async () => {
    const server = await serve();
    const app = await started();
    const admin = await app.admin();
    const id = await createLookupSource(app, admin, server);
    await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'it is healthy');
    // As if it had been polled since two days, and the re-scan were due.
    const { db } = ledger(app);
    const at = Date.now();
    const { matchedCount } = await db
      .collection('checkpoints')
      .updateOne(
        { sourceId: id },
        { $set: { 'cursor.state.since': at - 48 * HOUR, 'cursor.state.dayTo': at - 7 * HOUR } },
      );
    expect(matchedCount).toBe(1);
    const late = recordsAt([recent() - 22 * HOUR]);
    server.add('us-east-1', late);
    await poll(admin, id);
    await stored(app, 1);
    expect(await storedIds(app)).toEqual(idsOfAll(late));
  });
});

describe('the rate that AWS gives', () => {
  /** Two processes' worth of schedulers and workers, with several sources of one account each. */
  test('is held by all workers and sources of an account together, through a storm of throttling', async () => {
    const server = await serve({ pageSize: 20 });
    const first = await started();
    await started({ database: first.database });
    const admin = await first.admin();
    const records = recordsAt(timesUpTo(recent(), 100, SECOND));
    server.add('us-east-1', records);
    const from = Date.now();
    const ids = await Promise.all(
      [1, 2, 3].map(() => createLookupSource(first, admin, server, { pollIntervalSeconds: 1 })),
    );
    await eventually(() => server.calls().length > 8, 'it is asked');
    server.fail('us-east-1', { code: 'ThrottlingException' }, 5);
    await stored(first, 100, 90_000);
    await eventually(
      async () =>
        (await Promise.all(ids.map((id) => countersOf(first, id)))).every(({ received }) => received >= 100),
      'every source has told all',
      40_000,
    );
    await drained(first);
    const calls = server.calls();
    const seconds = (Date.now() - from) / SECOND;
    expect(calls.length).toBeLessThanOrEqual(2 * seconds + 2);
    expect(mostInASecond(calls)).toBeLessThanOrEqual(2 + AWS_THROTTLE.burst);
    // Those that were planned; the server itself had nothing to throttle but what a busy machine made it.
    const throttled = calls.filter(({ response }) => response.__type === 'ThrottlingException').length;
    expect(throttled - 5).toBeLessThanOrEqual(calls.length * 0.1);
    expect(await storedIds(first)).toEqual(sorted(idsOfAll(records)));
    for (const id of ids)
      await eventually(
        async () => (await statusOf(admin, id)).health === 'HEALTHY',
        'the sources are healthy',
      );
    await expectConsistent(first);
  }, 240_000);

  test('is half of it in a worker without Valkey, and nothing is lost', async () => {
    const valkey = await OwnValkey.prepare();
    cleanups.push(() => valkey.close());
    await valkey.start();
    const server = await serve({ pageSize: 10 });
    const app = await started({
      servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url },
    });
    const admin = await app.admin();
    await valkey.kill();
    const records = recordsAt(timesUpTo(recent(), 100, SECOND));
    server.add('us-east-1', records);
    const from = Date.now();
    await createLookupSource(app, admin, server);
    await stored(app, 100, 90_000);
    const seconds = (Date.now() - from) / SECOND;
    expect(server.calls().length).toBeGreaterThanOrEqual(10);
    expect(server.calls().length).toBeLessThanOrEqual(seconds + 1);
    expect(await storedIds(app)).toEqual(sorted(idsOfAll(records)));
  }, 240_000);
});
