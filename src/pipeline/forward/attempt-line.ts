import type { Delivery } from '../../domain/webhook';
import type { Logger } from '../../observe/logger';
import type { AttemptOutcome } from '../../store/deliveries';

/** The wide line of an attempt. One that was taken costs as much as its sending: hence `debug`. */
export function tellAttempt(
  log: Logger,
  { _id: deliveryId, webhookId, ...delivery }: Delivery,
  outcome: AttemptOutcome,
): void {
  const { state, nextAttemptInMs, attempt } = outcome;
  const level = state === 'DELIVERED' ? 'debug' : state === 'FAILED' ? 'warn' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const { eventIds, first, last, requestIds = [] } = delivery;
  const { number, failure, failureReason, responseStatus, durationMs } = attempt;
  log[level](
    {
      ...{ deliveryId, webhookId, requestIds, events: eventIds.length, first, last },
      ...{ attempt: number, state, failure, failureReason, responseStatus, durationMs, nextAttemptInMs },
    },
    'delivery attempted',
  );
}
