import type { BatchObject } from '../../domain/batch';
import { Permanent } from '../../domain/errors';
import type { RangePage, RangeRequest } from '../../domain/fetched';
import type { BucketListing } from './bucket-listing';
import { emptyTrailNote } from './empty-trail';
import { inOrderAhead } from './in-order-ahead';
import { beforeDay, dayFolder, dayOfKey, parseLogKey } from './log-key';
import { objectBatch } from './object-batch';
import { findPartitions, type Partition } from './partitions';
import { s3ConfigOf } from './s3-fault';
import { type Skipped, skip } from './skipped';

const DAY_MS = 86_400_000;
/** CloudTrail delivers within minutes as a rule, and after hours at times: files are named by delivery. */
const DELIVERY_DELAY_MS = DAY_MS;
/** Day folders that are listed ahead: so many listings of up to 1,000 keys are in memory. */
const AHEAD = 8;
/** A page ends with the listing that brings it to so many objects, or after so many listings of whatever size. */
const PAGE_OBJECTS = 500;
const PAGE_LISTINGS = 200;

/** How far a walk has come: saved with each page. */
interface Position {
  /** The first day that has files, ms since the epoch. */
  firstDay: number;
  /** Days before this one are walked. */
  day: number;
  /** Of this day, partitions up to this one are walked. */
  partition: string;
  /** Of that partition and day, keys up to this one; null: all. */
  after: string | null;
}

interface Folder {
  day: number;
  partition: Partition;
  after: string | null;
}

/**
 * Walks the day folders of all partitions in the order of their days, from the day of `from` to the one a day after
 * `to`: a file is named by its delivery, and holds events of some time before. Whole files are told, so a backfill
 * also brings what else stands in them, some of it from outside of the range.
 * @param skipped what is no log file is counted there
 * @throws Permanent where there is no trail that the source wants
 */
export async function* walkRange(
  listing: BucketListing,
  request: RangeRequest,
  skipped: Skipped,
): AsyncGenerator<RangePage, void> {
  const { source, from, to } = request;
  const { partitions, survey } = await findPartitions(listing, s3ConfigOf(source));
  if (partitions.length === 0) {
    const { warning, remedy } = await emptyTrailNote(listing, s3ConfigOf(source), survey);
    throw new Permanent(warning, { remedy });
  }
  partitions.sort((a, b) => (a.name < b.name ? -1 : 1));
  const lastDay = dayOf(Math.min(to.getTime() - 1 + DELIVERY_DELAY_MS, Date.now()));
  const begun = asPosition(request.position);
  const firstDay = begun?.firstDay ?? (await firstDayWithFiles(listing, partitions, from.getTime()));
  const folders = foldersFrom(partitions, { first: firstDay, last: lastDay, begun });
  const listings = inOrderAhead(folders, AHEAD, ({ day, partition, after }) =>
    listing.pages(dayFolder(partition.prefix, day), after),
  );
  const order = new Map(partitions.map(({ name }, index) => [name, index]));
  let objects: BatchObject[] = [];
  let listed = 0;
  for await (const { of, page } of listings) {
    const { day, partition } = of;
    for (const object of page.objects) {
      if (parseLogKey(object.key, partition.prefix)) objects.push(object);
      else skip(skipped, object.key, partition.prefix);
    }
    listed++;
    const lastOfAll = page.last && day >= lastDay && partition === partitions.at(-1);
    if (objects.length < PAGE_OBJECTS && listed < PAGE_LISTINGS && !lastOfAll) continue;
    const after = page.last ? null : (page.objects.at(-1)?.key ?? null);
    const position: Position = { firstDay, day, partition: partition.name, after };
    const done = (order.get(partition.name)! + (page.last ? 1 : 0.5)) / partitions.length;
    yield {
      batches: objects.map((object) => objectBatch(source, object)),
      position: { ...position },
      walked: ((day - firstDay) / DAY_MS + done) / ((lastDay - firstDay) / DAY_MS + 1),
      through: new Date(Math.min(to.getTime(), Math.max(from.getTime(), day - DELIVERY_DELAY_MS))),
    };
    objects = [];
    listed = 0;
  }
}

/** Years before the trail began have no folders: they are stepped over by one short listing for each partition. */
async function firstDayWithFiles(
  listing: BucketListing,
  partitions: Partition[],
  from: number,
): Promise<number> {
  let first = Number.POSITIVE_INFINITY;
  for (let i = 0; i < partitions.length; i += AHEAD) {
    const keys = await Promise.all(
      partitions.slice(i, i + AHEAD).map(async ({ prefix }) => {
        const key = await listing.firstKey(prefix, beforeDay(prefix, from));
        return key === null ? Number.POSITIVE_INFINITY : (dayOfKey(key, prefix) ?? dayOf(from));
      }),
    );
    first = Math.min(first, ...keys);
  }
  return Math.max(dayOf(from), first);
}

function* foldersFrom(
  partitions: Partition[],
  { first, last, begun }: { first: number; last: number; begun: Position | null },
): Generator<Folder> {
  for (let day = begun?.day ?? first; day <= last; day += DAY_MS) {
    for (const partition of partitions) {
      if (begun && day === begun.day) {
        if (partition.name < begun.partition) continue;
        if (partition.name === begun.partition) {
          if (begun.after !== null) yield { day, partition, after: begun.after };
          continue;
        }
      }
      yield { day, partition, after: null };
    }
  }
}

function asPosition(position: Record<string, unknown> | null): Position | null {
  if (!position) return null;
  const { firstDay, day, partition, after } = position;
  if (typeof firstDay !== 'number' || typeof day !== 'number' || typeof partition !== 'string') return null;
  return { firstDay, day, partition, after: typeof after === 'string' ? after : null };
}

function dayOf(time: number): number {
  return Math.floor(time / DAY_MS) * DAY_MS;
}
