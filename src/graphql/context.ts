import type { Caller } from '../auth/caller';
import type { BackfillSubscriptions } from './backfills/backfill-subscription';
import type { EventSubscriptions } from './events/event-subscription';
import type { SourceSubscriptions } from './sources/source-subscription';
import type { DeliverySubscriptions } from './webhooks/delivery-subscription';

/** Where the subscriptions of each subject come from. */
export interface Subscriptions {
  events: EventSubscriptions;
  sources: SourceSubscriptions;
  backfills: BackfillSubscriptions;
  deliveries: DeliverySubscriptions;
}

/** What every operation knows of its caller, over HTTP and over WebSocket alike. */
export interface Context {
  /** Null when anonymous. */
  caller: Caller | null;
  requestId: string;
  ip: string | null;
  subscriptions: Subscriptions;
}
