import type { SentinelGroup } from './sentinel';

/** Where Valkey is: at the URL, or, where Sentinels are named, at the host and port that they say. */
export interface ValkeyPlace {
  /** With Sentinels, user, password, database and TLS are taken from it; its host and port are not used. */
  url: string;
  sentinel: SentinelGroup | null;
  /** Null where the URL is not rediss://. */
  tls: ValkeyTls | null;
}

/** How servers and Sentinels are known, and we to them; in PEM. What is absent: as Node does without. */
export interface ValkeyTls {
  /** Who signs their certificates. */
  ca?: Buffer;
  /** Our own, where they ask for one. */
  cert?: Buffer;
  key?: Buffer;
}

/** The parts of a Redis URL, for clients that take no URL. */
export interface ValkeyAddress {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db: number;
}

/** @throws TypeError where the text is not a redis:// or rediss:// URL; its message does not hold the text */
export function valkeyAddress(text: string): ValkeyAddress {
  const url = urlOf(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new TypeError('must begin with redis:// or rediss://');
  const db = Number(url.pathname.slice(1) || 0);
  if (!Number.isInteger(db)) throw new TypeError('what follows the host must be the number of a database');
  return {
    host: url.hostname,
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    db,
  };
}

/** Whether a URL that `valkeyAddress` takes asks for TLS. */
export function asksForTls(text: string): boolean {
  return urlOf(text).protocol === 'rediss:';
}

function urlOf(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  // Several hosts, as clients of a cluster are given them, are no URL.
  throw new TypeError(
    /^rediss?:\/\/[^/]*,/.test(text)
      ? 'must name one server (Valkey Cluster is not supported; Sentinels are named in REDIS_SENTINELS)'
      : 'must be a URL: redis://user:password@host:port/database, special characters percent-encoded',
  );
}
