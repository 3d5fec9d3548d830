import type { Batch } from '../domain/batch';
import type { Commit } from '../domain/commit';
import { SLICE_STRIDE } from '../domain/event';
import { NO_COUNTS } from '../domain/source';
import type { CommitStore } from '../store/commits';
import type { EventStore } from '../store/events';

/** Beyond the slices of any file: what comes too late for its own slice stands in one of these. */
const LATE_SLICES = 1_000_000;
/** Somebody else may be late at the same slice. */
const MOST_ROUNDS = 8;

/** An event of a run, and its place in it. */
export interface PlacedEvent {
  id: string;
  pos: number;
}

/**
 * Commits what a worker stored of a slice that somebody else had committed meanwhile without it: one that slept in the
 * middle of storing, and whose batch was quarantined at that moment with what was there. Else it would be stored, but
 * nobody would hear of it. It gets places of a slice of its own, since an event is found by slice and place.
 * @param ids what the worker has stored of the slice
 * @param standing the commit that stands
 */
export async function commitLate(
  { events, commits }: { events: EventStore; commits: CommitStore },
  batch: Batch,
  ids: PlacedEvent[],
  standing: Commit,
): Promise<void> {
  const { run, _id: batchId, sourceId, sourceKind, silent } = batch;
  let heardOf = new Set(standing.ids);
  let missing = ids;
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    missing = missing.filter(({ id }) => !heardOf.has(id));
    if (missing.length === 0) return;
    const slice = (standing.slice % LATE_SLICES) + round * LATE_SLICES;
    await events.place(
      run,
      missing.map(({ id, pos }) => ({ id, pos: slice * SLICE_STRIDE + (pos % SLICE_STRIDE) })),
    );
    const counts = { received: missing.length, stored: missing.length };
    const { commit } = await commits.append({
      ...NO_COUNTS,
      ...counts,
      ...{ run, slice, batchId, sourceId, sourceKind },
      ids: missing.map(({ id }) => id),
      ...(silent ? { silent } : {}),
    });
    heardOf = new Set(commit.ids);
  }
  throw new Error(`${missing.length} events that came late could not be committed`);
}
