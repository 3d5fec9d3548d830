import type { Caller } from '../../auth/caller';
import { Invalid, Unauthenticated } from '../../domain/errors';
import type { Source as StoredSource } from '../../domain/source';
import { abortable } from '../../live/abortable';
import { type Source, toSource } from './types';

/** What the subscription needs of the feed of changed sources. */
export interface ChangedSourcesFeed {
  follow(ids: string[] | null, signal: AbortSignal): AsyncGenerator<StoredSource>;
}

const MAX_IDS = 200;

/** Subscriptions to changes of sources. */
export class SourceSubscriptions {
  constructor(private readonly feed: ChangedSourcesFeed) {}

  /**
   * Sources as they change: those of the ids, all of them where there are none.
   * @throws Invalid for too many ids; Unauthenticated for an anonymous caller
   */
  async follow(
    ids: string[] | null | undefined,
    caller: Caller | null,
  ): Promise<AsyncIterableIterator<Source>> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    if (ids && ids.length > MAX_IDS) {
      const message = `must name at most ${MAX_IDS} sources`;
      throw new Invalid(`\`ids\` ${message}.`, [{ path: ['ids'], message }]);
    }
    const controller = new AbortController();
    return abortable(shown(this.feed.follow(ids?.length ? ids : null, controller.signal)), controller);
  }
}

async function* shown(changes: AsyncGenerator<StoredSource>): AsyncGenerator<Source> {
  for await (const source of changes) yield toSource(source);
}
