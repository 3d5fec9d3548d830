import type { Caller } from '../../auth/caller';
import type { StreamPosition } from '../../domain/commit';
import { parseStreamCursor } from '../../domain/cursor';
import { Unauthenticated } from '../../domain/errors';
import type { StoredEvent } from '../../domain/event';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { type Matcher, matcher } from '../../domain/matcher';
import { abortable } from '../../live/abortable';
import { type EnrichedEvent, toEvent } from './types';

/** A stored event and its place in the stream. */
export interface LiveEvent {
  position: StreamPosition;
  event: StoredEvent;
}

/** What the subscription needs of the live feed. */
export interface LiveFeed {
  follow(after: StreamPosition | null, signal: AbortSignal): Promise<AsyncGenerator<LiveEvent>>;
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
   * @throws as `matching`
   */
  async follow(args: SubscriptionArgs, caller: Caller | null): Promise<AsyncIterableIterator<EnrichedEvent>> {
    const controller = new AbortController();
    return abortable(shown(await this.read(args, caller, null, controller.signal)), controller);
  }

  /**
   * The same events as they are stored, each with its place.
   * @param from where to begin instead
   * @throws Invalid for a filter or a cursor that is none; CursorExpired; Unauthenticated for an anonymous caller
   */
  async matching(
    args: SubscriptionArgs,
    caller: Caller | null,
    from: StreamPosition | null,
  ): Promise<AsyncIterableIterator<LiveEvent>> {
    const controller = new AbortController();
    return abortable(await this.read(args, caller, from, controller.signal), controller);
  }

  private async read(
    { filter, after }: SubscriptionArgs,
    caller: Caller | null,
    from: StreamPosition | null,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LiveEvent>> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    const position = typeof after === 'string' ? parseStreamCursor(after, ['after']) : from;
    const matches = matcher(filter ? checkFilter(filter, ['filter']) : null);
    return matching(await this.feed.follow(position, signal), matches);
  }
}

async function* matching(events: AsyncGenerator<LiveEvent>, matches: Matcher): AsyncGenerator<LiveEvent> {
  for await (const each of events) if (matches(each.event)) yield each;
}

async function* shown(events: AsyncGenerator<LiveEvent>): AsyncGenerator<EnrichedEvent> {
  for await (const { event, position } of events) yield toEvent(event, position);
}
