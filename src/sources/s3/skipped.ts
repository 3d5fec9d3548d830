import { type SkipReason, skipReason } from './log-key';

/** How many objects are left out, by the reason. */
export type Skipped = Partial<Record<SkipReason, number>>;

/** Counts an object of a partition that is no log file. */
export function skip(skipped: Skipped, key: string, partitionPrefix: string): void {
  const reason = skipReason(key, partitionPrefix);
  skipped[reason] = (skipped[reason] ?? 0) + 1;
}

export function addSkipped(to: Skipped, more: Skipped): void {
  for (const [reason, count] of Object.entries(more) as [SkipReason, number][])
    to[reason] = (to[reason] ?? 0) + count;
}
