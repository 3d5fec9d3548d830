import { SingleBar } from 'cli-progress';
import type { CommandSettings } from '../../config/settings';
import { crashHook } from '../../pipeline/crash-points';
import { RollupFolder } from '../../pipeline/rollup-folder';
import { type RebuildProgress, rebuildRollups } from '../../pipeline/rollup-rebuild';
import { StoreClock } from '../../store/clock';
import { CommitStore } from '../../store/commits';
import { FactStore } from '../../store/facts';
import { LeaseStore } from '../../store/leases';
import { RollupStore } from '../../store/rollups';
import { EXIT, type ExitCode } from '../failure';
import { openStore } from '../open-store';

export interface RebuildOptions {
  /** Given by option: it names the server, whatever the environment says. */
  dataDir: string | null;
  settings: CommandSettings;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  stopped: AbortSignal;
  /** Ends the process at once, where a test says so. */
  kill: () => void;
}

const NOTHING = () => undefined;

/** @throws CommandFailure where there is no database */
export async function rebuild(options: RebuildOptions): Promise<ExitCode> {
  const { db, close } = await openStore(options.dataDir, options.settings);
  const clock = await StoreClock.open(db);
  const bar = progressBar(options.stderr);
  try {
    const commits = new CommitStore(db, clock);
    const rollups = new RollupStore(db);
    const crash = crashHook(options.settings.TRAILGRAPH_CRASH_AT, options.kill);
    const folder = new RollupFolder({ commits, facts: new FactStore(db), rollups, crash });
    const parts = { rollups, folder, leases: new LeaseStore(db), commits };
    const { from, through } = await rebuildRollups(parts, bar.show, options.stopped);
    bar.stop();
    options.stdout.write(
      `The events of ${through - from} commits were counted anew; eventStats reads that.\n`,
    );
    return EXIT.done;
  } catch (error) {
    bar.stop();
    if (!options.stopped.aborted) throw error;
    options.stderr.write('trailgraph: stopped; run it again to go on where it was\n');
    return EXIT.incomplete;
  } finally {
    clock.close();
    await close();
  }
}

/** A bar on a terminal; nothing elsewhere, where it would only fill a log. */
function progressBar(stream: NodeJS.WriteStream) {
  if (!stream.isTTY) return { show: NOTHING, stop: NOTHING };
  const format = '{bar} {value} of {total} commits | {eta_formatted} left';
  const bar = new SingleBar({ stream, format, barsize: 30, hideCursor: true, gracefulExit: false });
  bar.start(1, 0);
  return {
    show: ({ from, through, head }: RebuildProgress) => {
      bar.setTotal(Math.max(1, head - from));
      bar.update(through - from);
    },
    stop: () => bar.stop(),
  };
}
