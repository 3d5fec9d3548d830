/** `live` requests go first; `spare` ones take what is left, and a quarter of the rate while live ones wait. */
export type Urgency = 'live' | 'spare';

/** What a bucket is asked: for a token, or to give none for a while. */
export interface BucketAsk {
  key: string;
  perSecond: number;
  urgency: Urgency;
  /** Milliseconds in which no token is given to anybody; 0 takes a token. */
  holdMs: number;
}

/** A live request that had to wait is taken to want the rate for so long. */
export const LIVE_WAITS_MS = 2_000;
/** Of the rate, for spare requests while live ones wait. */
export const SPARE_SHARE = 0.25;

/** Buckets that are kept; the one that was not asked longest goes first. */
const MAX_KEYS = 10_000;

interface Bucket {
  nextAt: number;
  heldUntil: number;
  waitedAt: number;
  spareAt: number;
}

/** What the script of token-bucket.ts does, for this process alone. */
export class LocalBuckets {
  private readonly buckets = new Map<string, Bucket>();

  constructor(private readonly now: () => number) {}

  /** @returns the milliseconds to wait; 0 where a token was taken */
  ask({ key, perSecond, urgency, holdMs }: BucketAsk): number {
    const now = this.now();
    const bucket = this.bucket(key, now + 1_000 / perSecond);
    if (holdMs > 0) {
      bucket.heldUntil = Math.max(bucket.heldUntil, now + holdMs);
      return 0;
    }
    let wait = Math.max(bucket.nextAt, bucket.heldUntil) - now;
    if (urgency === 'spare' && bucket.waitedAt + LIVE_WAITS_MS > now)
      wait = Math.max(wait, bucket.spareAt - now);
    if (wait > 0) {
      if (urgency === 'live') bucket.waitedAt = now;
      return Math.ceil(wait);
    }
    bucket.nextAt = now + 1_000 / perSecond;
    if (urgency === 'spare') bucket.spareAt = now + 1_000 / perSecond / SPARE_SHARE;
    return 0;
  }

  /** A new one begins empty: whoever counted before may just have given a token. */
  private bucket(key: string, firstAt: number): Bucket {
    const known = this.buckets.get(key);
    this.buckets.delete(key);
    const bucket = known ?? { nextAt: firstAt, heldUntil: 0, waitedAt: 0, spareAt: 0 };
    this.buckets.set(key, bucket);
    for (const oldest of this.buckets.keys()) {
      if (this.buckets.size <= MAX_KEYS) break;
      this.buckets.delete(oldest);
    }
    return bucket;
  }
}
