import { Redis, type RedisOptions } from 'ioredis';
import { Invalid } from '../domain/errors';
import type { ValkeyPlace, ValkeyTls } from './place';
import { valkeyRefusal } from './refusal';
import type { SentinelGroup } from './sentinel';

/** Under Sentinel, a connection is asked so often whether anybody is there. */
const ALIVE_EVERY_MS = 5_000;
/** A start does not wait longer than this for what kind of server it is. */
const KIND_MS = 1_000;

/**
 * An ioredis connection that comes back by itself, and whose commands fail within a second while it is away. Under
 * Sentinel it goes to whoever is master, and leaves one that has become a replica or hangs.
 */
export function connectValkey({ url, sentinel, tls }: ValkeyPlace, name: string): Redis {
  const client = new Redis(url, {
    connectionName: `trailgraph-${name}`,
    lazyConnect: false,
    connectTimeout: 2_000,
    commandTimeout: 1_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    keepAlive: 5_000,
    retryStrategy: waitMs,
    reconnectOnError: ({ message }) => message.startsWith('READONLY'), // It was made a replica.
    autoResubscribe: false, // Its failures go unhandled: live/steady-subscriber.ts does it.
    ...(tls ? { tls } : {}),
    ...(sentinel ? bySentinel(sentinel, tls) : {}),
  });
  // Whoever uses it sees its own command fail; this only keeps it from being uncaught.
  client.on('error', () => {
    const { stream } = client;
    // ioredis listens to a socket for one error; TLS may tell of another.
    if (stream?.listenerCount('error') === 0) stream.on('error', () => undefined);
  });
  if (sentinel) leaveIfDead(client);
  return client;
}

/**
 * Refuses a server that can't serve us: a node of a cluster (keys that are used together would lie apart), or a Sentinel
 * itself. One that does not answer at once, or not us, is no reason not to start: all goes on without.
 * @throws Invalid
 */
export async function requireSingleServer(client: Redis): Promise<void> {
  if ((await faultOf(client, KIND_MS)) !== null) return;
  const info = await client.info('server').catch(() => '');
  // Valkey calls it server_mode since 8.1.
  const mode = /^(?:redis|server)_mode:(\w+)/m.exec(info)?.[1];
  if (mode === 'cluster')
    throw new Invalid(
      'REDIS_URL names a node of a Valkey Cluster, which is not supported: use one server, or a master and replicas ' +
        'under Sentinel (REDIS_SENTINELS).',
    );
  if (mode === 'sentinel')
    throw new Invalid(
      'REDIS_URL names a Sentinel: name the Sentinels in REDIS_SENTINELS, and in REDIS_URL the user and password of ' +
        'the Valkey that they watch.',
    );
}

/**
 * Waits until a connection takes commands.
 * @returns null where it does; else why not: a refusal as soon as one comes, what failed last when the time is over
 */
export function faultOf(client: Redis, withinMs: number): Promise<unknown> {
  if (client.status === 'ready') return Promise.resolve(null);
  return new Promise((resolve) => {
    let last: unknown = new Error(`no answer within ${withinMs} ms`);
    const end = (fault: unknown): void => {
      clearTimeout(timer);
      client.off('ready', onReady).off('error', onError);
      resolve(fault);
    };
    const onReady = (): void => end(null);
    const onError = (error: unknown): void => {
      last = error;
      // Who closes the door may do so before its reason is read, and says it at the next try.
      if (valkeyRefusal(error) !== null) end(error);
    };
    const timer = setTimeout(() => end(last), withinMs);
    client.on('ready', onReady).on('error', onError);
  });
}

function waitMs(times: number): number {
  return Math.min(100 * times, 1_000);
}

function bySentinel(
  { sentinels, name, password }: SentinelGroup,
  tls: ValkeyTls | null,
): Partial<RedisOptions> {
  return {
    sentinels,
    name,
    role: 'master',
    sentinelRetryStrategy: waitMs,
    sentinelCommandTimeout: 1_000,
    updateSentinels: false, // Those that were named; what they tell of each other may not be reachable from here.
    ...(password === null ? {} : { sentinelPassword: password }),
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
  };
}

/** A master that was frozen or cut off closes no socket, and another takes its place meanwhile. */
function leaveIfDead(client: Redis): void {
  const timer = setInterval(() => {
    if (client.status !== 'ready') return;
    client.ping().catch(() => {
      if (client.status === 'ready') client.disconnect(true);
    });
  }, ALIVE_EVERY_MS);
  client.once('end', () => clearInterval(timer));
}
