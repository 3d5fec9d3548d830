import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Script } from './script';
import { withinDeadline } from './within-deadline';

export interface LeasedPlacesOptions {
  valkey: Pick<Redis, 'evalsha' | 'eval' | 'zrem'>;
  /** Before every key. */
  prefix: string;
  /** Places that one owner has. */
  most: number;
  /** A place is free again so long after the process that held it died; 45 s. */
  leaseMs?: number;
}

/** A place that was taken, until it is given back. */
export interface Place {
  owner: string;
  id: string;
}

const LEASE_MS = 45_000;
const RENEWALS_A_LEASE = 3;
const OWNERS_AT_A_TIME = 100;
/** After a failure Valkey is not asked for so long. */
const REST_MS = 5_000;

/**
 * A set of places by the end of their lease. With 'take' one is added where there is room, and 1 returned; with 'renew'
 * all that are named are there afterwards. Time is the server's.
 */
const SCRIPT = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[1] == 'take' and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
for index = 4, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], lease)
return 1
`);

/**
 * Counts what owners hold at the same time, such as sockets of a user, across all processes that share a Valkey. What a
 * process holds is leased and renewed, so that one that dies leaves nothing behind. While Valkey does not answer each
 * process counts what it holds itself; what it took meanwhile is told when Valkey is back. The owner closes it.
 */
export class LeasedPlaces {
  private readonly held = new Map<string, Set<string>>();
  private readonly leaseMs: number;
  private readonly timer: NodeJS.Timeout;
  private renewing = false;
  private restUntil = 0;

  constructor(private readonly options: LeasedPlacesOptions) {
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    this.timer = setInterval(() => void this.renewAll(), this.leaseMs / RENEWALS_A_LEASE);
    this.timer.unref();
  }

  /** @returns null where the owner has as many as one may have */
  async take(owner: string): Promise<Place | null> {
    const place = { owner, id: randomUUID() };
    const ids = this.held.get(owner) ?? new Set();
    if (ids.size >= this.options.most) return null;
    ids.add(place.id);
    this.held.set(owner, ids);
    if ((await this.ask('take', owner, [place.id])) !== false) return place;
    this.forget(place);
    return null;
  }

  give({ owner, id }: Place): void {
    this.forget({ owner, id });
    if (Date.now() < this.restUntil) return;
    this.options.valkey.zrem(this.keyOf(owner), id).catch(() => undefined); // Its lease ends.
  }

  /** Renews nothing any more. */
  close(): void {
    clearInterval(this.timer);
  }

  private forget({ owner, id }: Place): void {
    const ids = this.held.get(owner);
    ids?.delete(id);
    if (ids?.size === 0) this.held.delete(owner);
  }

  private async renewAll(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    const owners = [...this.held.keys()];
    for (let at = 0; at < owners.length; at += OWNERS_AT_A_TIME) {
      const some = owners.slice(at, at + OWNERS_AT_A_TIME);
      await Promise.all(some.map((owner) => this.ask('renew', owner, [...(this.held.get(owner) ?? [])])));
    }
    this.renewing = false;
  }

  /** @returns null where Valkey does not answer */
  private async ask(what: 'take' | 'renew', owner: string, ids: string[]): Promise<boolean | null> {
    if (Date.now() < this.restUntil || ids.length === 0) return null;
    const { valkey, most } = this.options;
    try {
      const args = [what, this.leaseMs, most, ...ids];
      return (await withinDeadline(SCRIPT.run(valkey, this.keyOf(owner), args))) === 1;
    } catch {
      // Away, frozen or full: nobody is kept out for that.
      this.restUntil = Date.now() + REST_MS;
      return null;
    }
  }

  private keyOf(owner: string): string {
    return `${this.options.prefix}:places:${createHash('sha256').update(owner).digest('base64url')}`;
  }
}
