import { type Counters, NO_COUNTS } from '../../domain/source';
import type { FileFault } from './trail-files';

/** What became of the files. received = stored + duplicates + dropped + rejected. */
export interface Summary extends Counters {
  source: string;
  /** Read to their end. */
  files: number;
  /** Digests that lay beside them. */
  skipped: number;
  failed: FileFault[];
  /** Bodies that were sent again as the server was busy or away; what it had stored of them counts as duplicates. */
  resent: number;
  seconds: number;
  eventsPerSecond: number;
  /** Whether the user stopped it. */
  stopped: boolean;
}

export function emptySummary(source: string): Summary {
  return {
    source,
    files: 0,
    skipped: 0,
    failed: [],
    resent: 0,
    ...NO_COUNTS,
    seconds: 0,
    eventsPerSecond: 0,
    stopped: false,
  };
}

/** One line for a person. */
export function summaryLine(summary: Summary): string {
  const { received, stored, duplicates, dropped, rejected, files, seconds, eventsPerSecond } = summary;
  const notes = [
    ...(summary.failed.length > 0 ? [`${summary.failed.length} failed`] : []),
    ...(summary.skipped > 0 ? [`${summary.skipped} digests skipped`] : []),
    ...(summary.resent > 0
      ? [`${summary.resent} sent again, of which the server may have stored something before`]
      : []),
    ...(summary.stopped ? ['stopped before the end'] : []),
  ];
  return [
    `${received} received: ${stored} stored, ${duplicates} duplicates, ${dropped} dropped, ${rejected} rejected; `,
    `${files} ${files === 1 ? 'file' : 'files'} in ${seconds.toFixed(1)} s (${eventsPerSecond} events/s)`,
    notes.length > 0 ? `; ${notes.join(', ')}` : '',
    '\n',
  ].join('');
}
