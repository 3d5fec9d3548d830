import type { Command, Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import type { CommandProcess } from '../program';

/** `trailgraph rebuild-rollups`. */
export function addRebuildRollups(
  program: Command,
  io: CommandProcess,
  { dataDir, settings }: { dataDir: () => Option; settings: () => CommandSettings },
): void {
  program
    .command('rebuild-rollups')
    .description(
      'Counts all stored events anew for eventStats. Servers may run: they answer from the old counts until the new ones ' +
        'have caught up. May be interrupted and run again: it goes on where it was.',
    )
    .addOption(dataDir())
    .action(async (options: { dataDir?: string }): Promise<void> => {
      const { rebuild } = await import('./rebuild.js');
      const { stdout, stderr } = io;
      io.exit(
        await rebuild({
          dataDir: options.dataDir ?? null,
          settings: settings(),
          stdout,
          stderr,
          stopped: io.stopped(),
          kill: io.kill,
        }),
      );
    });
}
