import type { CloudTrailRecord } from '../../domain/event';
import { demoRecord } from './demo-record';

export interface DemoPageInput {
  seed: number;
  sourceId: string;
  /** Above 0; less than one a second is fine. */
  eventsPerSecond: number;
  /** When record 0 is due. */
  startedAt: Date;
  /** The number of the first record that has not been handed out. */
  position: number;
  now: Date;
  /** The most records that one call gives. */
  maxRecords: number;
}

/** When record n is due: `startedAt` + n / eventsPerSecond, to the millisecond below. */
export function demoDueAt(input: { startedAt: Date; eventsPerSecond: number }, n: number): Date {
  return new Date(input.startedAt.getTime() + Math.floor((n * 1000) / input.eventsPerSecond));
}

/**
 * The records that have become due, oldest first, and the position after them.
 *
 * Record n occurs at the time at which it is due, whenever it is fetched. So a source that starts again at the position
 * of its checkpoint repeats nothing, and one that fetches a page again gets the very same page. After a long pause a
 * call gives no more than `maxRecords`; the caller goes on until a page is shorter than that. A clock that went back
 * gives an empty page and the same position.
 *
 * @throws RangeError if eventsPerSecond is not above 0, or if position or maxRecords is not a whole number from 0.
 */
export function nextDemoPage(input: DemoPageInput): { records: CloudTrailRecord[]; position: number } {
  const { seed, sourceId, eventsPerSecond, position, maxRecords } = input;
  if (!(eventsPerSecond > 0 && Number.isFinite(eventsPerSecond))) {
    throw new RangeError('eventsPerSecond must be a number above 0');
  }
  for (const [name, value] of Object.entries({ position, maxRecords })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${name} must be a whole number from 0`);
  }
  const timeOf = (n: number) => demoDueAt(input, n);
  const now = input.now.getTime();
  const records: CloudTrailRecord[] = [];
  let n = position;
  for (let due = timeOf(n); records.length < maxRecords && due.getTime() <= now; due = timeOf(n)) {
    records.push(demoRecord({ seed, sourceId, n, eventTime: due, timeOf }));
    n += 1;
  }
  return { records, position: n };
}
