import type { StreamPosition } from './commit';
import type { EventFilter } from './filter';
import type { Sealed } from './source';

export type WebhookState = 'ACTIVE' | 'PAUSED' | 'DISABLED';
/** How bodies are written; `delivery/formats` has a file for each. */
export type WebhookFormat = 'ENRICHED' | 'RAW' | 'ECS' | 'SLACK' | 'FORWARDER_V1';
export type DeliveryState = 'PENDING' | 'DELIVERED' | 'FAILED' | 'CANCELLED';

/** A reader of the commits with a position of its own. */
export interface Webhook {
  _id: string;
  name: string;
  url: string;
  state: WebhookState;
  stateReason: string | null;
  format: WebhookFormat;
  filter: EventFilter | null;
  /** Null: every source but those of kind DEMO. */
  sourceIds: string[] | null;
  /** In the order given; values are sealed. */
  headers: { name: string; value: Sealed }[];
  secret: Sealed;
  /** The last four characters of the secret. */
  secretHint: string;
  batchSize: number;
  timeoutMs: number;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
  /** Counts changes of what is matched or sent. */
  revision: number;
  /** Part of every delivery's id; a replay of its own would have another. */
  generation: number;
  /** Everything up to here was looked at and, where it matched, stands in a delivery. */
  position: StreamPosition;
  /** When it wants to be looked at next, by its holder or anyone; null: only when something is committed. */
  nextDueAt: Date | null;
  /** The holder's lease. */
  token: string | null;
  leaseUntil: Date | null;
  consecutiveFailures: number;
  /** Set where the receiver asked for a pause (Retry-After). */
  heldUntil: Date | null;
}

export interface DeliveryAttempt {
  number: number;
  startedAt: Date;
  durationMs: number;
  responseStatus: number | null;
  responseBody: string | null;
  failure: string | null;
  address: string | null;
}

/** What was, or is to be, sent to one webhook: one chunk of events. Its id is the `webhook-id` and never changes. */
export interface Delivery {
  _id: string;
  webhookId: string;
  state: DeliveryState;
  eventIds: string[];
  /** Places of the first and the last event: the position goes on after the last. */
  first: StreamPosition;
  last: StreamPosition;
  /** Frozen when made, so that a webhook-id has one body for ever. */
  format: WebhookFormat;
  revision: number;
  batch: boolean;
  /** The one event is too big for a body and goes as its id. */
  thin: boolean;
  attemptCount: number;
  /** The last 20. */
  attempts: DeliveryAttempt[];
  nextAttemptAt: Date | null;
  createdAt: Date;
  completedAt: Date | null;
  test: boolean;
}

export const KEPT_ATTEMPTS = 20;
