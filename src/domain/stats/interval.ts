import { Invalid } from '../errors';
import { DAY_MS, floorTo, HOUR_MS } from './cells';

const MINUTE_MS = 60_000;

export const INTERVALS = {
  MINUTE: MINUTE_MS,
  MINUTE_5: 5 * MINUTE_MS,
  MINUTE_15: 15 * MINUTE_MS,
  HOUR: HOUR_MS,
  HOUR_6: 6 * HOUR_MS,
  DAY: DAY_MS,
  WEEK: 7 * DAY_MS,
} as const;
export type Interval = keyof typeof INTERVALS;

export const MAX_BUCKETS = 3_000;
/** What AUTO stays below: a chart has no room for more. */
const AUTO_BUCKETS = 200;
/** Weeks begin on Mondays; the epoch was a Thursday. */
const MONDAY_MS = 4 * DAY_MS;

/** The buckets of a histogram: each `stepMs` long, the first begins at or before `from`. */
export interface Buckets {
  stepMs: number;
  start: number;
  count: number;
}

/**
 * Buckets at whole steps of UTC; weeks begin on Mondays. AUTO takes the finest interval that makes at most 200 of
 * them, and no less than an hour from 12 hours on: those are what rollups hold.
 * @throws Invalid where there would be more than MAX_BUCKETS
 */
export function bucketsOf(interval: Interval | 'AUTO', from: Date, to: Date): Buckets {
  const buckets = interval === 'AUTO' ? auto(from, to) : cut(INTERVALS[interval], from, to);
  if (buckets.count > MAX_BUCKETS) {
    throw new Invalid(
      `The histogram would have ${buckets.count} steps of ${interval}; at most ${MAX_BUCKETS} are allowed: take a longer interval or a shorter time.`,
      [{ path: ['interval'], message: `makes more than ${MAX_BUCKETS} steps` }],
    );
  }
  return buckets;
}

function auto(from: Date, to: Date): Buckets {
  const long = to.getTime() - from.getTime() >= 12 * HOUR_MS;
  const steps = Object.values(INTERVALS).filter((step) => !long || step >= HOUR_MS);
  const cuts = steps.map((step) => cut(step, from, to));
  return cuts.find(({ count }) => count <= AUTO_BUCKETS) ?? cuts.at(-1)!;
}

function cut(stepMs: number, from: Date, to: Date): Buckets {
  const shift = stepMs === INTERVALS.WEEK ? MONDAY_MS : 0;
  const start = floorTo(from.getTime() - shift, stepMs) + shift;
  return { stepMs, start, count: Math.ceil((to.getTime() - start) / stepMs) };
}

/** The bucket in which a time lies. */
export function bucketAt({ start, stepMs }: Buckets, time: number): number {
  return Math.floor((time - start) / stepMs);
}
