import type { Command, Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import type { CommandProcess } from '../program';

/** `trailgraph migrate`. */
export function addMigrate(
  program: Command,
  io: CommandProcess,
  { dataDir, settings }: { dataDir: () => Option; settings: () => CommandSettings },
): void {
  program
    .command('migrate')
    .description(
      'Brings the database to what this version expects, as a server does at its start. May be interrupted and run again: ' +
        'it goes on where it was.',
    )
    .option('--status', 'only shows what is done and what is left; ends with 1 where something is left')
    .addOption(dataDir())
    .action(async (options: { status?: true; dataDir?: string }): Promise<void> => {
      const { migrate } = await import('./migrate.js');
      io.exit(
        await migrate({
          dataDir: options.dataDir ?? null,
          statusOnly: options.status === true,
          settings: settings(),
          print: (text) => void io.stdout.write(text),
          progress: (text) => void io.stderr.write(text),
        }),
      );
    });
}
