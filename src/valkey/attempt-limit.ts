import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { isIPv4, parseAddress } from '../domain/address';
import { RateLimited } from '../domain/errors';

export interface AttemptLimitOptions {
  valkey: Redis;
  /** Before every key. */
  prefix: string;
}

/** One attempt; it counts as a failure until it is said to be none. */
interface Attempt {
  failed(): Promise<void>;
  succeeded(): Promise<void>;
  voided(): Promise<void>;
}

/** An attempt that was counted on a subject, and the pause that follows its failure, in seconds. */
interface Taken {
  key: string;
  delay: number;
}

/** Failures of one subject are forgotten so long after the first of them. */
const REMEMBERED_SECONDS = 3_600;
/** Failures that cost nothing; an attempt that follows waits (requirements D1). */
const FREE_FAILURES = 5;
/** A refresh token has 256 bits: this only keeps a client that went astray from asking for ever. */
const FREE_REFRESHES = 30;
const FIRST_DELAY_SECONDS = 10;
/** With the delays before it some 20 guesses an hour, while an owner who is locked out by a stranger waits minutes. */
const LONGEST_DELAY_SECONDS = 300;
/** While the last attempt before a pause is under way, the next one waits for what comes of it; shorter than any pause. */
const UNDER_WAY_SECONDS = 5;
const ASK_AGAIN_MS = 150;
const MOST_WAITING = 200;
/** Subjects that a process counts by itself while Valkey is away; the first that came goes first. */
const MOST_LOCAL = 20_000;

/**
 * Counts failed attempts per address and per account, across all processes that share a Valkey; each process by itself
 * while it is away. After five failures there is a pause, and one twice as long after each further one.
 *
 * An attempt is counted when it begins, so that many at once gain nothing; those that are right do not hinder each other.
 */
export class AttemptLimit {
  private readonly failures: RateLimiterRedis;
  private readonly pauses: RateLimiterRedis;
  private waiting = 0;

  constructor({ valkey, prefix }: AttemptLimitOptions) {
    const limiter = (name: string, points: number): RateLimiterRedis => {
      const options = { keyPrefix: `${prefix}:attempts:${name}`, points, duration: REMEMBERED_SECONDS };
      return new RateLimiterRedis({
        ...options,
        storeClient: valkey,
        rejectIfRedisNotReady: true,
        insuranceLimiter: new BoundedMemory(options),
      });
    };
    this.failures = limiter('failures', FREE_FAILURES);
    this.pauses = limiter('pause', 1);
  }

  /**
   * @param address the caller's; of IPv6 its network counts, which is one customer's
   * @param account what the attempt is about, whether there is such a one or not
   * @throws RateLimited while one of the two has to wait
   */
  async begin(action: string, address: string | null, account: string | null): Promise<Attempt> {
    const free = action === 'refresh' ? FREE_REFRESHES : FREE_FAILURES;
    const ofAddress = `${action}:address:${networkOf(address)}`;
    const ofAccount = account === null ? null : `${action}:account:${hashed(account)}`;
    const keys = ofAccount === null ? [ofAddress] : [ofAddress, ofAccount];
    const taken = await this.takeInTime(keys, free);
    const giveBack = (): Promise<unknown> => Promise.all(taken.map((each) => this.giveBack(each)));
    return {
      failed: async () => {
        const paused = taken.filter(({ delay }) => delay > 0);
        await Promise.all(paused.map(({ key, delay }) => this.pauses.set(key, 1, delay)));
      },
      voided: async () => void (await giveBack()),
      succeeded: async () => {
        await giveBack();
        // Of an address only this attempt is taken back: its other failures were about other accounts.
        if (ofAccount) await Promise.all([this.failures.delete(ofAccount), this.pauses.delete(ofAccount)]);
      },
    };
  }

  /** Waits for attempts that are under way, which may all turn out to be right. @throws RateLimited */
  private async takeInTime(keys: string[], free: number): Promise<Taken[]> {
    const deadline = performance.now() + UNDER_WAY_SECONDS * 1_000;
    for (let waits = 0; ; waits++) {
      const taken = await this.takeAll(keys, free);
      if (typeof taken !== 'number') return taken;
      const mayBeUnderWay = taken <= UNDER_WAY_SECONDS * 1_000 && performance.now() < deadline;
      if (!mayBeUnderWay || (waits === 0 && this.waiting >= MOST_WAITING)) throw refusal(taken);
      this.waiting++;
      await pause(Math.min(taken, ASK_AGAIN_MS)).finally(() => this.waiting--);
    }
  }

  /** @returns milliseconds to wait where not all could be taken */
  private async takeAll(keys: string[], free: number): Promise<Taken[] | number> {
    const waits = await Promise.all(keys.map(async (key) => (await this.pauses.get(key))?.msBeforeNext ?? 0));
    if (Math.max(...waits) > 0) return Math.max(...waits);
    const taken: Taken[] = [];
    for (const key of keys) {
      const got = await this.take(key, free);
      if (typeof got === 'number') {
        await Promise.all(taken.map((each) => this.giveBack(each)));
        return got;
      }
      taken.push(got);
    }
    return taken;
  }

  /** @returns milliseconds to wait where it could not be taken */
  private async take(key: string, free: number): Promise<Taken | number> {
    const { consumedPoints: nth } = await this.failures.penalty(key, 1);
    if (nth < free) return { key, delay: 0 };
    try {
      // Of all that come at once, the one that makes the pause may try.
      await this.pauses.consume(key, 1, { customDuration: UNDER_WAY_SECONDS });
      return { key, delay: delayOf(nth - free) };
    } catch (error) {
      await this.failures.reward(key, 1);
      if (error instanceof RateLimiterRes) return Math.max(1, error.msBeforeNext);
      throw error;
    }
  }

  private async giveBack({ key, delay }: Taken): Promise<void> {
    await this.failures.reward(key, 1);
    if (delay > 0) await this.pauses.delete(key);
  }
}

/** What Valkey's absence is insured by: the same counts in this process, for a bounded number of subjects. */
class BoundedMemory extends RateLimiterMemory {
  private readonly known = new Set<string>();

  override penalty(key: string, ...rest: [number?, object?]): Promise<RateLimiterRes> {
    this.remember(key);
    return super.penalty(key, ...rest);
  }

  override consume(key: string, ...rest: [number?, object?]): Promise<RateLimiterRes> {
    this.remember(key);
    return super.consume(key, ...rest);
  }

  private remember(key: string): void {
    this.known.delete(key);
    this.known.add(key);
    if (this.known.size <= MOST_LOCAL) return;
    const [oldest = ''] = this.known;
    this.known.delete(oldest);
    void super.delete(oldest);
  }
}

function delayOf(beyond: number): number {
  return Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(beyond, 10));
}

function refusal(ms: number): RateLimited {
  const seconds = Math.ceil(ms / 1_000);
  return new RateLimited(`Too many failed attempts: try again in ${seconds} s.`, seconds);
}

/** An IPv4 address, or the first 64 bits of an IPv6 address. */
function networkOf(address: string | null): string {
  const bytes = address === null ? null : parseAddress(address);
  if (!bytes) return 'unknown';
  return Buffer.from(isIPv4(bytes) ? bytes : bytes.subarray(0, 8)).toString('hex');
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
