import { SingleBar } from 'cli-progress';
import type { BackfillPartsFragment } from '../../generated/graphql';

/** What a user sees while a backfill runs. */
export interface Progress {
  show(backfill: BackfillPartsFragment): void;
  stop(): void;
}

/** A bar on a terminal; nothing elsewhere, where it would only fill a log. */
export function showProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { show: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    stream,
    format: '{bar} {percent} % | {stored} events stored | {position}{eta}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    // Ctrl-C ends the command in order, and the bar with it.
    gracefulExit: false,
  });
  bar.start(100, 0, { percent: '0', stored: 0, position: '', eta: '' });
  return {
    show: ({ percent, stored, position, etaSeconds, state }) => {
      bar.update(percent ?? 0, {
        percent: (percent ?? 0).toFixed(1),
        stored,
        position: state === 'PAUSED' ? 'paused' : (position ?? '').slice(0, 10),
        eta: etaSeconds === null || etaSeconds === undefined ? '' : ` | ${duration(etaSeconds)} left`,
      });
    },
    stop: () => bar.stop(),
  };
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}

/** One line for a person. */
export function summaryLine(backfill: BackfillPartsFragment): string {
  const { id, state, percent, batchesDone, received, stored, duplicates, error, remedy } = backfill;
  const done = state === 'DONE' ? '' : ` at ${(percent ?? 0).toFixed(1)} %`;
  const why = error ? `; ${error}${remedy ? `. ${remedy}` : ''}` : '';
  return `${id} is ${state}${done}: ${received} records of ${batchesDone} batches received, ${stored} stored, ${duplicates} known already${why}\n`;
}
