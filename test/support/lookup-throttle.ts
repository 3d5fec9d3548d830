/** Requests a second, and how many at once. */
export interface ThrottleRate {
  perSecond: number;
  burst: number;
}

/** What AWS lets an account ask of LookupEvents, in each Region. */
export const AWS_THROTTLE: ThrottleRate = { perSecond: 2, burst: 2 };

/** A token bucket for each key, as a server keeps one for each account and Region. */
export class LookupThrottle {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  /** @param rate null takes all */
  constructor(private readonly rate: ThrottleRate | null) {}

  /** @param at milliseconds, of a clock that goes on */
  refuses(key: string, at: number): boolean {
    if (!this.rate) return false;
    const { perSecond, burst } = this.rate;
    const bucket = this.buckets.get(key) ?? { tokens: burst, at };
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1_000) * perSecond);
    bucket.at = at;
    this.buckets.set(key, bucket);
    if (bucket.tokens < 1) return true;
    bucket.tokens--;
    return false;
  }
}
