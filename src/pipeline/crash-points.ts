import { Invalid } from '../domain/errors';

/**
 * Places at which a test may have the process kill itself. Whatever a worker was doing there, the next one must find
 * and finish.
 */
export const CRASH_POINTS = [
  'object-downloaded',
  'events-inserted',
  'before-commit',
  'after-commit',
  'published',
  'events-matched',
  'deliveries-inserted',
  'position-moved',
  'attempt-recorded',
  'response-received',
  'outcome-written',
  'receiver-marked',
  'replay-page-made',
] as const;

/** Those of a fetch: where a page was handed over, and where its batches stand in the ledger but nobody was told. */
export const FETCH_CRASH_POINTS = ['page-fetched', 'page-in-ledger'] as const;

/** Those that only backfills reach, and what they leave for live work to take over. */
export const BACKFILL_CRASH_POINTS = ['backfill-page-kept', 'backfill-position-moved', 'taken-over'] as const;

/** Of the fold into rollups: where some cells of a pass are written, and nobody remembers it. */
export const ROLLUP_CRASH_POINTS = ['rollup-cells-written'] as const;

/** Those of telling what befell a webhook: kept with the change, and where deliveries of it are made. */
export const OPERATIONAL_CRASH_POINTS = ['operational-event-kept', 'operational-deliveries-made'] as const;

export type CrashPoint =
  | (typeof CRASH_POINTS)[number]
  | (typeof FETCH_CRASH_POINTS)[number]
  | (typeof BACKFILL_CRASH_POINTS)[number]
  | (typeof ROLLUP_CRASH_POINTS)[number]
  | (typeof OPERATIONAL_CRASH_POINTS)[number];

/** Told at each of the places; does nothing outside of tests. */
export type CrashHook = (point: CrashPoint) => void;

const ALL_POINTS: readonly (string | undefined)[] = [
  ...CRASH_POINTS,
  ...FETCH_CRASH_POINTS,
  ...BACKFILL_CRASH_POINTS,
  ...ROLLUP_CRASH_POINTS,
  ...OPERATIONAL_CRASH_POINTS,
];

/**
 * For tests: has the process killed when it comes to a point, or for the n-th time.
 * @param setting `point` or `point:n`; absent: nothing is done anywhere
 * @throws Invalid where there is no such point
 */
export function crashHook(setting: string | undefined, kill: () => void): CrashHook {
  if (!setting) return () => undefined;
  const [point, count = '1'] = setting.split(':');
  if (!ALL_POINTS.includes(point))
    throw new Invalid(`TRAILGRAPH_CRASH_AT must be one of ${ALL_POINTS.join(', ')}.`);
  let left = Number(count);
  return (reached) => {
    if (reached === point && --left <= 0) kill();
  };
}
