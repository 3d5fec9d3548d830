import { SingleBar } from 'cli-progress';

/** What a user sees while files are sent. */
export interface Progress {
  /** Bytes that were read from the disk. */
  read(bytes: number): void;
  /** Records that are stored. */
  sent(records: number): void;
  stop(): void;
}

/** A bar on a terminal; nothing elsewhere, where it would only fill a log. */
export function showProgress(stream: NodeJS.WriteStream, bytes: number, files: number): Progress {
  if (!stream.isTTY || files === 0)
    return { read: () => undefined, sent: () => undefined, stop: () => undefined };
  let records = 0;
  const bar = new SingleBar({
    stream,
    format: `{bar} {percentage}% of ${files} ${files === 1 ? 'file' : 'files'} | {records} records | {duration_formatted}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    emptyOnZero: true,
    // Ctrl-C ends the command in order, and the bar with it.
    gracefulExit: false,
  });
  bar.start(bytes, 0, { records });
  return {
    read: (more) => bar.increment(more),
    sent: (more) => {
      records += more;
      bar.update({ records });
    },
    stop: () => bar.stop(),
  };
}
