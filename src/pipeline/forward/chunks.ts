import { createHash } from 'node:crypto';
import { BodyCutter } from '../../delivery/body-cutter';
import type { BodyEvent } from '../../delivery/formats/body-format';
import { MOST_REQUEST_IDS } from '../../domain/batch';
import type { StreamPosition } from '../../domain/commit';
import { newDelivery } from '../../domain/new-delivery';
import { rawText } from '../../domain/records/stored-event';
import type { Delivery, Webhook } from '../../domain/webhook';
import type { MatchedEvent } from './commit-reader';

/** A delivery and the events that its body is made of. */
export interface Chunk {
  delivery: Delivery;
  events: BodyEvent[];
}

export function bodyEvent({ event }: Pick<MatchedEvent, 'event'>): BodyEvent {
  return {
    id: event._id,
    recordText: rawText(event),
    enrichmentJson: JSON.stringify(event.enrichment),
    ingestedAt: event.ingestedAt,
  };
}

/**
 * Cuts matched events into deliveries by batchSize and by the size of a body.
 * @param flush whether a last chunk that is not full is made as well
 * @param idOf the webhook-id of a chunk, by its first event
 * @returns the chunks, and how many of the events they hold
 */
export function cutChunks(
  webhook: Webhook,
  matched: MatchedEvent[],
  flush: boolean,
  now: Date,
  idOf: (first: MatchedEvent) => string = ({ at }) => deliveryId(webhook._id, webhook.generation, at),
): { chunks: Chunk[]; used: number } {
  const bodies = matched.map(bodyEvent);
  for (const [at, body] of bodies.entries()) if (matched[at]!.bytes) body.bytes = matched[at]!.bytes;
  const cutter = new BodyCutter(webhook.format, webhook.batchSize);
  const chunks: Chunk[] = [];
  let used = 0;
  while (used < matched.length) {
    const { count, thin } = cutter.next(bodies, used);
    const full = thin || count === webhook.batchSize || used + count < matched.length;
    if (!full && !flush) break;
    const events = bodies.slice(used, used + count);
    const range = { first: matched[used]!.at, last: matched[used + count - 1]!.at };
    const _id = idOf(matched[used]!);
    const eventIds = events.map((event) => event.id);
    const requestIds = requestsOf(matched.slice(used, used + count));
    const told = requestIds.length > 0 ? { requestIds } : {};
    chunks.push({ delivery: newDelivery(webhook, { _id, eventIds, ...range, thin, ...told }, now), events });
    used += count;
  }
  // What is left is looked at again soon: it need not be measured again.
  for (let at = used; at < matched.length; at++) matched[at]!.bytes = bodies[at]!.bytes;
  return { chunks, used };
}

function requestsOf(matched: MatchedEvent[]): string[] {
  return [...new Set(matched.flatMap(({ requestIds = [] }) => requestIds))].slice(0, MOST_REQUEST_IDS);
}

/** The `webhook-id`: the same chunk gets the same one, whoever cuts it. */
export function deliveryId(webhookId: string, generation: number, first: StreamPosition): string {
  const text = `${webhookId}/${generation}/${first.n}/${first.pos}`;
  return `dlv_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}
