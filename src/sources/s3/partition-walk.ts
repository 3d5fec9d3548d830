import type { BatchObject } from '../../domain/batch';
import type { BucketListing } from './bucket-listing';
import { beforeDay, beforeMinute, parseLogKey } from './log-key';
import type { Partition } from './partitions';
import { type Skipped, skip } from './skipped';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** CloudTrail's keys within a minute are in no order, and some files come late: each poll looks back this far. */
export const LOOK_BACK_MS = 2 * HOUR_MS;
/** How often whole days are listed again, for what comes later still. */
export const DAY_LISTING_MS = 15 * MINUTE_MS;
/** Until this hour (UTC) the day before is listed as well. */
export const YESTERDAY_UNTIL_HOUR = 6;
/** A file that claims to be delivered later than this from now does not move the cursor. */
const CLOCK_TOLERANCE_MS = HOUR_MS;

export interface WalkedPage {
  objects: BatchObject[];
  /** Objects that are no log files. */
  skipped: Skipped;
  /** How far the partition is read with this page; null where that is no news. */
  cursor: Record<string, unknown> | null;
}

export interface WalkInput {
  listing: BucketListing;
  partition: Partition;
  /** The cursor of the last page that was kept. */
  cursor: Record<string, unknown> | null;
  /** Log files of earlier UTC days are left out. */
  startAt: Date | null;
  now: Date;
}

/** How far a partition was read. */
interface Progress {
  /** The last log file up to which everything was read, apart from what comes late. */
  last: { key: string; time: number; stem: string } | null;
  /** The first day of the walk, YYYY-MM-DD; null for everything. */
  from: string | null;
  /** When whole days were listed last, ms since the epoch; null before the first walk has come to its end. */
  dayListedAt: number | null;
}

/** Walks a partition from where it was left, page by page. Pages without news are not told. */
export async function* walkPartition(input: WalkInput): AsyncGenerator<WalkedPage, void> {
  const { listing, partition, now } = input;
  const from = input.startAt ? input.startAt.toISOString().slice(0, 10) : null;
  let progress = resume(input.cursor, partition.prefix, from);
  const { startAfter, wholeDays } = plan(progress, partition.prefix, now.getTime());
  for await (const page of listing.pages(partition.prefix, startAfter)) {
    const next = { ...progress };
    const skipped: Skipped = {};
    const objects = page.objects.filter((object) => {
      const log = parseLogKey(object.key, partition.prefix);
      if (!log) {
        skip(skipped, object.key, partition.prefix);
        return false;
      }
      const future = log.time > now.getTime() + CLOCK_TOLERANCE_MS;
      if (!future && log.time >= (next.last?.time ?? 0)) next.last = { key: object.key, ...log };
      return true;
    });
    if (page.last && wholeDays) next.dayListedAt = now.getTime();
    const news =
      next.last !== null &&
      (next.last.key !== progress.last?.key || next.dayListedAt !== progress.dayListedAt);
    progress = next;
    if (page.objects.length > 0 || news) yield { objects, skipped, cursor: news ? saved(progress) : null };
  }
}

function resume(cursor: Record<string, unknown> | null, prefix: string, from: string | null): Progress {
  const { lastKey, dayListedAt, from: walkedFrom } = cursor ?? {};
  const log = typeof lastKey === 'string' ? parseLogKey(lastKey, prefix) : null;
  // Walks again where there never was a walk, or the source has come to want earlier days.
  const covered = typeof walkedFrom !== 'string' || (from !== null && from >= walkedFrom);
  if (typeof lastKey !== 'string' || !log || !covered) return { last: null, from, dayListedAt: null };
  const listedAt = typeof dayListedAt === 'string' ? Date.parse(dayListedAt) : Number.NaN;
  return {
    last: { key: lastKey, ...log },
    from: typeof walkedFrom === 'string' ? walkedFrom : null,
    dayListedAt: Number.isNaN(listedAt) ? null : listedAt,
  };
}

function saved({ last, from, dayListedAt }: Progress): Record<string, unknown> {
  return {
    lastKey: last?.key ?? null,
    from,
    dayListedAt: dayListedAt === null ? null : new Date(dayListedAt).toISOString(),
  };
}

/** Where a listing begins: as it goes on to the end of the partition, an earlier beginning covers all later ones. */
function plan(
  { last, from, dayListedAt }: Progress,
  prefix: string,
  now: number,
): { startAfter: string | null; wholeDays: boolean } {
  const first = from === null ? null : beforeDay(prefix, Date.parse(from));
  if (!last) return { startAfter: first, wholeDays: true };
  const sinceDays = dayListedAt === null ? Number.POSITIVE_INFINITY : now - dayListedAt;
  // Also where the clock was set back.
  const wholeDays = sinceDays >= DAY_LISTING_MS || sinceDays < 0;
  let startAfter = beforeMinute(prefix, last.stem, last.time - LOOK_BACK_MS);
  if (wholeDays) {
    const yesterdayToo = new Date(now).getUTCHours() < YESTERDAY_UNTIL_HOUR;
    startAfter = earlier(
      startAfter,
      beforeDay(prefix, Math.min(last.time, yesterdayToo ? now - DAY_MS : now)),
    );
  }
  return { startAfter: first !== null && first > startAfter ? first : startAfter, wholeDays };
}

function earlier(a: string, b: string): string {
  return a < b ? a : b;
}
