import type { Redis } from 'ioredis';
import { eventually } from './support/eventually';
import {
  bodiesOf,
  createPushSource,
  demoRecords,
  expectConsistent,
  idsOf,
  type PushSource,
  push,
  pushApart,
  storedIds,
} from './support/ledger';
import { OwnValkey } from './support/own-valkey';
import { startTrailGraph, type TestOptions, type TestTrailGraph } from './support/trailgraph';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(options: TestOptions): Promise<TestTrailGraph> {
  const app = await startTrailGraph(options);
  cleanups.push(() => app.stop());
  return app;
}

/** Sends until the door says that it is stored, as a sender does that heard 503. */
async function pushUntilStored(app: TestTrailGraph, source: PushSource, records: unknown[]): Promise<void> {
  await eventually(async () => (await push(app, source, records)) === 200, 'the records are stored', 30_000);
}

describe('without its queue the pipeline goes on', () => {
  async function startedWithValkey(options: TestOptions = {}) {
    const valkey = await OwnValkey.prepare();
    cleanups.push(() => valkey.close());
    await valkey.start();
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url };
    const app = await started({ ...options, servers });
    return { app, valkey, source: await createPushSource(await app.admin()) };
  }

  const connectionsOf = async (client: Redis): Promise<number> =>
    String(await client.client('LIST'))
      .split('\n')
      .filter((line) => line !== '' && !line.includes('name=the-test')).length;

  /** Gives a hint and waits until it is taken: its job is neither waiting nor being worked on. */
  async function hintsFlow(client: Redis, app: TestTrailGraph, withinMs: number): Promise<void> {
    const key = (part: string): string => `${app.database}:enrich:${part}`;
    const taken = async (): Promise<boolean> => {
      const newest = await client.get(key('id'));
      if (newest === null) return false;
      const jobs = [await client.lrange(key('waiting'), 0, -1), await client.lrange(key('active'), 0, -1)];
      return !jobs.flat().includes(newest);
    };
    await eventually(
      async () => {
        await app.core.hint('enrich', ['nothing-by-this-name']);
        await eventually(taken, 'it is taken', 500);
        return true;
      },
      'hints are given and taken',
      withinMs,
    );
  }

  test('while Valkey is killed and wiped in the middle, and its hints and connections come back by themselves', async () => {
    const { app, valkey, source } = await startedWithValkey();
    const client = valkey.client();
    await eventually(async () => (await connectionsOf(client)) >= 8, 'all connections are there');
    const connections = await connectionsOf(client);
    const bodies = bodiesOf(101, 60, 25);
    const lane = async (first: number): Promise<void> => {
      for (const body of bodies.slice(first, first + 10)) await pushUntilStored(app, source, body);
    };
    const sending = [0, 10, 20, 30, 40, 50].map(lane);
    await eventually(async () => (await app.core.commits.head()) >= 5, 'some are stored');
    await valkey.kill();
    await Promise.all(sending);
    const health = await fetch(`${app.url}/readyz`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'DEGRADED' });
    await valkey.start();
    // They are to be back within 5 s; a busy machine is given three times that.
    await hintsFlow(client, app, 15_000);
    await eventually(
      async () => (await connectionsOf(client)) === connections,
      'its connections are as before',
    );
    await app.drain();
    expect(await storedIds(app)).toEqual(bodies.flatMap(idsOf).sort());
    await expectConsistent(app);
  });

  test('while it is emptied of all keys and scripts', async () => {
    const { app, valkey, source } = await startedWithValkey();
    const client = valkey.client();
    const bodies = bodiesOf(102, 30, 25);
    for (const [index, body] of bodies.entries()) {
      if (index % 10 === 5) await client.flushall();
      if (index % 10 === 5) await client.script('FLUSH');
      expect(await push(app, source, body)).toBe(200);
    }
    await hintsFlow(client, app, 15_000);
    expect(await storedIds(app)).toEqual(bodies.flatMap(idsOf).sort());
    await expectConsistent(app);
  });

  test('while it is frozen: each body is still answered in time', async () => {
    const { app, valkey, source } = await startedWithValkey();
    const client = valkey.client();
    await hintsFlow(client, app, 15_000);
    valkey.freeze();
    const bodies = bodiesOf(104, 5, 25);
    for (const body of bodies) {
      const at = Date.now();
      expect(await push(app, source, body)).toBe(200);
      expect(Date.now() - at).toBeLessThan(4_000);
    }
    // Nor do they wait for each other: a slice that waited for Valkey would hold up those behind it.
    const many = bodiesOf(105, 24, 25);
    const { statuses } = await pushApart(app, source, many);
    expect(await statuses).toEqual(many.map(() => 200));
    valkey.thaw();
    await hintsFlow(client, app, 15_000);
    expect(await storedIds(app)).toEqual([...bodies, ...many].flatMap(idsOf).sort());
    await expectConsistent(app);
  });

  test('from the start: what is pushed is stored and answered in time, and health says so', async () => {
    const valkey = await OwnValkey.prepare();
    cleanups.push(() => valkey.close());
    const app = await started({
      servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url },
    });
    const source = await createPushSource(await app.admin());
    const records = demoRecords(103, 0, 50);
    const at = Date.now();
    expect(await push(app, source, records)).toBe(200);
    expect(Date.now() - at).toBeLessThan(4_000);
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    const { health } = await app.anonymous.run<{ health: object }>(
      '{ health { status components { name status } } }',
    );
    expect(health).toEqual({
      status: 'DEGRADED',
      components: [
        { name: 'mongodb', status: 'HEALTHY' },
        { name: 'valkey', status: 'DEGRADED' },
      ],
    });
    await valkey.start();
    const client = valkey.client();
    await hintsFlow(client, app, 15_000);
    await eventually(
      async () =>
        ((await (await fetch(`${app.url}/readyz`)).json()) as { status: string }).status === 'HEALTHY',
      'health says so',
    );
  });
});
