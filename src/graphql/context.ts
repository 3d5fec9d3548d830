import type { Caller } from '../auth/accounts';
import type { EventSubscriptions } from './events/event-subscription';
import type { SourceSubscriptions } from './sources/source-subscription';

/** Where the subscriptions of each subject come from. */
export interface Subscriptions {
  events: EventSubscriptions;
  sources: SourceSubscriptions;
}

/** What every operation knows of its caller, over HTTP and over WebSocket alike. */
export interface Context {
  /** Null when anonymous. */
  caller: Caller | null;
  requestId: string;
  ip: string | null;
  subscriptions: Subscriptions;
}
