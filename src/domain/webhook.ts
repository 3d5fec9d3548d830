import type { Breaker } from './breaker';
import type { StreamPosition } from './commit';
import type { EventFilter } from './filter';
import type { OperationalBody, OperationalEvent, WebhookEventType } from './operational-event';
import type { Sealed } from './source';
import type { Tallies } from './webhook-tally';

/** Paused by its owner, or disabled by us: then `stateReason` says why. */
export type WebhookState = 'ACTIVE' | 'PAUSED' | 'DISABLED';
/** How bodies are written; `delivery/formats` has a file for each. */
export type WebhookFormat = 'ENRICHED' | 'RAW' | 'ECS' | 'SLACK' | 'FORWARDER_V1';
/** PENDING until it arrived, was given up, or was cancelled. */
export type DeliveryState = 'PENDING' | 'DELIVERED' | 'FAILED' | 'CANCELLED';

/** A reader of the commits with a position of its own. */
export interface Webhook extends Tallies {
  _id: string;
  name: string;
  url: string;
  state: WebhookState;
  stateReason: string | null;
  format: WebhookFormat;
  /** What it hears of; not empty. */
  events: WebhookEventType[];
  filter: EventFilter | null;
  /** Null: every source but those of kind DEMO. */
  sourceIds: string[] | null;
  /** In the order given; values are sealed. */
  headers: { name: string; value: Sealed }[];
  secret: Sealed;
  /** The last four characters of the secret. */
  secretHint: string;
  /** Secrets that were rotated out and still sign until then, newest first; sealed as `secret` is. */
  oldSecrets: { secret: Sealed; until: Date }[];
  /** An ed25519 key that signs as well (v1a); null where there is none. */
  signingKey: { privateKey: Sealed; publicKey: string } | null;
  batchSize: number;
  timeoutMs: number;
  /** Deliveries a second at most; null: as many as the receiver takes. */
  maxPerSecond: number | null;
  /** One delivery at a time, in the order of the commits: what fails holds up all that comes after it. */
  ordered: boolean;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
  /** Counts changes of what is matched or sent. */
  revision: number;
  /** Part of every delivery's id; a replay of its own would have another. */
  generation: number;
  /** The newest commit when it was made: it hears of what came after. Null where an earlier version made it. */
  since: number | null;
  /** Everything up to here was looked at and, where it matched, stands in a delivery. */
  position: StreamPosition;
  /** When it wants to be looked at next, by its holder or anyone; null: only when something is committed. */
  nextDueAt: Date | null;
  /** The holder's lease. */
  token: string | null;
  leaseUntil: Date | null;
  /** When a holder last let go of it: who waited longest is looked at first. Null before the first. */
  lookedAt: Date | null;
  consecutiveFailures: number;
  /** When the first of these failures was, later by the times in which the proxy was out; null while the last attempt succeeded. */
  failingSince: Date | null;
  /** Since when the operator's proxy has kept us from it; null while attempts get through. */
  proxyOutSince: Date | null;
  /** Nothing is sent before: the receiver asked for a pause (Retry-After), the breaker is open, or the rate is used up. */
  heldUntil: Date | null;
  breaker: Breaker;
  /** What befell it and was not told of yet, oldest first. */
  outbox: OperationalEvent[];
  /** When it was last told that deliveries of it were given up. */
  exhaustedToldAt: Date | null;
  /** Milliseconds of the last answered attempts, oldest first. */
  recentMs: number[];
}

/** What is known of a receiver: it answers, it never did and has not failed yet either, or it fails. */
export type Standing = 'proven' | 'untried' | 'failing';

/** By the attempts that its document remembers. */
export function standingOf({
  consecutiveFailures,
  recentMs,
}: Pick<Webhook, 'consecutiveFailures' | 'recentMs'>): Standing {
  if (consecutiveFailures > 0) return 'failing';
  return recentMs.length > 0 ? 'proven' : 'untried';
}

/** How many of the last attempts the latency is told of. */
export const KEPT_LATENCIES = 200;

/** One request of a delivery, as it is kept and shown. */
export interface DeliveryAttempt {
  number: number;
  startedAt: Date;
  durationMs: number;
  responseStatus: number | null;
  responseBody: string | null;
  failure: string | null;
  /** In words, where the class alone does not say what to mend; absent where an earlier version wrote it. */
  failureReason?: string | null;
  address: string | null;
}

/** What was, or is to be, sent to one webhook: one chunk of events. Its id is the `webhook-id` and never changes. */
export interface Delivery {
  _id: string;
  webhookId: string;
  state: DeliveryState;
  eventIds: string[];
  /** What it says instead, where it is about no events. */
  operational?: OperationalBody;
  /** When its last attempt failed, until somebody was told of that. */
  exhaustedAt?: Date;
  /** Places of the first and the last event: the position goes on after the last. */
  first: StreamPosition;
  last: StreamPosition;
  /** The HTTP requests that pushed the batches of its events, as far as they are known; at most 20. */
  requestIds?: string[];
  /** Frozen when made, so that a webhook-id has one body for ever. */
  format: WebhookFormat;
  revision: number;
  batch: boolean;
  /** The one event is too big for a body and goes as its id. */
  thin: boolean;
  attemptCount: number;
  /** Attempts before the schedule last began anew, by a redelivery. */
  attemptBase?: number;
  /** The bulk redelivery that last had it sent again. */
  replayId?: string;
  /** The last 20. */
  attempts: DeliveryAttempt[];
  nextAttemptAt: Date | null;
  createdAt: Date;
  completedAt: Date | null;
  /** When it was last put off or sent again; absent before that. */
  changedAt?: Date;
  /** Asked for by somebody who wants to see it arrive: one attempt, with a sample of an event. */
  test: boolean;
}

/** A delivery without what may be long. */
export type DeliveryHead = Omit<Delivery, 'attempts'>;

export const KEPT_ATTEMPTS = 20;
