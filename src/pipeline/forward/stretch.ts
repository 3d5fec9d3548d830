import type { Commit, StreamPosition } from '../../domain/commit';
import type { StoredEvent } from '../../domain/event';
import type { Webhook } from '../../domain/webhook';
import type { CommitStore } from '../../store/commits';
import type { EventStore } from '../../store/events';
import { concerns, WHOLE_COMMIT } from './commit-reader';

/** The stores in which a stretch of the stream is read again. */
export interface StretchStores {
  commits: CommitStore;
  events: EventStore;
}

/** What a commit adds to a stretch. */
export interface StretchPart {
  commit: Commit;
  /** Those within the stretch, in order; what retention has removed is missing. */
  events: StoredEvent[];
  /** Whether every event that the commit tells of is still stored. */
  complete: boolean;
}

const COMMITS_A_READ = 16;

/** The commits after `from` up to `through` that a webhook hears of, with their events, as they are stored. */
export async function* readStretch(
  { commits, events }: StretchStores,
  webhook: Webhook,
  from: StreamPosition,
  through: StreamPosition,
): AsyncGenerator<StretchPart> {
  for (let n = from.pos === WHOLE_COMMIT ? from.n : from.n - 1; n < through.n; ) {
    const page = await commits.after(n, COMMITS_A_READ);
    for (const commit of page) {
      if (commit._id > through.n) return;
      if (!concerns(webhook, commit)) continue;
      const stored = await events.ofRun(commit.run, commit.ids);
      const within = stored.filter(
        ({ pos }) =>
          (commit._id > from.n || pos > from.pos) && (commit._id < through.n || pos <= through.pos),
      );
      yield { commit, events: within, complete: stored.length === commit.ids.length };
    }
    if (page.length < COMMITS_A_READ) return;
    n = page.at(-1)!._id;
  }
}

/** How many events a webhook has to look at between two places. */
export async function lookedAtBetween(
  stores: StretchStores,
  webhook: Webhook,
  from: StreamPosition,
  through: StreamPosition,
): Promise<number> {
  let count = 0;
  for await (const { events } of readStretch(stores, webhook, from, through)) count += events.length;
  return count;
}
