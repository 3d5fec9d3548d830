import type { Caller } from '../../auth/accounts';
import type { StreamPosition } from '../../domain/commit';
import { parseStreamCursor } from '../../domain/cursor';
import { Unauthenticated } from '../../domain/errors';
import type { StoredEvent } from '../../domain/event';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { matcher } from '../../domain/matcher';
import { abortable } from '../../live/abortable';
import { type EnrichedEvent, toEvent } from './types';

/** What the subscription needs of the live feed. */
export interface LiveFeed {
  follow(
    after: StreamPosition | null,
    signal: AbortSignal,
  ): AsyncGenerator<{ position: StreamPosition; event: StoredEvent }>;
}

export interface SubscriptionArgs {
  filter?: EventFilter | null;
  after?: string | null;
}

/** Subscriptions to the live feed. */
export class EventSubscriptions {
  constructor(private readonly feed: LiveFeed) {}

  /**
   * The events that match, from the cursor or from now on.
   * @throws Invalid for a filter or a cursor that is none; Unauthenticated for an anonymous caller
   */
  follow({ filter, after }: SubscriptionArgs, caller: Caller | null): AsyncIterableIterator<EnrichedEvent> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    const position = after ? parseStreamCursor(after, ['after']) : null;
    const matches = matcher(filter ? checkFilter(filter, ['filter']) : null);
    return abortable((signal) => this.events(position, matches, signal));
  }

  private async *events(
    position: StreamPosition | null,
    matches: (event: StoredEvent) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<EnrichedEvent> {
    for await (const { position: at, event } of this.feed.follow(position, signal)) {
      if (matches(event)) yield toEvent(event, at);
    }
  }
}
