/** A number in [0, 1), as Math.random gives; tests give their own. */
export type Random = () => number;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits between the attempts of a delivery: the schedule that the Standard Webhooks specification proposes. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** The longest that anything waits on another's word, Retry-After for one. */
export const MAX_HOLD_MS = 24 * HOUR;

/** Spreads what failed together, so that it does not come back together. */
const JITTER = 0.2;

/**
 * How long a delivery waits after its n-th attempt (from 1) failed, in ms, +-20 %; null when it was the last.
 */
export function nextRetryDelayMs(attemptNumber: number, random: Random): number | null {
  const delay = RETRY_DELAYS_MS[attemptNumber - 1];
  return delay === undefined ? null : Math.round(delay * (1 - JITTER + 2 * JITTER * random()));
}

/**
 * Doubles from `baseMs` with every try (from 1) up to `maxMs`; the wait is between half of that and all of it.
 */
export function backoffMs(tries: number, bounds: { baseMs: number; maxMs: number }, random: Random): number {
  // 2 ** 1100 is Infinity, which min() takes back.
  const full = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.max(0, tries - 1));
  return Math.round(full * (0.5 + 0.5 * random()));
}
