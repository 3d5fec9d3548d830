import type { WebhookFormat } from '../domain/webhook';
import type { BodyEvent, BodyFormat } from './formats/body-format';
import { ecs } from './formats/ecs';
import { enriched } from './formats/enriched';
import { forwarderV1 } from './formats/forwarder-v1';
import { raw } from './formats/raw';
import { slack } from './formats/slack';

/** The largest body that is sent. */
export const MAX_BODY_BYTES = 1024 * 1024;

const FORMATS: Record<WebhookFormat, BodyFormat> = {
  ENRICHED: enriched,
  RAW: raw,
  ECS: ecs,
  SLACK: slack,
  FORWARDER_V1: forwarderV1,
};

/** How a format is written. */
export function formatOf(format: WebhookFormat): BodyFormat {
  return FORMATS[format];
}

/**
 * The body of a delivery, at most MAX_BODY_BYTES where `BodyCutter` cut it. The same input gives the same bytes; what each
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
