import type { Command, Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import { CommandFailure } from '../failure';
import type { CommandProcess } from '../program';
import type { BackfillOrder } from './backfill';

interface Given {
  from?: string;
  to?: string;
  deliver?: true;
  resume?: string;
  pause?: string;
  cancel?: string;
  url?: string;
  dataDir?: string;
}

/** `trailgraph backfill`. */
export function addBackfill(
  program: Command,
  io: CommandProcess,
  { dataDir, settings }: { dataDir: () => Option; settings: () => CommandSettings },
): void {
  program
    .command('backfill')
    .description(
      "Reads a stretch of a source's past and shows how far it is. It runs at the server: Ctrl-C leaves it running. " +
        'Takes the access token of an OPERATOR, or an API key, from TRAILGRAPH_TOKEN.',
    )
    .argument('[source]', 'the id of a source of kind LOOKUP_EVENTS, S3_BUCKET or S3_SQS')
    .option('--from <time>', 'events from this time on, such as 2024-03-01 or 2024-03-01T06:00:00Z')
    .option('--to <time>', 'events before this time (default: now)')
    .option('--deliver', 'have webhooks and subscriptions hear of what is stored')
    .option('--resume <id>', 'go on with one that was paused or failed, and show it; shows a running one')
    .option('--pause <id>', 'pause one')
    .option('--cancel <id>', 'cancel one')
    .option('--url <url>', 'a server elsewhere')
    .addOption(dataDir())
    .action(async (source: string | undefined, given: Given): Promise<void> => {
      const order = orderOf(source, given, new Date());
      const { backfill } = await import('./backfill.js');
      const { findApi } = await import('../api-client.js');
      const api = await findApi({
        url: given.url ?? null,
        dataDir: given.dataDir ?? null,
        settings: settings(),
      });
      const { stdout, stderr } = io;
      io.exit(await backfill({ order, api, stdout, stderr, stopped: io.stopped() }));
    });
}

/** @throws CommandFailure where it is not exactly one */
function orderOf(source: string | undefined, given: Given, now: Date): BackfillOrder {
  const { from, to, deliver, resume, pause, cancel } = given;
  const ids = [resume, pause, cancel].filter((id) => id !== undefined);
  if (ids.length + (source === undefined ? 0 : 1) !== 1) {
    throw new CommandFailure(
      'Give a source with --from to start a backfill, or one of --resume, --pause and --cancel.',
    );
  }
  if (resume !== undefined) return { resume };
  if (pause !== undefined) return { pause };
  if (cancel !== undefined) return { cancel };
  if (from === undefined) throw new CommandFailure('Say from when on, such as --from 2024-03-01.');
  return {
    start: {
      sourceId: source!,
      from: time('--from', from),
      to: to === undefined ? now.toISOString() : time('--to', to),
      deliver: deliver === true,
    },
  };
}

/** A day or a time with its zone: without one it would mean another moment on another machine. */
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function time(option: string, text: string): string {
  const parsed = new Date(text);
  if (!TIME.test(text) || Number.isNaN(parsed.getTime())) {
    throw new CommandFailure(
      `${option} ${text} is not a time, such as 2024-03-01 (UTC) or 2024-03-01T06:00:00Z.`,
    );
  }
  return parsed.toISOString();
}
