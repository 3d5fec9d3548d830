import type { Command } from 'commander';
import { EXIT } from '../failure';
import type { CommandProcess } from '../program';

const SETTINGS = 'PORT, HOST, TLS_CERT_FILE, ROLE and METRICS_PORT';

/** `trailgraph health`. */
export function addHealth(program: Command, io: CommandProcess): void {
  program
    .command('health')
    .description(
      'Asks the server that these settings (PORT, HOST, TLS_CERT_FILE; METRICS_PORT of a worker) make at this machine ' +
        'whether it answers. For supervisors, such as HEALTHCHECK of Docker. Ends with 1 where it does not.',
    )
    .action(async (): Promise<void> => {
      const { askLivez, livezOf } = await import('./livez.js');
      const url = livezOf(io.environment);
      const fault = await askLivez(url);
      if (fault === null) io.stdout.write(`${url.href} answers.\n`);
      else
        io.stderr.write(
          `trailgraph: ${url.href} does not answer: ${fault}. Is the server up, and was it started with the same ${SETTINGS}?\n`,
        );
      io.exit(fault === null ? EXIT.done : EXIT.incomplete);
    });
}
