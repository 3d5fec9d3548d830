/** Log files of management, data and network activity events, and those of Insights. */
const TRAIL_KEY =
  /(?:^|\/)AWSLogs\/(?:o-[a-z0-9]{10,32}\/)?\d{12}\/(CloudTrail|CloudTrail-Insight)\/[a-z0-9-]{1,40}\/\d{4}\/\d{2}\/\d{2}\/\d{12}_\1_[a-z0-9-]{1,40}_\d{8}T\d{4}Z_[A-Za-z0-9]{1,64}\.json\.gz$/;

/** Whether a key is that of a log file of a trail; digests and whatever else lies beside them are not. */
export function isTrailKey(key: string): boolean {
  return TRAIL_KEY.test(key);
}

/** What stands before `AWSLogs/` in a trail's key. */
export function trailPrefix(key: string): string {
  return /^(.*?)\/?AWSLogs\//.exec(key)?.[1] ?? '';
}
