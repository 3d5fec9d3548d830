import type { EventFilter } from './filter';
import type { DeliveryState } from './webhook';

export type ReplayState = 'RUNNING' | 'DONE' | 'CANCELLED' | 'FAILED';

/** Which deliveries: members are AND-ed, values in a list OR-ed; absent or empty is no constraint. */
export interface DeliveryFilter {
  webhookIds?: string[] | null;
  states?: DeliveryState[] | null;
  eventIds?: string[] | null;
  /** Made at or after. */
  from?: Date | null;
  /** Made before. */
  to?: Date | null;
}

/** What is sent again: failed deliveries, or stored events as deliveries of their own. */
export type ReplayScope =
  | { deliveries: DeliveryFilter; events?: undefined }
  | { events: EventFilter | null; deliveries?: undefined };

/** A bulk redelivery that goes on after a restart. Its scope ends at what there was when it was made. */
export interface Replay {
  _id: string;
  /** The webhook that hears it; null where deliveries of several may match. */
  webhookId: string | null;
  scope: ReplayScope;
  /** Nothing is sent: only `matched` is told. */
  dryRun: boolean;
  state: ReplayState;
  /** Deliveries or events that matched when it was made. */
  matched: number;
  /** How many of them are handed to the webhook. */
  sent: number;
  /** The last one that was; null at the beginning. */
  position: { value: number; id: string } | null;
  error: string | null;
  createdAt: Date;
  doneAt: Date | null;
  /** When it may be taken up: while somebody works on it, the end of the lease; null in a final state. */
  dueAt: Date | null;
  token: string | null;
}
