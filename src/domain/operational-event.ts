import { randomUUID } from 'node:crypto';
import type { Breaker } from './breaker';

/** What a webhook hears of: events of CloudTrail, or what befalls other webhooks. */
export type WebhookEventType = 'CLOUDTRAIL' | 'OPERATIONAL';

/** What may befall a webhook. */
export type WebhookChange = 'disabled' | 'breaker_opened' | 'breaker_closed' | 'delivery_exhausted';

/** Something that befell a webhook. It is kept with the webhook until it is told of. */
export interface OperationalEvent {
  id: string;
  change: WebhookChange;
  at: Date;
  reason: string;
  /** What else the body says, as JSON; times as ISO texts. */
  details: Record<string, unknown>;
}

/** The body of an operational event, and its type. */
export interface OperationalBody {
  type: string;
  /** JSON text, which never changes. */
  body: string;
}

/** Whom an event is about. */
interface Subject {
  _id: string;
  name: string;
  url: string;
}

/** The body that tells of an event. The query of the URL is left out: it may hold a secret. */
export function operationalBody(
  { _id: webhookId, name, url }: Subject,
  event: { change: WebhookChange | 'test'; at: Date; reason: string; details: Record<string, unknown> },
): OperationalBody {
  const type = `trailgraph.webhook.${event.change}`;
  const { origin, pathname } = new URL(url);
  const data = { webhookId, name, url: origin + pathname, reason: event.reason, ...event.details };
  return { type, body: JSON.stringify({ type, timestamp: event.at.toISOString(), data }) };
}

/** A breaker opens once, however often a probe then fails. @returns null where it stays as it was */
export function breakerChange(before: Breaker, after: Breaker, at: Date): OperationalEvent | null {
  if (before.openUntil === null && after.openUntil !== null) {
    const attempts = after.minutes.reduce((sum, minute) => sum + minute.attempts, 0);
    const failures = after.minutes.reduce((sum, minute) => sum + minute.failures, 0);
    return happened('breaker_opened', at, `${failures} of ${attempts} attempts in five minutes failed`, {
      attempts,
      failures,
      openUntil: after.openUntil.toISOString(),
    });
  }
  if (before.openUntil !== null && after.openUntil === null)
    return happened('breaker_closed', at, 'a probe succeeded', { cause: 'probe' });
  return null;
}

/** An operator has an open breaker closed: by a change, a resumption, a redelivery or a test. */
export function breakerReset(at: Date): OperationalEvent {
  return happened('breaker_closed', at, 'an operator has it tried again', { cause: 'operator' });
}

export function webhookDisabled(
  reason: string,
  { gone, consecutiveFailures }: { gone: boolean; consecutiveFailures: number },
  at: Date,
): OperationalEvent {
  return happened('disabled', at, reason, { cause: gone ? 'gone' : 'failing', consecutiveFailures });
}

/** Deliveries whose last attempt failed since the last time this was told. */
export function deliveriesExhausted(
  found: { count: number; since: Date; deliveryIds: string[] },
  at: Date,
): OperationalEvent {
  const { count, since, deliveryIds } = found;
  const reason = `the last attempt of ${count === 1 ? 'a delivery' : `${count} deliveries`} failed: mend the receiver, then use redeliverAll`;
  return happened('delivery_exhausted', at, reason, {
    count,
    since: since.toISOString(),
    until: at.toISOString(),
    deliveryIds,
  });
}

function happened(
  change: WebhookChange,
  at: Date,
  reason: string,
  details: Record<string, unknown>,
): OperationalEvent {
  return { id: randomUUID(), change, at, reason, details };
}
