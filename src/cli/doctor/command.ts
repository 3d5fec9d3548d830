import type { Command, Option } from 'commander';
import { EXIT } from '../failure';
import type { CommandProcess } from '../program';
import type { Check } from './check';

/** `trailgraph doctor`. */
export function addDoctor(program: Command, io: CommandProcess, dataDir: () => Option): void {
  program
    .command('doctor')
    .description(
      'Looks at what a server rests on: versions, settings, indexes, clocks, eviction, disk, geo data, master key. ' +
        'Changes nothing. Ends with 1 where something fails.',
    )
    .addOption(dataDir())
    .option('--json', 'what was found as JSON')
    .action(async (options: { dataDir?: string; json?: true }): Promise<void> => {
      const { examine } = await import('./doctor.js');
      const checks = await examine({
        environment: io.environment,
        dataDir: options.dataDir ?? null,
        nodeVersion: process.versions.node,
        now: Date.now,
      });
      const ok = checks.every(({ status }) => status !== 'FAIL');
      io.stdout.write(options.json ? `${JSON.stringify({ ok, checks }, null, 2)}\n` : report(checks));
      io.exit(ok ? EXIT.done : EXIT.incomplete);
    });
}

/** A line for each, and below it what to do. */
export function report(checks: Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, status, message, remedy }) => {
    const line = `${status}  ${name.padEnd(width)}  ${message}\n`;
    return remedy === null ? line : `${line}${' '.repeat(width + 8)}-> ${remedy}\n`;
  });
  const count = (status: Check['status']): number => checks.filter((check) => check.status === status).length;
  return `${lines.join('')}${count('PASS')} passed, ${count('WARN')} to look at, ${count('FAIL')} failed.\n`;
}
