import { SLICE_STRIDE } from '../domain/event';
import type { EventStore, Owner } from '../store/events';

/** A slice of a run whose events are stored, but which is not committed. */
export interface UnfinishedSlice {
  slice: number;
  /** The ids of the events that carry the run, in the order of their positions. */
  ids: string[];
  /** What the run stored, also where others took it over since. */
  stored: number;
  /** What it took over, which was counted as stored before. */
  duplicates: number;
}

/** What a run has inserted or taken over without coming to commit it. @param since when its batch was made, or earlier */
export async function unfinishedSlices(
  events: EventStore,
  run: string,
  since: Date,
  committed: ReadonlySet<number>,
): Promise<UnfinishedSlice[]> {
  const [owned, lost] = await Promise.all([events.ownedBy(run, since), events.takenFrom(run)]);
  const slices = new Map<number, UnfinishedSlice>();
  const sliceOf = (pos: number): UnfinishedSlice | null => {
    const slice = Math.floor(pos / SLICE_STRIDE);
    if (committed.has(slice)) return null;
    const found = slices.get(slice) ?? { slice, ids: [], stored: 0, duplicates: 0 };
    slices.set(slice, found);
    return found;
  };
  for (const event of owned) count(sliceOf(event.pos), event);
  for (const { takenPos = 0 } of lost) {
    const slice = sliceOf(takenPos);
    if (slice) slice.stored++;
  }
  return [...slices.values()].sort((a, b) => a.slice - b.slice);
}

function count(slice: UnfinishedSlice | null, { _id, takenFrom }: Owner): void {
  if (!slice) return;
  slice.ids.push(_id);
  if (takenFrom === undefined) slice.stored++;
  else slice.duplicates++;
}
