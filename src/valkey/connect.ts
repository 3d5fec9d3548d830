import { Redis } from 'ioredis';

/** An ioredis connection that comes back by itself, and whose commands fail within a second while it is away. */
export function connectValkey(url: string, name: string): Redis {
  const client = new Redis(url, {
    connectionName: `trailgraph-${name}`,
    lazyConnect: false,
    connectTimeout: 2_000,
    commandTimeout: 1_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    keepAlive: 5_000,
    retryStrategy: (times) => Math.min(100 * times, 1_000),
    autoResubscribe: false, // Its failures go unhandled: live/steady-subscriber.ts does it.
  });
  client.on('error', () => undefined); // Whoever uses it sees its own command fail; this only keeps it from being uncaught.
  return client;
}

/** The parts of a Redis URL, for clients that take no URL. */
export interface ValkeyAddress {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db: number;
  tls: boolean;
}

/** @throws TypeError where the text is not a redis:// or rediss:// URL */
export function valkeyAddress(text: string): ValkeyAddress {
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new TypeError('expected redis:// or rediss://');
  return {
    host: url.hostname,
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    db: Number(url.pathname.slice(1) || 0),
    tls: url.protocol === 'rediss:',
  };
}
