import type { Command } from 'commander';
import type { CommandProcess } from '../program';

/** `trailgraph config`. */
export function addConfig(program: Command, io: CommandProcess): void {
  program
    .command('config')
    .description(
      'Prints the settings in force, and where each comes from, without secrets. Needs no server. Ends with 1 where one is not right.',
    )
    .option('--json', 'as JSON')
    .option('--markdown', 'instead, the documentation of every setting (docs/configuration.md)')
    .option('--out <file>', 'write it there instead')
    .action(async (options: { json?: true; markdown?: true; out?: string }): Promise<void> => {
      const { printConfig } = await import('./config.js');
      io.exit(
        await printConfig({
          form: options.markdown ? 'markdown' : options.json ? 'json' : 'table',
          out: options.out ?? null,
          environment: io.environment,
          print: (text) => void io.stdout.write(text),
          complain: (text) => void io.stderr.write(text),
        }),
      );
    });
}
