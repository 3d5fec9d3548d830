import { createHash } from 'node:crypto';
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
  succeeded(): Promise<void>;
  voided(): Promise<void>;
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
/** Subjects that a process counts by itself while Valkey is away; the first that came goes first. */
const MOST_LOCAL = 20_000;

/**
 * Counts failed attempts per address and per account, across all processes that share a Valkey; each process by itself
 * while it is away. After five failures there is a pause, and one twice as long after each further one.
 *
 * An attempt is counted when it begins, so that many at once, or by aliases of one document, gain nothing.
 */
export class AttemptLimit {
  private readonly failures: RateLimiterRedis;
  private readonly pauses: RateLimiterRedis;

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
    const waits = await Promise.all(keys.map(async (key) => (await this.pauses.get(key))?.msBeforeNext ?? 0));
    refuseWhile(Math.max(...waits));
    const taken: { key: string; paused: boolean }[] = [];
    const giveBack = (): Promise<unknown> => Promise.all(taken.map((each) => this.giveBack(each)));
    for (const key of keys) {
      const { wait, paused } = await this.take(key, free);
      if (wait > 0) {
        await giveBack();
        refuseWhile(wait);
      }
      taken.push({ key, paused });
    }
    return {
      voided: async () => void (await giveBack()),
      succeeded: async () => {
        await giveBack();
        // Of an address only this attempt is taken back: its other failures were about other accounts.
        if (ofAccount) await Promise.all([this.failures.delete(ofAccount), this.pauses.delete(ofAccount)]);
      },
    };
  }

  /** @returns milliseconds to wait where it could not be taken */
  private async take(key: string, free: number): Promise<{ wait: number; paused: boolean }> {
    const { consumedPoints: nth } = await this.failures.penalty(key, 1);
    if (nth < free) return { wait: 0, paused: false };
    // Of all that come at once, the one that makes the pause may try.
    const wait = await this.pause(key, delayOf(nth - free));
    if (wait > 0) await this.failures.reward(key, 1);
    return { wait, paused: true };
  }

  private async pause(key: string, seconds: number): Promise<number> {
    try {
      await this.pauses.consume(key, 1, { customDuration: seconds });
      return 0;
    } catch (error) {
      if (error instanceof RateLimiterRes) return Math.max(1, error.msBeforeNext);
      throw error;
    }
  }

  private async giveBack({ key, paused }: { key: string; paused: boolean }): Promise<void> {
    await this.failures.reward(key, 1);
    if (paused) await this.pauses.delete(key);
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

/** @throws RateLimited */
function refuseWhile(ms: number): void {
  if (ms <= 0) return;
  const seconds = Math.ceil(ms / 1_000);
  throw new RateLimited(`Too many failed attempts: try again in ${seconds} s.`, seconds);
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
