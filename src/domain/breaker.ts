/** How a receiver fared lately, kept with its webhook so that whoever holds it next knows. */
export interface Breaker {
  /** Attempts by the minute they ended in (minutes since the epoch), oldest first; the last five at most. */
  minutes: { at: number; attempts: number; failures: number }[];
  /** Set while it is open, and until a probe after that has succeeded. */
  openUntil: Date | null;
}

export const CLOSED_BREAKER: Readonly<Breaker> = { minutes: [], openUntil: null };

const WINDOW_MINUTES = 5;
const MIN_ATTEMPTS = 10;
const MAX_FAILED_SHARE = 0.5;
/** Then one probe shows whether it goes on. */
export const OPEN_MS = 30_000;

/** Whether nothing may be sent. */
export function isOpen(breaker: Breaker, now: Date): boolean {
  return breaker.openUntil !== null && breaker.openUntil > now;
}

/** Whether the next attempt is the one that decides. */
export function isProbing(breaker: Breaker, now: Date): boolean {
  return breaker.openUntil !== null && breaker.openUntil <= now;
}

/**
 * The breaker after one more attempt. It opens for 30 s at 50 % failures of at least 10 attempts in 5 minutes; a probe
 * that succeeds closes it and forgets the past, one that fails opens it again. What was in flight when it opened
 * changes nothing.
 */
export function afterAttempt(breaker: Breaker, failed: boolean, now: Date): Breaker {
  if (isProbing(breaker, now) && !failed) return { minutes: [], openUntil: null };
  const minutes = counted(breaker.minutes, failed, Math.floor(now.getTime() / 60_000));
  if (isOpen(breaker, now)) return { minutes, openUntil: breaker.openUntil };
  const opens = isProbing(breaker, now) || failsTooOften(minutes);
  return { minutes, openUntil: opens ? new Date(now.getTime() + OPEN_MS) : null };
}

function counted(minutes: Breaker['minutes'], failed: boolean, at: number): Breaker['minutes'] {
  const recent = minutes.filter((minute) => minute.at > at - WINDOW_MINUTES && minute.at < at);
  const current = minutes.find((minute) => minute.at === at) ?? { at, attempts: 0, failures: 0 };
  const { attempts, failures } = current;
  return [...recent, { at, attempts: attempts + 1, failures: failures + (failed ? 1 : 0) }];
}

function failsTooOften(minutes: Breaker['minutes']): boolean {
  const attempts = minutes.reduce((sum, minute) => sum + minute.attempts, 0);
  const failures = minutes.reduce((sum, minute) => sum + minute.failures, 0);
  return attempts >= MIN_ATTEMPTS && failures >= attempts * MAX_FAILED_SHARE;
}
