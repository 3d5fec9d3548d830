import type { Batch } from '../domain/batch';
import type { Commit } from '../domain/commit';
import type { StoredEvent } from '../domain/event';
import { addCounts, type Counters, NO_COUNTS } from '../domain/source';
import type { Settlement } from '../store/batches';
import type { CommitStore } from '../store/commits';
import type { EventStore } from '../store/events';
import { unfinishedSlices } from './unfinished-slices';

export interface EndParts {
  events: EventStore;
  commits: CommitStore;
  /** Told of each slice that was committed anew; its failure costs a follower a second. */
  onCommit: (commit: Commit, events: StoredEvent[] | null) => Promise<void>;
}

/**
 * Ends a batch that can't go on: what it has inserted is committed first, so that everybody hears of it. Called again, it
 * finds what an earlier try did. @returns what to settle it with
 */
export async function endBatch(
  batch: Batch,
  state: Settlement['state'],
  error: string,
  { events, commits, onCommit }: EndParts,
): Promise<Settlement> {
  const since = new Date(batch.createdAt.getTime() - 60_000);
  const committed = await commits.ofRun(batch.run);
  const done = new Set(committed.map((commit) => commit.slice));
  let counts = committed.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS);
  for (const unfinished of await unfinishedSlices(events, batch.run, since, done)) {
    const { commit, appended } = await commits.append({
      ...NO_COUNTS,
      run: batch.run,
      ...unfinished,
      batchId: batch._id,
      sourceId: batch.sourceId,
      sourceKind: batch.sourceKind,
      received: unfinished.stored + unfinished.duplicates,
      ...(batch.silent ? { silent: true as const } : {}),
    });
    counts = addCounts(counts, commit);
    if (appended) await onCommit(commit, null);
  }
  return { state, error, ...counts };
}
