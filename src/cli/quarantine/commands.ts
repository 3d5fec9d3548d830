import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import type { ApiClient } from '../api-client';
import type { ExitCode } from '../failure';

/** What these commands need of the program. */
export interface QuarantineCommandParts {
  settings: () => CommandSettings;
  print: (text: string) => void;
  complain: (text: string) => void;
  exit: (code: ExitCode) => void;
}

interface ServerOptions {
  url?: string;
  dataDir?: string;
}

const TOKEN = 'Takes an access token or an API key from TRAILGRAPH_TOKEN.';

/** `trailgraph quarantine` and `trailgraph batch`: what could not be kept or read, shown and tried again. */
export function addQuarantine(program: Command, parts: QuarantineCommandParts): void {
  const quarantine = program.command('quarantine').description(`Records that could not be kept. ${TOKEN}`);
  withServer(quarantine.command('list').description('Lists them, newest first.'))
    .option('--source <id>', 'only those of this source')
    .option('--limit <n>', 'at most so many', count, 50)
    .option('--json', 'as JSON, one a line')
    .action(async (options: ServerOptions & { source?: string; limit: number; json?: true }) => {
      const { listQuarantine } = await import('./list.js');
      const { source = null, limit, json = false } = options;
      await listQuarantine(await api(parts, options), { source, limit, json, print: parts.print });
    });
  withServer(quarantine.command('show').description('Shows one, with its text.'))
    .argument('<id>', 'as `quarantine list` tells it')
    .action(async (id: string, options: ServerOptions) => {
      const { showQuarantined } = await import('./list.js');
      await showQuarantined(await api(parts, options), id, parts.print);
    });
  withServer(quarantine.command('retry').description('Tries them again; those that are stored now leave.'))
    .argument('[id...]', 'as `quarantine list` tells them')
    .option('--all', 'all of them, or all of a source')
    .option('--source <id>', 'with --all: only those of this source')
    .action(async (ids: string[], options: ServerOptions & { all?: true; source?: string }) => {
      const { retryQuarantined } = await import('./retry.js');
      const { all = false, source = null } = options;
      parts.exit(await retryQuarantined(() => api(parts, options), { ids, all, source, ...parts }));
    });
  const batch = program.command('batch').description(`Fetched work. ${TOKEN}`);
  withServer(batch.command('retry').description('Has a batch that could not be read tried again.'))
    .argument('<id>', 'of a batch that is FAILED, QUARANTINED or CANCELLED')
    .action(async (id: string, options: ServerOptions) => {
      const { retryBatch } = await import('./retry.js');
      await retryBatch(await api(parts, options), id, parts.print);
    });
}

function withServer(command: Command): Command {
  return command
    .option('--url <url>', 'a server elsewhere')
    .addOption(
      new Option(
        '--data-dir <folder>',
        'DATA_DIR of the server at this machine (default: $DATA_DIR, or ./data)',
      ),
    );
}

async function api(
  { settings }: QuarantineCommandParts,
  { url, dataDir }: ServerOptions,
): Promise<ApiClient> {
  const { findApi } = await import('../api-client.js');
  return findApi({ url: url ?? null, dataDir: dataDir ?? null, settings: settings() });
}

function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('Give a whole number from 1 on');
  return n;
}
