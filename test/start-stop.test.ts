import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { demoRecord } from '../src/sources/demo/demo-record';
import { eventually } from './support/eventually';
import { GraphqlClient } from './support/graphql-client';
import { commandOf, descendantsOf, stillThere } from './support/process-tree';
import { ADMIN } from './support/trailgraph';
import { type SpawnedProgram, spawnProgram } from './support/worker-process';

const START_WITHIN_MS = 60_000;
/** Requirements B7. */
const STOP_WITHIN_MS = 30_000;

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function spawned(environment: Record<string, string>): SpawnedProgram {
  const program = spawnProgram({ LOG_LEVEL: 'warn', ...environment });
  cleanups.push(async () => {
    program.kill('SIGKILL');
    await program.ended(5_000);
  });
  return program;
}

/** Waits for the banner. @returns the URL in it */
async function urlOf(program: SpawnedProgram): Promise<string> {
  const api = /API +(http:\S+)\/graphql/;
  let over = false;
  void program.ended(START_WITHIN_MS + 10_000).then(
    () => (over = true),
    () => undefined, // Still running: that is what is wanted.
  );
  await eventually(() => over || api.test(program.output()), 'the banner is printed', START_WITHIN_MS);
  const url = api.exec(program.output())?.[1];
  if (!url) throw new Error(`it ended instead of starting:\n${program.output()}`);
  return url;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trailgraph-start-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('the program on an empty folder', () => {
  let folder: string;
  let dataDir: string;
  let program: SpawnedProgram;
  let stored = 0;

  beforeAll(async () => {
    folder = await newFolder();
    dataDir = join(folder, 'data');
    program = spawned({ DATA_DIR: dataDir, PORT: '0' });
  });

  const demoId = (n: number): string =>
    (demoRecord({ seed: 1, sourceId: 'demo', n, eventTime: new Date(0) }) as unknown as { eventID: string })
      .eventID;

  /** Reads the ids of all stored events in the embedded database, which the note in the folder leads to. */
  async function storedIds(): Promise<string[]> {
    const { mongodbUri } = JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8')) as {
      mongodbUri: string;
    };
    const client = new MongoClient(mongodbUri);
    try {
      const events = await client
        .db()
        .collection<{ _id: string }>('enriched_events')
        .find({}, { projection: { _id: 1 } })
        .toArray();
      return events.map(({ _id }) => _id);
    } finally {
      await client.close();
    }
  }

  /** Waits until the records of the demo from the first on, and no others, are stored: at least so many. */
  async function demoIsWhole(least: number): Promise<number> {
    let count = 0;
    await eventually(async () => {
      const ids = await storedIds();
      count = ids.length;
      if (count < least) return false;
      expect(ids.sort()).toEqual(Array.from({ length: count }, (_, n) => demoId(n)).sort());
      return true;
    }, `${least} records of the demo are stored, each once`);
    return count;
  }

  test(
    'starts, says where everything is, and shows a demo',
    async () => {
      const url = await urlOf(program);
      const banner = program.output();
      expect(banner).toContain(`${url}/graphiql`);
      expect(banner).toContain(`${url}/sandbox`);
      expect(banner).toContain('mutation { signUp(');
      expect(banner).toContain(dataDir);
      expect(banner).toContain('a demo source makes 5 events a second');
      expect((await fetch(`${url}/graphiql/`)).status).toBe(200);
      const { signUp } = await new GraphqlClient(url).run<{ signUp: { user: { role: string } } }>(
        'mutation ($input: CredentialsInput!) { signUp(input: $input) { user { role } } }',
        { input: ADMIN },
      );
      expect(signUp.user.role).toBe('ADMIN');
      stored = await demoIsWhole(10);
    },
    START_WITHIN_MS + 30_000,
  );

  test('refuses a second start on the same folder, and goes on itself', async () => {
    const second = spawned({ DATA_DIR: dataDir, PORT: '0' });
    expect(await second.ended(60_000)).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain(`${dataDir} is in use by process ${program.pid}`);
    expect(second.output()).not.toContain('    at ');
    stored = await demoIsWhole(stored + 1);
  }, 240_000);

  test(
    'ends on SIGTERM with exit code 0 and leaves nothing behind',
    async () => {
      const family = await descendantsOf(program.pid);
      const commands = (await Promise.all(family.map(commandOf))).join('\n');
      expect(commands).toContain('mongod');
      expect(commands).toContain('valkey');
      expect(commands).toContain('dist/main.js');
      program.kill('SIGTERM');
      expect(await program.ended(STOP_WITHIN_MS)).toEqual({ code: 0, signal: null });
      expect(await stillThere(family)).toEqual([]);
      await expect(readFile(join(dataDir, 'server.json'))).rejects.toThrow(/ENOENT/);
    },
    STOP_WITHIN_MS + 10_000,
  );

  test(
    'started again has its users and events, and goes on with the demo where it was',
    async () => {
      program = spawned({ DATA_DIR: dataDir, PORT: '0' });
      const url = await urlOf(program);
      expect(program.output()).not.toContain('a demo source makes');
      const { login } = await new GraphqlClient(url).run<{ login: { accessToken: string } }>(
        'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
        { input: ADMIN },
      );
      await demoIsWhole(stored + 10);
      const { source } = await new GraphqlClient(url, login.accessToken).run<{ source: { status: object } }>(
        '{ source(id: "demo") { status { duplicates dropped rejected } } }',
      );
      expect(source.status).toEqual({ duplicates: 0, dropped: 0, rejected: 0 });
    },
    START_WITHIN_MS + 30_000,
  );

  test(
    'leaves nothing behind when it is killed',
    async () => {
      const family = await descendantsOf(program.pid);
      expect(family.length).toBeGreaterThanOrEqual(5); // A worker, two servers, and who watches over each of these.
      program.kill('SIGKILL');
      await program.ended(5_000);
      await eventually(
        async () => (await stillThere(family)).length === 0,
        'its processes are gone',
        STOP_WITHIN_MS,
      );
    },
    STOP_WITHIN_MS + 10_000,
  );
});

