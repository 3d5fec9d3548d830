/**
 * The key of a log file, as CloudTrail writes it:
 * `[prefix/]AWSLogs/[o-id/]account/CloudTrail/region/YYYY/MM/DD/account_CloudTrail_region_YYYYMMDDTHHmmZ_unique.json.gz`.
 * Insights events lie under `CloudTrail-Insight/` instead, in files that bear either name.
 * A partition is one account, Region and kind of log file: the part of the key before the day.
 */
const AFTER_REGION =
  /^(\d{4})\/(\d{2})\/(\d{2})\/(\d{12}_CloudTrail(?:-Insight)?_[a-z0-9-]{1,40}_)(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})Z_[A-Za-z0-9]{1,64}\.json\.gz$/;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What the key of a log file of CloudTrail says of it. */
export interface LogKey {
  /** When the file was delivered, to the minute, in ms since the epoch; never after the end of its folder's day. */
  time: number;
  /** The file's name up to the time. */
  stem: string;
}

/** The folders of an account that hold log files; what else lies there is never listed. */
export const LOG_FOLDERS = ['CloudTrail', 'CloudTrail-Insight'] as const;
export type LogFolder = (typeof LOG_FOLDERS)[number];

/** Why an object is not read: the label of a metric, so there are no more than these. */
export type SkipReason = 'folder_marker' | 'digest' | 'misdated' | 'unknown_name';

/** Why an object of a partition is no log file. */
export function skipReason(key: string, partitionPrefix: string): SkipReason {
  if (key.endsWith('/')) return 'folder_marker';
  if (key.includes('_CloudTrail-Digest_')) return 'digest';
  return AFTER_REGION.test(key.slice(partitionPrefix.length)) ? 'misdated' : 'unknown_name';
}

/** Reads the key of a log file in a partition; null where it is something else. */
export function parseLogKey(key: string, partitionPrefix: string): LogKey | null {
  if (!key.startsWith(partitionPrefix)) return null;
  const match = AFTER_REGION.exec(key.slice(partitionPrefix.length));
  if (!match) return null;
  const n = (group: number) => Number(match[group]);
  const day = Date.UTC(n(1), n(2) - 1, n(3));
  const named = Date.UTC(n(5), n(6) - 1, n(7), n(8), n(9));
  // Else one file that is named for another year would have years listed again at each poll.
  if (named < day - DAY_MS || named >= day + 2 * DAY_MS) return null;
  return { time: Math.min(named, day + DAY_MS - MINUTE_MS), stem: match[4] ?? '' };
}

/** What all keys of log files from this minute on come after. */
export function beforeMinute(partitionPrefix: string, stem: string, time: number): string {
  const text = new Date(time).toISOString();
  const stamp = `${text.slice(0, 10).replaceAll('-', '')}T${text.slice(11, 16).replace(':', '')}`;
  return `${beforeDay(partitionPrefix, time)}/${stem}${stamp}`;
}

/** What all keys of this UTC day and of later ones come after. */
export function beforeDay(partitionPrefix: string, time: number): string {
  return `${partitionPrefix}${new Date(time).toISOString().slice(0, 10).replaceAll('-', '/')}`;
}

/** The folder of this UTC day. */
export function dayFolder(partitionPrefix: string, time: number): string {
  return `${beforeDay(partitionPrefix, time)}/`;
}

/** The UTC day, ms since the epoch, in whose folder a key of the partition lies; null where it lies in none. */
export function dayOfKey(key: string, partitionPrefix: string): number | null {
  const match = /^(\d{4})\/(\d{2})\/(\d{2})\//.exec(key.slice(partitionPrefix.length));
  return match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) : null;
}

/** Where the folders of accounts and organizations lie. */
export function trailRoot(prefix: string | null): string {
  const bare = (prefix ?? '').replace(/\/+$/, '');
  return bare === '' ? 'AWSLogs/' : `${bare}/AWSLogs/`;
}

export const ACCOUNT_ID = /^\d{12}$/;
export const ORGANIZATION_ID = /^o-[a-z0-9]{10,32}$/;
export const REGION_NAME = /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/;
