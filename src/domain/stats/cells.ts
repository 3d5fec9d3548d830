import type { Fact } from './dimension';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Cells of an hour, and of a day for what looks far back. */
export const LEVELS = ['hour', 'day'] as const;
export type Level = (typeof LEVELS)[number];
export const LEVEL_MS: Record<Level, number> = { hour: HOUR_MS, day: DAY_MS };

/**
 * The cell in which an event is counted: by the hour (day) in which it happened, and by the one in which it was stored,
 * since that is what its retention goes by.
 */
export interface CellPlace {
  level: Level;
  /** Begin of the hour or day of eventTime, in milliseconds. */
  time: number;
  /** Begin of the hour or day of ingestedAt, in milliseconds. */
  ingested: number;
}

/** The cell of this level that counts the event. */
export function cellOf({ eventTime, ingestedAt }: Fact, level: Level): CellPlace {
  return {
    level,
    time: floorTo(eventTime.getTime(), LEVEL_MS[level]),
    ingested: floorTo(ingestedAt.getTime(), LEVEL_MS[level]),
  };
}

/** The `_id` of a cell in a generation of rollups. */
export function cellId(generation: number, { level, time, ingested }: CellPlace): string {
  return `${generation}/${level}/${new Date(time).toISOString()}/${new Date(ingested).toISOString()}`;
}

export const floorTo = (time: number, step: number): number => Math.floor(time / step) * step;
export const ceilTo = (time: number, step: number): number => Math.ceil(time / step) * step;

/**
 * Before which hour of storing events are no longer counted. Retention removes them one by one as their time comes;
 * counts leave out the whole hour as soon as its first event may be gone, so that none counts what is not there.
 */
export function countedSince(now: Date, retentionDays: number): Date {
  return new Date(ceilTo(now.getTime() - retentionDays * DAY_MS, HOUR_MS));
}
