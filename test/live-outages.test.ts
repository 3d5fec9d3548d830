import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { TrailGraphClient } from '../src/client/trailgraph-client';
import { TypedDocumentString } from '../src/generated/graphql';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { LiveClient, type LiveOptions, ReconnectingClient } from './support/live-client';
import { busListeners, metric, opened } from './support/live-state';
import { makePushSource, type PushSource } from './support/pushing';
import { startServers } from './support/servers';
import { startSlowWorker } from './support/slow-worker';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const RECONNECT_EVERY_MS = 200;
/** Back at full speed within this after Valkey's return. */
const BACK_WITHIN_MS = 5_000;

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

const optionsOf = (
  app: TestTrailGraph,
  admin: GraphqlClient,
  more: Partial<LiveOptions> = {},
): LiveOptions => ({ url: app.url, token: admin.token!, ...more });

test('with two instances and a slow third worker at once, one that reconnects every 200 ms misses nothing and sees nothing twice', async () => {
  const first = await startTrailGraph();
  const second = await startTrailGraph({ database: first.database });
  const slow = startSlowWorker(first);
  const admin = await first.admin();
  const source = await makePushSource(first, 'pushed');
  const coming = new ReconnectingClient(optionsOf(second, admin));
  await opened(second, 1);
  const ids = await source.pushNew(1);
  await eventually(() => coming.ids.length === 1, 'the first event has come');
  const reconnecting = setInterval(() => coming.reconnect(), RECONNECT_EVERY_MS);
  try {
    const doors = [source, source.at(second.url)];
    const pushers = Array.from({ length: 6 }, async (_, n) => {
      const pushed: string[] = [];
      for (let round = 0; round < 20; round++) pushed.push(...(await doors[n % 2]!.pushNew(3 + n)));
      return pushed;
    });
    ids.push(...(await Promise.all(pushers)).flat());
    // The slow one has had its share.
    while (slow.stored() === 0) ids.push(...(await source.pushNew(2)));
    await eventually(() => coming.ids.length >= ids.length, 'all has come');
  } finally {
    clearInterval(reconnecting);
  }
  expect(coming.reconnections).toBeGreaterThan(5);
  expect([...coming.ids].sort()).toEqual([...ids].sort());
  coming.stop();
  await slow.stop();
  await second.stop();
  await first.stop();
});

describe('while the bus comes and goes', () => {
  let proxy: TcpProxy;
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;

  beforeAll(async () => {
    const redis = new URL(process.env.TEST_REDIS_URL!);
    proxy = await startTcpProxy({ host: redis.hostname, port: Number(redis.port) });
    const behind = new URL(redis);
    behind.host = `127.0.0.1:${proxy.port}`;
    app = await startTrailGraph({
      servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: behind.href },
    });
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
  });
  afterEach(async () => {
    proxy.mend();
    await opened(app, 0);
    await eventually(
      async () => (await busListeners(app)) === 0,
      'nobody listens to the bus',
      BACK_WITHIN_MS,
    );
  });
  afterAll(async () => {
    await app.stop();
    await proxy.close();
  });

  test('a subscriber misses nothing and sees nothing twice, however often the connection breaks', async () => {
    const client = new LiveClient(optionsOf(app, admin));
    await opened(app, 1);
    const ids: string[] = [];
    for (let round = 0; round < 12; round++) {
      const pushing = source.pushNew(5);
      proxy.drop();
      ids.push(...(await pushing));
    }
    await eventually(() => client.seen.length >= ids.length, 'all has come');
    expect(client.ids).toEqual(ids);
    client.stop();
  });

  test('a subscriber hears of events while there is no bus at all, and by the bus again when it is back', async () => {
    const client = new LiveClient(optionsOf(app, admin));
    await opened(app, 1);
    proxy.cut();
    const ids = await source.pushNew(5);
    await eventually(() => client.seen.length === 5, 'the events have come without a bus');
    proxy.mend();
    await eventually(async () => (await busListeners(app)) === 1, 'it listens again', BACK_WITHIN_MS);
    ids.push(...(await source.pushNew(5)));
    await eventually(() => client.seen.length === 10, 'the next events have come');
    expect(client.ids).toEqual(ids);
    client.stop();
  });

  test('one can subscribe while there is no bus, and is joined to it when it is back', async () => {
    proxy.cut();
    const client = new LiveClient(optionsOf(app, admin));
    await opened(app, 1);
    const ids = await source.pushNew(3);
    await eventually(() => client.seen.length === 3, 'the events have come without a bus');
    expect(client.ids).toEqual(ids);
    proxy.mend();
    await eventually(async () => (await busListeners(app)) === 1, 'it listens', BACK_WITHIN_MS);
    client.stop();
  });

  test('one can leave while there is no bus, and leaves nothing behind on it', async () => {
    const client = new LiveClient(optionsOf(app, admin));
    await opened(app, 1);
    await eventually(async () => (await busListeners(app)) === 1, 'it listens');
    proxy.cut();
    client.stop();
    await opened(app, 0);
    proxy.mend();
    await eventually(() => app.core.valkey.status === 'ready', 'Valkey is back', BACK_WITHIN_MS);
    const joined = new LiveClient(optionsOf(app, admin));
    await opened(app, 1);
    await eventually(async () => (await busListeners(app)) === 1, 'the next one listens', BACK_WITHIN_MS);
    joined.stop();
  });
});

