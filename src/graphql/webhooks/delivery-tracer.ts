import { NotFound } from '../../domain/errors';
import { SLICE_STRIDE, type StoredEvent } from '../../domain/event';
import { matcher } from '../../domain/matcher';
import type { Source } from '../../domain/source';
import type { Delivery, Webhook } from '../../domain/webhook';
import { type CommitStore, sliceKey } from '../../store/commits';
import type { DeliveryStore } from '../../store/deliveries';
import type { EventStore } from '../../store/events';
import type { SourceStore } from '../../store/sources';
import type { WebhookStore } from '../../store/webhooks';

export interface DeliveryTracerParts {
  events: EventStore;
  commits: CommitStore;
  sources: SourceStore;
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
}

/** What one webhook made of one event. */
export interface Trace {
  webhook: Webhook;
  /** Whether it is one that the webhook, as it stands, hears of by itself. */
  matched: boolean;
  /** Why it does not, or why nothing was sent yet. */
  reason: string | null;
  deliveries: Delivery[];
}

interface Placed {
  event: StoredEvent;
  source: Source | null;
  /** Its commit; null while it has none. */
  n: number | null;
}

const MAX_WEBHOOKS = 1_000;
const MAX_DELIVERIES = 1_000;

/** Tells for an event what every webhook made of it. */
export class DeliveryTracer {
  constructor(private readonly parts: DeliveryTracerParts) {}

  /** @throws NotFound where the event is not stored */
  async trace(eventId: string): Promise<Trace[]> {
    const { events, sources, webhooks, deliveries } = this.parts;
    const event = await events.get(eventId.toLowerCase());
    if (!event) throw new NotFound(`There is no event ${eventId}.`);
    const [source, n, all, sent] = await Promise.all([
      sources.getAny(event.sourceId),
      this.commitOf(event),
      webhooks.all(MAX_WEBHOOKS),
      deliveries.ofEvent(event._id, MAX_DELIVERIES),
    ]);
    return all.map((webhook) => {
      const own = sent.filter(({ webhookId }) => webhookId === webhook._id);
      const refused = refusal(webhook, { event, source, n });
      return {
        webhook,
        matched: refused === null,
        reason: refused ?? (own.length > 0 ? null : pending(webhook, { event, source, n })),
        deliveries: own,
      };
    });
  }

  private async commitOf({ run, pos }: StoredEvent): Promise<number | null> {
    const slice = Math.floor(pos / SLICE_STRIDE);
    return (await this.parts.commits.numbers([{ run, slice }])).get(sliceKey(run, slice)) ?? null;
  }
}

/** Why a webhook does not hear of an event by itself; null where it does. */
function refusal(webhook: Webhook, { event, source, n }: Placed): string | null {
  if (!webhook.events.includes('CLOUDTRAIL')) return 'it hears of operational events only';
  if (webhook.sourceIds === null && source?.kind === 'DEMO')
    return 'it names no sources, and such webhooks leave DEMO sources out';
  if (webhook.sourceIds !== null && !webhook.sourceIds.includes(event.sourceId))
    return `it hears of other sources, not of ${event.sourceId}`;
  if (event.silent) return 'a backfill stored it that was not asked to deliver';
  if (!matcher(webhook.filter)(event)) return 'its filter, as it stands, does not match';
  if (webhook.since !== null && n !== null && n <= webhook.since)
    return 'it was stored before the webhook was made';
  return null;
}

/** Why nothing was sent although it matches. */
function pending({ position, state }: Webhook, { event, n }: Placed): string {
  if (n === null) return 'it is stored, but not committed yet';
  if (position.n > n || (position.n === n && position.pos >= event.pos))
    return 'it was passed over: the filter or the sources were others then, or what was sent is past its retention';
  return state === 'ACTIVE'
    ? 'the webhook has not come so far yet'
    : `the webhook is ${state}, and has not come so far yet`;
}
