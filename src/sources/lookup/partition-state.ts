import type { LookupWindow } from './lookup-requests';

/**
 * What is read of an account and Region: `head` at every poll; `overlap` again, for what came late; `day` again and
 * seldom, for what came later still.
 */
export type Level = 'head' | 'overlap' | 'day';
export const LEVELS: readonly Level[] = ['head', 'overlap', 'day'];

/** A reading that is under way: its windows are frozen, so that it goes on after a restart. */
export interface OpenRead {
  /** What the level is read up to once it is done. */
  to: number;
  /** Those not yet read to their end; the first is in progress. */
  windows: LookupWindow[];
  /** The next page of the first window; null for its first. */
  token: string | null;
  /** The oldest event of the first window that was read, as windows are read newest first. */
  oldest: number | null;
  /** Pages of management events so far. */
  pages: number;
  /** For `head`: it covers the whole overlap. */
  whole: boolean;
}

/** How far an account and Region was read. Times are ms since the epoch. */
export interface PartitionState {
  /** The first poll began here: what is older is for a backfill. */
  since: number;
  /** Everything up to here was read, and what was read of it is settled in the ledger: the checkpoint. */
  through: number;
  /** The head was read up to here. */
  walked: number;
  /** The overlap was read up to here, and in so many pages. */
  overlapTo: number;
  overlapPages: number;
  /** The day was read up to here. */
  dayTo: number;
  open: Partial<Record<Level, OpenRead>>;
  /** The Region is not switched on: it is asked again then, or when the source was changed. */
  off: { until: number; updatedAt: number } | null;
  /** AWS throttles every try since then. */
  throttledSince: number | null;
}

/** How often and how far back things are read, in ms. */
export interface LookupTimings {
  /** A head that does not cover the whole overlap looks back this far. */
  lookBackMs: number;
  /** An overlap of so few pages is read at every poll. */
  cheapPages: number;
  /** A larger one is read so often. */
  overlapEveryMs: number;
  dayMs: number;
  dayEveryMs: number;
  /** A Region that is not switched on is asked again after this. */
  offMs: number;
  /** Throttling that lasts for so long is told. */
  throttledMs: number;
  /** A fetch goes on for so long while some Region is not done. */
  fetchMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** CloudTrail delivers after about 5 minutes; peaks of 45 were seen. */
export const TIMINGS: LookupTimings = {
  lookBackMs: 10 * MINUTE_MS,
  cheapPages: 5,
  overlapEveryMs: 10 * MINUTE_MS,
  dayMs: 24 * HOUR_MS,
  dayEveryMs: 6 * HOUR_MS,
  offMs: 24 * HOUR_MS,
  throttledMs: 10 * MINUTE_MS,
  fetchMs: 5 * MINUTE_MS,
};

/** LookupEvents keeps events for 90 days; a little less, so that no window begins too early by a slow clock. */
export const KEPT_MS = 90 * 24 * HOUR_MS - 5 * MINUTE_MS;

/** Event times have no fractions of a second. */
export function wholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}

/** That of an account and Region that was never read. */
export function newState(now: number, overlapMs: number): PartitionState {
  const since = wholeSecond(now) - overlapMs;
  return {
    since,
    through: since,
    walked: since,
    overlapTo: wholeSecond(now),
    overlapPages: 0,
    dayTo: wholeSecond(now),
    open: {},
    off: null,
    throttledSince: null,
  };
}

/** A checkpoint's cursor: the checkpoint itself stands in it as a date, for people. */
export function savedState({ through, ...state }: PartitionState): Record<string, unknown> {
  return { through: new Date(through), state: structuredClone(state) };
}

/** @returns null where the cursor is none of ours */
export function stateOf(cursor: Record<string, unknown> | null): PartitionState | null {
  const { through, state } = cursor ?? {};
  const at = Number(through ?? Number.NaN);
  if (Number.isNaN(at) || typeof state !== 'object' || state === null) return null;
  return { ...(structuredClone(state) as Omit<PartitionState, 'through'>), through: at };
}

/**
 * Opens what is due to be read and not open yet. A level reaches back from where it was read last, so that an event
 * that comes late by less than its length is found however seldom it is read.
 */
export function openDue(
  state: PartitionState,
  now: number,
  { overlapMs, timings }: { overlapMs: number; timings: LookupTimings },
): void {
  const end = wholeSecond(now);
  // After a long stop; and no window ends before it begins, should the clock be set back.
  const from = (ms: number) => Math.min(end, Math.max(ms, state.since, end - KEPT_MS));
  const { open } = state;
  const whole = state.overlapPages <= timings.cheapPages;
  const overlapFrom = from(state.overlapTo - overlapMs);
  const headFrom = from(state.walked - Math.min(timings.lookBackMs, overlapMs));
  const insightFrom = from(state.walked - overlapMs);
  open.head ??= reading(end, whole, [
    { start: whole ? Math.min(overlapFrom, headFrom) : headFrom, end, insight: false },
    { start: insightFrom, end, insight: true },
  ]);
  if (!whole && end - state.overlapTo >= timings.overlapEveryMs)
    open.overlap ??= reading(end, false, [{ start: overlapFrom, end: headFrom, insight: false }]);
  if (end - state.dayTo >= timings.dayEveryMs) {
    const window = { start: from(state.dayTo - timings.dayMs), end: overlapFrom };
    open.day ??= reading(end, false, [
      { ...window, insight: false },
      { ...window, insight: true },
    ]);
  }
}

function reading(to: number, whole: boolean, windows: LookupWindow[]): OpenRead {
  const proper = windows.filter(({ start, end }) => start <= end);
  return { to, windows: proper, token: null, oldest: null, pages: 0, whole };
}

/** Notes that a level was read to its end. */
export function closeRead(state: PartitionState, level: Level): void {
  const read = state.open[level];
  if (!read) return;
  delete state.open[level];
  if (level === 'head') state.walked = read.to;
  if (level === 'day') state.dayTo = read.to;
  if (level === 'overlap' || read.whole) {
    state.overlapTo = read.to;
    state.overlapPages = read.pages;
  }
}
