import type { WebhookFormat } from '../domain/webhook';
import type { BodyFormat } from './formats/body-format';
import { ecs } from './formats/ecs';
import { enriched } from './formats/enriched';
import { forwarderV1 } from './formats/forwarder-v1';
import { raw } from './formats/raw';
import { slack } from './formats/slack';

/** An event as a body needs it. */
export interface BodyEvent {
  /** The event's identity, by which the API gives it in full. */
  id: string;
  /** The record as JSON text, exact: it is spliced in, never parsed and printed again. A JSON object. */
  recordText: string;
  enrichmentJson: string;
  ingestedAt: Date;
}

/** The largest body that is sent. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** What a body holds beside its events: type, timestamp and punctuation take less. */
const ENVELOPE_BYTES = 256;

const FORMATS: Record<WebhookFormat, BodyFormat> = {
  ENRICHED: enriched,
  RAW: raw,
  ECS: ecs,
  SLACK: slack,
  FORWARDER_V1: forwarderV1,
};

/** The bytes that an event takes in a body of the format, its separator included. */
export function bodyBytesOf(event: BodyEvent, format: WebhookFormat): number {
  return FORMATS[format].bytesOf(event);
}

/**
 * How many of the next events go into one body, at least one; `thin` when that one is too big and must go as its id.
 * @param sizes of the events in order, as `bodyBytesOf` gives them; not empty
 */
export function cutBody(sizes: Iterable<number>, batchSize: number): { count: number; thin: boolean } {
  let room = MAX_BODY_BYTES - ENVELOPE_BYTES;
  let count = 0;
  for (const size of sizes) {
    if (count === batchSize || size > room) break;
    room -= size;
    count++;
  }
  return count === 0 ? { count: 1, thin: true } : { count, thin: false };
}

/**
 * The body of a delivery, at most MAX_BODY_BYTES where `cutBody` cut it. The same input gives the same bytes; what each
 * format looks like stands at its file, and as JSON Schema under schema/webhooks.
 * @param delivery `timestamp`: when the delivery was made
 */
export function webhookBody(delivery: {
  format: WebhookFormat;
  events: readonly BodyEvent[];
  batch: boolean;
  thin?: boolean;
  timestamp: Date;
}): Buffer {
  return Buffer.from(FORMATS[delivery.format].body({ ...delivery, thin: delivery.thin === true }));
}