test('Valkey killed and wiped in the middle costs a subscriber no event', async () => {
  const servers = await startServers();
  const app = await startTrailGraph({
    servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: servers.redisUrl },
  });
  const admin = await app.admin();
  const source = await makePushSource(app, 'pushed');
  const client = new LiveClient(optionsOf(app, admin));
  await opened(app, 1);
  const ids = await source.pushNew(5);
  const valkey = new Redis(servers.redisUrl, { retryStrategy: () => null });
  valkey.on('error', () => undefined);
  const pid = Number(/process_id:(\d+)/.exec(await valkey.info('server'))![1]);
  process.kill(pid, 'SIGKILL');
  for (let round = 0; round < 5; round++) ids.push(...(await source.pushNew(5)));
  await eventually(() => client.seen.length >= ids.length, 'all has come');
  await eventually(async () => (await busListeners(app)) === 1, 'it listens to the new Valkey');
  ids.push(...(await source.pushNew(5)));
  await eventually(() => client.seen.length >= ids.length, 'the next events have come');
  expect(client.ids).toEqual(ids);
  client.stop();
  valkey.disconnect();
  await app.stop();
  await servers.close();
});

describe('a subscriber that does not read', () => {
  /** Far more than the buffers of TCP between two sockets of one machine take. */
  const LARGE = { requestParameters: { text: 'x'.repeat(60_000) } };
  const AMPLIFIED = 'a: rawText b: rawText c: rawText d: rawText e: rawText f: rawText';
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
  });
  afterAll(() => app.stop());

  test('holds up nobody else, and gets everything when it reads again', async () => {
    const paused = new LiveClient(optionsOf(app, admin, { fields: AMPLIFIED }));
    const other = new LiveClient(optionsOf(app, admin));
    await opened(app, 2);
    const ids = await source.pushNew(1);
    await eventually(() => paused.seen.length === 1 && other.seen.length === 1, 'both have seen the first');
    paused.pause();
    for (let round = 0; round < 12; round++) ids.push(...(await source.pushNew(10, LARGE)));
    await eventually(() => other.seen.length >= ids.length, 'the other one has seen all');
    expect(paused.seen).toHaveLength(1);
    paused.resume();
    await eventually(() => paused.seen.length >= ids.length, 'it has seen all');
    expect(paused.ids).toEqual(ids);
    expect(other.ids).toEqual(ids);
    expect(paused.closed).toBeNull();
    paused.stop();
    other.stop();
    await opened(app, 0);
  });

  test('is closed with 4413 once over 1 MiB is unread for 10 s, frees what it held, and goes on by its cursor', async () => {
    const client = new PausedClient(app, admin);
    const paused = new LiveClient(optionsOf(app, admin, { fields: AMPLIFIED, copies: 5 }));
    const other = new LiveClient(optionsOf(app, admin));
    await opened(app, 7);
    const ids = await source.pushNew(1);
    await eventually(() => paused.seen.length === 5 && client.ids.length === 1, 'they have seen the first');
    paused.pause();
    client.pause();
    const since = performance.now();
    for (let round = 0; round < 8; round++) ids.push(...(await source.pushNew(10, LARGE)));
    await opened(app, 1);
    expect(performance.now() - since).toBeGreaterThan(10_000);
    expect(await metric(app, 'trailgraph_subscription_closed_slow_total')).toBe(2);
    paused.resume();
    client.resume();
    await eventually(() => paused.closed !== null, 'it hears of it');
    expect(paused.closed!.code).toBe(4413);
    expect(other.ids).toEqual(ids);
    other.stop();
    // That of ours comes back by itself.
    await eventually(() => client.ids.length >= ids.length, 'it has seen all');
    ids.push(...(await source.pushNew(3)));
    await eventually(() => client.ids.length >= ids.length, 'it has seen the next ones');
    expect(client.ids).toEqual(ids);
    expect(client.lost).toEqual([expect.stringContaining('4413')]);
    await client.close();
  });
});

/** A subscription of @trailgraph/client whose first socket can be held up. */
class PausedClient {
  readonly ids: string[] = [];
  /** Why connections were lost. */
  readonly lost: string[] = [];
  private readonly client: TrailGraphClient;
  private readonly reading: Promise<void>;
  private readonly sockets: WebSocket[] = [];

  constructor({ url }: TestTrailGraph, { token }: GraphqlClient) {
    const { sockets } = this;
    class Noted extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        sockets.push(this);
      }
    }
    // Its own pings would give the silent connection up before the server does.
    this.client = new TrailGraphClient({ url, token: token!, webSocketImpl: Noted, pingMs: 600_000 });
    const events = this.client.subscribe(
      new TypedDocumentString<{ eventEnriched: { id: string } }, object>(`subscription ($after: String) {
        eventEnriched(after: $after) { cursor id a: rawText b: rawText c: rawText d: rawText e: rawText f: rawText }
      }`),
      {},
      { onLost: (why) => void this.lost.push(String(why)) },
    );
    this.reading = (async () => {
      for await (const { eventEnriched } of events) this.ids.push(eventEnriched.id);
    })().catch(() => undefined); // It is closed by the test.
  }

  pause(): void {
    this.sockets[0]!.pause();
  }

  resume(): void {
    this.sockets[0]!.resume();
  }

  async close(): Promise<void> {
    this.client.close();
    await this.reading;
  }
}
