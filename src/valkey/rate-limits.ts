import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { withinDeadline } from './within-deadline';

/** How much of a limit is left. */
export interface RateState {
  /** Points in a minute. */
  limit: number;
  remaining: number;
  /** Until there are `limit` points again. */
  resetSeconds: number;
}

/** What was asked for is more than is left. */
export interface RateSpent extends RateState {
  exceeded: boolean;
}

export interface RateLimitOptions {
  valkey: Redis;
  /** Before every key. */
  prefix: string;
  pointsPerMinute: number;
}

const WINDOW_SECONDS = 60;
/** After a failure Valkey is not asked for so long. */
const REST_MS = 5_000;
/** Keys that are counted in memory; with more, counting begins anew. */
const MOST_KEYS = 10_000;

/**
 * Counts points by key in windows of a minute that begin with the first point, across all processes that share a
 * Valkey; each for itself while it does not answer.
 */
export class RateLimit {
  private readonly shared: RateLimiterRedis;
  private own: RateLimiterMemory;
  private ownKeys = 0;
  private restUntil = 0;

  constructor(private readonly options: RateLimitOptions) {
    this.shared = new RateLimiterRedis({
      storeClient: options.valkey,
      rejectIfRedisNotReady: true,
      keyPrefix: `${options.prefix}:spent`,
      points: options.pointsPerMinute,
      duration: WINDOW_SECONDS,
      // Who is over it is refused without asking Valkey again.
      inMemoryBlockOnConsumed: options.pointsPerMinute + 1,
    });
    this.own = this.newOwn();
  }

  /** Takes points of a key, also where there are not enough. */
  async spend(key: string, points: number): Promise<RateSpent> {
    if (performance.now() >= this.restUntil) {
      try {
        return await withinDeadline(this.state(this.shared.consume(key, points)));
      } catch {
        // Away, frozen or full: how much was spent so far is not worth a refusal.
        this.restUntil = performance.now() + REST_MS;
      }
    }
    return this.spendHere(key, points);
  }

  private async spendHere(key: string, points: number): Promise<RateSpent> {
    if (this.ownKeys >= MOST_KEYS) {
      this.own = this.newOwn();
      this.ownKeys = 0;
    }
    const spent = await this.state(this.own.consume(key, points));
    if (spent.remaining === this.options.pointsPerMinute - points) this.ownKeys += 1;
    return spent;
  }

  private newOwn(): RateLimiterMemory {
    return new RateLimiterMemory({ points: this.options.pointsPerMinute, duration: WINDOW_SECONDS });
  }

  /** The library rejects with the same shape as it resolves where the points do not suffice. */
  private async state(consumed: Promise<RateLimiterRes>): Promise<RateSpent> {
    const { result, exceeded } = await consumed.then(
      (resolved) => ({ result: resolved, exceeded: false }),
      (rejected: unknown) => {
        if (typeof (rejected as Partial<RateLimiterRes> | null)?.msBeforeNext !== 'number') throw rejected;
        return { result: rejected as RateLimiterRes, exceeded: true };
      },
    );
    return {
      limit: this.options.pointsPerMinute,
      remaining: exceeded ? 0 : result.remainingPoints,
      resetSeconds: Math.max(1, Math.ceil(result.msBeforeNext / 1_000)),
      exceeded,
    };
  }
}
