import type { AttemptResult } from '../../delivery/attempt';
import { nextRetryDelayMs } from '../../domain/backoff';
import type { Delivery, DeliveryAttempt } from '../../domain/webhook';
import type { AttemptOutcome } from '../../store/deliveries';

/** What an attempt makes of its delivery: settled, or when it is tried again. */
export function outcomeOf(
  { _id: id, attemptCount, attemptBase = 0, attempts, test, operational }: Delivery,
  result: AttemptResult,
): AttemptOutcome {
  const number = attemptCount + 1;
  const attempt: DeliveryAttempt = {
    number,
    startedAt: result.startedAt,
    durationMs: result.durationMs,
    responseStatus: result.status,
    responseBody: result.responseBody,
    failure: result.failure,
    failureReason: result.failureReason,
    address: result.address,
  };
  if (result.failure === null) return { id, state: 'DELIVERED', attempt, nextAttemptInMs: null };
  if (result.failure === 'proxy') {
    // The schedule goes on where it stood; of many such attempts in a row the last one is kept.
    const last = attempts.at(-1)?.failure === 'proxy' ? attempts.length - 1 : null;
    return { id, state: 'PENDING', attempt, nextAttemptInMs: result.retryAfterMs ?? 0, unspent: { last } };
  }
  const waitMs = test ? null : nextRetryDelayMs(number - attemptBase, Math.random);
  if (waitMs === null)
    return { id, state: 'FAILED', attempt, nextAttemptInMs: null, exhausted: !test && !operational };
  return { id, state: 'PENDING', attempt, nextAttemptInMs: Math.max(waitMs, result.retryAfterMs ?? 0) };
}
