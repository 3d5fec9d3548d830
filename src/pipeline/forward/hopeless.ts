import type { Webhook } from '../../domain/webhook';
import type { SendSummary } from './sender';

/** A receiver that has failed for so long, and so often, is given up (requirements A7). */
const GIVE_UP_AFTER_MS = 5 * 24 * 3_600_000;
const GIVE_UP_ATTEMPTS = 10;

/** Why nothing more is to be sent, in words for the operator; null where there is hope. */
export function whyHopeless(
  before: Webhook,
  { gone, consecutiveFailures, failingSince }: SendSummary,
  now: Date,
): string | null {
  if (gone) return 'the receiver answered 410 Gone: it wants nothing any more';
  if (failingSince === null || consecutiveFailures < GIVE_UP_ATTEMPTS) return null;
  // Not on the word of anybody but the receiver.
  if (consecutiveFailures === before.consecutiveFailures) return null;
  if (now.getTime() - failingSince.getTime() < GIVE_UP_AFTER_MS) return null;
  return `every attempt since ${failingSince.toISOString()} failed, ${consecutiveFailures} in all: mend the receiver, then resume the webhook`;
}