describe('the program beside servers of others', () => {
  const named = (database: string): Record<string, string> => ({
    MONGODB_URI: process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`),
    REDIS_URL: process.env.TEST_REDIS_URL!,
    TRAILGRAPH_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    TRAILGRAPH_PREFIX: database,
    WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    HOST: '127.0.0.1',
    PORT: '0',
    WORKERS: '1',
  });

  test(
    'gives its workers the secrets that it has read from files',
    async () => {
      const folder = await newFolder();
      const database = `test-files-${process.pid}`;
      const environment = named(database);
      for (const name of ['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY']) {
        await writeFile(join(folder, name), `${environment[name]}\n`);
        environment[`${name}_FILE`] = join(folder, name);
        delete environment[name];
      }
      const program = spawned(environment);
      const url = await urlOf(program);
      const admin = await signedUp(url);
      await eventually(async () => {
        const { ingestEvents } = await admin.run<{ ingestEvents: { received: number } }>(
          'mutation { ingestEvents(recordsText: "[{\\"eventTime\\":\\"2026-01-02T03:04:05Z\\",\\"eventName\\":\\"One\\"}]") { received } }',
        );
        return ingestEvents.received === 1;
      }, 'a worker stores what is sent');
      program.kill('SIGTERM');
      expect(await program.ended(STOP_WITHIN_MS)).toEqual({ code: 0, signal: null });
    },
    START_WITHIN_MS + STOP_WITHIN_MS,
  );

  test(
    'ends in order when the signal goes to its workers too: what is being sent is still sent, once',
    async () => {
      const waiting: ServerResponse[] = [];
      const receiver = createServer((request, response) => {
        request.resume();
        waiting.push(response);
      }).listen(0, '127.0.0.1');
      cleanups.push(async () => void receiver.close());
      const database = `test-order-${process.pid}`;
      const environment = named(database);
      const program = spawned(environment);
      const admin = await signedUp(await urlOf(program));
      const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
        { input: { name: 'slow', url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` } },
      );
      const ingest =
        'mutation { ingestEvents(recordsText: "[{\\"eventTime\\":\\"2026-01-02T03:04:05Z\\",\\"eventName\\":\\"One\\"}]") { received } }';
      await eventually(
        async () => (await admin.raw(ingest)).errors === undefined,
        'a worker stores what is sent',
      );
      await eventually(() => waiting.length === 1, 'the webhook is being sent');
      const [worker, ...others] = await descendantsOf(program.pid);
      expect(others).toEqual([]);
      process.kill(worker!.pid, 'SIGTERM');
      program.kill('SIGTERM');
      await eventually(
        () =>
          fetch(`${admin.url}/livez`).then(
            () => false,
            () => true,
          ),
        'it takes no more requests',
      );
      waiting[0]!.writeHead(204).end();
      expect(await program.ended(STOP_WITHIN_MS)).toEqual({ code: 0, signal: null });
      expect(await stillThere([worker!])).toEqual([]);
      const client = new MongoClient(environment.MONGODB_URI!);
      cleanups.push(() => client.close());
      const db = client.db();
      expect(await db.collection('deliveries').find().toArray()).toMatchObject([
        { webhookId: createWebhook.webhook.id, state: 'DELIVERED', attemptCount: 1 },
      ]);
      expect(await db.collection('webhooks').findOne()).toMatchObject({ token: null, leaseUntil: null });
      expect(await db.collection('leases').countDocuments()).toBe(0);
    },
    START_WITHIN_MS + STOP_WITHIN_MS,
  );

  test(
    'ends at once at a second signal, with exit code 1, whatever is still being sent',
    async () => {
      const waiting: ServerResponse[] = [];
      const receiver = createServer((request, response) => {
        request.resume();
        waiting.push(response);
      }).listen(0, '127.0.0.1');
      cleanups.push(async () => {
        receiver.closeAllConnections();
        receiver.close();
      });
      const environment = named(`test-twice-${process.pid}`);
      const program = spawned(environment);
      const admin = await signedUp(await urlOf(program));
      cleanups.push(async () => {
        const client = new MongoClient(environment.MONGODB_URI!);
        await client.db().dropDatabase();
        await client.close();
      });
      const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
        { input: { name: 'hangs', url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` } },
      );
      await admin.run(`mutation { sendTestDelivery(webhookId: "${createWebhook.webhook.id}") { id } }`);
      await eventually(() => waiting.length === 1, 'the webhook is being sent');
      const [worker] = await descendantsOf(program.pid);
      program.kill('SIGTERM');
      const unreachable = (): Promise<boolean> =>
        fetch(`${admin.url}/livez`).then(
          () => false,
          () => true,
        );
      await eventually(unreachable, 'it takes no more requests');
      program.kill('SIGTERM');
      expect(await program.ended(STOP_WITHIN_MS)).toEqual({ code: 1, signal: null });
      await eventually(async () => (await stillThere([worker!])).length === 0, 'its worker is gone');
      expect(waiting[0]!.writableEnded).toBe(false);
    },
    START_WITHIN_MS + STOP_WITHIN_MS,
  );

  test('refuses a port that is in use, and says which', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    cleanups.push(async () => void holder.close());
    await eventually(() => holder.listening, 'the port is taken');
    const { port } = holder.address() as AddressInfo;
    const program = spawned({ ...named(`test-port-${process.pid}`), PORT: String(port) });
    expect(await program.ended(60_000)).toEqual({ code: 1, signal: null });
    expect(program.output()).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(program.output()).not.toContain('    at ');
  });
});

describe('the program with settings that are not right', () => {
  test('tells all faults at once, without the values of secrets', async () => {
    const program = spawned({
      PORT: 'eighty',
      ROLE: 'boss',
      RETENTION_DAYS: '1',
      WEBHOOK_ALLOW_CIDRS: 'everywhere',
      GRAPHIQL: 'perhaps',
      MONGODB_URI: 'mongodb://user:hush@db/trailgraph',
      MONGODB_URI_FILE: '/nowhere',
    });
    expect(await program.ended(60_000)).toEqual({ code: 1, signal: null });
    const faults = ['PORT', 'ROLE', 'RETENTION_DAYS', 'WEBHOOK_ALLOW_CIDRS', 'GRAPHIQL', 'MONGODB_URI_FILE'];
    for (const name of faults) expect(program.output()).toMatch(new RegExp(`^ {2}.*${name}`, 'm'));
    expect(program.output()).not.toContain('hush');
    expect(program.output()).not.toContain('    at ');
  });

  test('ends at once, with exit code 0, when it is told to while it still waits for its database', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    cleanups.push(async () => void silent.close());
    const asked = once(silent, 'connection');
    await eventually(() => silent.listening, 'a server that says nothing is there');
    const { port } = silent.address() as AddressInfo;
    const program = spawned({
      ROLE: 'worker',
      MONGODB_URI: `mongodb://127.0.0.1:${port}/trailgraph`,
      REDIS_URL: process.env.TEST_REDIS_URL!,
      TRAILGRAPH_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    });
    const [socket] = (await asked) as [Socket];
    socket.on('error', () => undefined);
    program.kill('SIGTERM');
    expect(await program.ended(STOP_WITHIN_MS)).toEqual({ code: 0, signal: null });
  });

  test('names what a worker must be given', async () => {
    const program = spawned({ ROLE: 'worker' });
    expect(await program.ended(60_000)).toEqual({ code: 1, signal: null });
    for (const name of ['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY']) {
      expect(program.output()).toContain(`${name} must be set for ROLE=worker`);
    }
  });
});

async function signedUp(url: string): Promise<GraphqlClient> {
  const { signUp } = await new GraphqlClient(url).run<{ signUp: { accessToken: string } }>(
    'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken } }',
    { input: ADMIN },
  );
  return new GraphqlClient(url, signUp.accessToken);
}
