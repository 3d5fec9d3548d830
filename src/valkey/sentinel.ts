import { isIPv6 } from 'node:net';
import { Redis } from 'ioredis';
import { messageOf, Unavailable } from '../domain/errors';
import type { ValkeyPlace, ValkeyTls } from './place';

/** Where a server listens. */
export interface HostPort {
  host: string;
  port: number;
}

/** The Sentinels that know which Valkey is the master. */
export interface SentinelGroup {
  sentinels: HostPort[];
  /** What they call the master. */
  name: string;
  /** That of the Sentinels themselves; null where they ask for none. */
  password: string | null;
}

/** What one of them says. */
export interface SentinelAnswer {
  sentinel: HostPort;
  /** Null where it does not know the name, or says nothing. */
  master: HostPort | null;
  /** Why it says nothing; null where it answers. */
  fault: unknown;
}

const DEFAULT_PORT = 26_379;
/** Each look-up asks all of them at once. */
const MOST_SENTINELS = 16;
/** A Sentinel answers within a millisecond; one that hangs is not waited for. */
const ANSWER_MS = 1_000;

/**
 * `host:port,host:port`; port 26379 where none is named, `[...]` around an IPv6 address.
 * @throws TypeError where an entry can't be read, or there are more than 16
 */
export function parseSentinels(text: string): HostPort[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  if (entries.length > MOST_SENTINELS) throw new TypeError(`at most ${MOST_SENTINELS} Sentinels are asked`);
  return entries.map((entry) => {
    const [, v6, name, port] = /^(?:\[([^\]]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
    const host = v6 ?? name;
    if (!host || (v6 !== undefined && !isIPv6(v6)) || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535)
      throw new TypeError('must be host:port, host:port, ...');
    return { host, port: Number(port ?? DEFAULT_PORT) };
  });
}

/** Asks Sentinels for the master, for clients that know nothing of them. */
export class MasterFinder {
  private asking: Promise<HostPort> | null = null;

  /** @param tls null where the Sentinels are spoken to without it */
  constructor(
    private readonly group: SentinelGroup,
    private readonly tls: ValkeyTls | null,
  ) {}

  /**
   * The address that most of the Sentinels that answer within a second give. It may be the old master's for some seconds
   * of a failover: who connects there finds nobody, or a replica (ROLE), and asks again. Calls at one time share a look-up.
   * @throws Unavailable where no Sentinel answers, or none knows the name
   */
  find(): Promise<HostPort> {
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async ask(): Promise<HostPort> {
    const answers = await askAll(this.group, this.tls);
    const votes = new Map<string, { place: HostPort; count: number }>();
    for (const { master } of answers) {
      if (!master) continue;
      const key = `${master.host} ${master.port}`;
      votes.set(key, { place: master, count: (votes.get(key)?.count ?? 0) + 1 });
    }
    const [best] = [...votes.values()].sort((a, b) => b.count - a.count);
    if (best) return best.place;
    const silent = answers.find(({ fault }) => fault !== null);
    throw new Unavailable(
      silent
        ? `no Sentinel answers: ${messageOf(silent.fault)}`
        : `the Sentinels know no master by the name ${this.group.name}`,
    );
  }
}

/** What finds the master of a place; null where there are no Sentinels. */
export function masterFinder({ sentinel, tls }: ValkeyPlace): MasterFinder | null {
  return sentinel && new MasterFinder(sentinel, tls);
}

/** What each Sentinel of a place says; nothing where there are none. */
export async function askSentinels({ sentinel, tls }: ValkeyPlace): Promise<SentinelAnswer[]> {
  return sentinel ? askAll(sentinel, tls) : [];
}

async function askAll(group: SentinelGroup, tls: ValkeyTls | null): Promise<SentinelAnswer[]> {
  return Promise.all(
    group.sentinels.map(async (sentinel): Promise<SentinelAnswer> => {
      try {
        return { sentinel, master: await askOne(group, sentinel, tls), fault: null };
      } catch (error) {
        return { sentinel, master: null, fault: error };
      }
    }),
  );
}

async function askOne(
  { name, password }: SentinelGroup,
  { host, port }: HostPort,
  tls: ValkeyTls | null,
): Promise<HostPort | null> {
  const client = new Redis({
    host,
    port,
    ...(password === null ? {} : { password }),
    ...(tls ? { tls } : {}),
    connectionName: 'trailgraph-look-up',
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let fault: unknown = null;
  client.on('error', (error) => {
    fault = error; // What was asked fails as well, but does not say why.
  });
  try {
    await client.connect();
    const answer: unknown = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
    return Array.isArray(answer) ? { host: String(answer[0]), port: Number(answer[1]) } : null;
  } catch (error) {
    throw fault ?? error;
  } finally {
    client.disconnect();
  }
}
