import type { Counters, SourceKind } from './source';

/**
 * One stored slice in the log of what was stored. `_id` counts up by one without gaps; a slice of a run is
 * committed once. What is committed is visible to queries, subscriptions and webhooks.
 */
export interface Commit extends Counters {
  _id: number;
  run: string;
  slice: number;
  batchId: string;
  sourceId: string;
  sourceKind: SourceKind;
  at: Date;
  /**
   * The ids of the events that it added, in the order of their positions; also of those that it took over from silent
   * backfills, which were counted as stored before and count as duplicates here.
   */
  ids: string[];
  /** Stored by a backfill that must not alert. */
  silent?: true;
  /** The HTTP requests that pushed its batch. */
  requestIds?: string[];
}

/** Place of an event in the stream of stored events. */
export interface StreamPosition {
  n: number;
  pos: number;
}

/** Whether the first place lies beyond the second. */
export function isAfter(a: StreamPosition, b: StreamPosition): boolean {
  return a.n > b.n || (a.n === b.n && a.pos > b.pos);
}
