import type { Delivery, Webhook } from './webhook';

/** What a new delivery says; the rest has one beginning. */
export type NewDelivery = Pick<Delivery, '_id' | 'eventIds' | 'first' | 'last'> &
  Partial<Pick<Delivery, 'operational' | 'batch' | 'thin' | 'test' | 'requestIds'>>;

/** A delivery as it is made, due at once, with the format and the revision that the webhook has now. */
export function newDelivery(
  webhook: Pick<Webhook, '_id' | 'format' | 'revision' | 'batchSize'>,
  what: NewDelivery,
  now: Date,
): Delivery {
  return {
    webhookId: webhook._id,
    state: 'PENDING',
    format: webhook.format,
    revision: webhook.revision,
    batch: webhook.batchSize > 1,
    thin: false,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: now,
    createdAt: now,
    completedAt: null,
    test: false,
    ...what,
  };
}
