import type { Caller } from '../../auth/caller';
import type { StreamPosition } from '../../domain/commit';
import { parseStreamCursor } from '../../domain/cursor';
import { Unauthenticated } from '../../domain/errors';
import type { StoredEvent } from '../../domain/event';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { type Matcher, matcher } from '../../domain/matcher';
import { abortable } from '../../live/abortable';
import { type EnrichedEvent, toEvent } from './types';

/** What the subscription needs of the live feed. */
export interface LiveFeed {
  follow(
    after: StreamPosition | null,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<{ position: StreamPosition; event: StoredEvent }>>;
  /** The place of the newest commit that it knows of, beyond its last event; sure while somebody follows. */
  newest(): StreamPosition;
}

export interface SubscriptionArgs {
  filter?: EventFilter | null;
  after?: string | null;
}

/** Subscriptions to the live feed. */
export class EventSubscriptions {
  constructor(private readonly feed: LiveFeed) {}

  /** As `LiveFeed.newest`. */
  newest(): StreamPosition {
    return this.feed.newest();
  }

  /**
   * The events that match, from the cursor or from now on.
   * @param from where to begin instead
   * @throws Invalid for a filter or a cursor that is none; CursorExpired; Unauthenticated for an anonymous caller
   */
  async follow(
    { filter, after }: SubscriptionArgs,
    caller: Caller | null,
    from: StreamPosition | null = null,
  ): Promise<AsyncIterableIterator<EnrichedEvent>> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    const position = typeof after === 'string' ? parseStreamCursor(after, ['after']) : from;
    const matches = matcher(filter ? checkFilter(filter, ['filter']) : null);
    const controller = new AbortController();
    const events = await this.feed.follow(position, controller.signal);
    return abortable(matching(events, matches), controller);
  }
}

async function* matching(
  events: AsyncGenerator<{ position: StreamPosition; event: StoredEvent }>,
  matches: Matcher,
): AsyncGenerator<EnrichedEvent> {
  for await (const { position, event } of events) {
    if (matches(event)) yield toEvent(event, position);
  }
}
