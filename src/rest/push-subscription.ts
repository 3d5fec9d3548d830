import { notifyingTopic, readSubscriptionMessage } from '../domain/envelopes/sns-message';
import type { PendingSubscription, Source } from '../domain/source';

export interface SubscriptionParts {
  /** Keeps the topic that waits to be confirmed; null: none does any more. */
  setPending: (source: Source, pending: PendingSubscription | null) => Promise<void>;
  now: () => Date;
}

/** What SNS is answered when it asks about a subscription. */
export interface SubscriptionAnswer {
  subscription: 'PENDING' | 'NOTED';
  message: string;
}

const CONFIRM =
  'An operator confirms it: open the URL in `status.pendingSubscription.subscribeUrl` of this source. ' +
  'TrailGraph never calls it by itself.';

/**
 * Takes SNS's messages about subscriptions, and notes when a topic that was pending delivers. The URL in them came
 * from outside, so it is shown to an operator and never fetched.
 * @returns the answer where the body was about a subscription; null where it may hold records
 */
export async function takeSubscription(
  source: Source,
  body: Buffer,
  { setPending, now }: SubscriptionParts,
): Promise<SubscriptionAnswer | null> {
  const told = readSubscriptionMessage(body);
  const pending = source.status.pendingSubscription;
  if (!told) {
    if (pending && notifyingTopic(body) === pending.topicArn) await setPending(source, null);
    return null;
  }
  if (told.type === 'UnsubscribeConfirmation')
    return { subscription: 'NOTED', message: 'The topic delivers here no more.' };
  await setPending(source, { topicArn: told.topicArn, subscribeUrl: told.subscribeUrl, at: now() });
  return { subscription: 'PENDING', message: CONFIRM };
}
