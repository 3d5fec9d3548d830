import type { BatchObject } from '../../domain/batch';
import type { BucketListing } from '../s3/bucket-listing';
import { parseLogKey } from '../s3/log-key';
import type { Partition } from '../s3/partitions';

/** Accounts and Regions that are looked into. */
const PARTITIONS = 8;
/** Of one day, each of a thousand files: a busy Region has 4,600 a day. */
const PAGES = 6;
/** Folders of years, months and days that are looked into, the newest first. */
const TRIES = 3;

/** The newest log file in the first few partitions; null where there is none. */
export async function newestLogFile(
  listing: BucketListing,
  partitions: readonly Partition[],
): Promise<BatchObject | null> {
  const found = await Promise.all(
    partitions.slice(0, PARTITIONS).map(({ prefix }) => newestOf(listing, prefix)),
  );
  return found.reduce((a, b) => ((b?.time ?? 0) > (a?.time ?? 0) ? b : a), null)?.object ?? null;
}

interface LogFile {
  object: BatchObject;
  time: number;
}

async function newestOf(listing: BucketListing, partition: string): Promise<LogFile | null> {
  for (const year of await lastFolders(listing, partition)) {
    for (const month of await lastFolders(listing, year)) {
      for (const day of await lastFolders(listing, month)) {
        const file = await newestOfDay(listing, partition, day);
        if (file) return file;
      }
    }
  }
  return null;
}

async function lastFolders(listing: BucketListing, prefix: string): Promise<string[]> {
  const names = (await listing.folders(prefix)).filter((name) => /^\d{2,4}$/.test(name));
  return names
    .slice(-TRIES)
    .reverse()
    .map((name) => `${prefix}${name}/`);
}

async function newestOfDay(listing: BucketListing, partition: string, day: string): Promise<LogFile | null> {
  let newest: LogFile | null = null;
  let pages = 0;
  for await (const page of listing.pages(day, null)) {
    for (const object of page.objects) {
      const log = parseLogKey(object.key, partition);
      if (log && log.time >= (newest?.time ?? 0)) newest = { object, time: log.time };
    }
    if (++pages === PAGES) break;
  }
  return newest;
}
