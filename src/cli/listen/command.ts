import type { Command, Option } from 'commander';
import type { CommandSettings } from '../../config/settings';
import { messageOf } from '../../domain/errors';
import type { CreateWebhookInput } from '../../generated/graphql';
import { CommandFailure } from '../failure';
import type { CommandProcess } from '../program';
import type { ListenOptions } from './listen';

interface Given {
  host: string;
  port: string;
  secret?: string;
  status: string;
  delay?: string;
  forward?: string;
  filter?: string;
  source?: string[];
  batchSize: string;
  operational?: true;
  json?: true;
  url?: string;
  dataDir?: string;
}

/** `trailgraph listen`. */
export function addListen(
  program: Command,
  io: CommandProcess,
  { dataDir, settings }: { dataDir: () => Option; settings: () => CommandSettings },
): void {
  program
    .command('listen')
    .description(
      'A receiver of webhooks for development: opens a temporary webhook (access token of an OPERATOR, or an ' +
        'API key, in TRAILGRAPH_TOKEN), verifies what comes and shows it, until Ctrl-C. With --secret it only listens.',
    )
    .option('--secret <secret>', 'only listen, for a webhook with this secret')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <number>', 'where to listen; 0 takes a free one', '0')
    .option('--status <code>', 'what to answer', '204')
    .option('--delay <time>', 'how long to wait before the answer, such as 500ms or 20s')
    .option('--forward <url>', 'pass everything on, and answer as that does')
    .option('--filter <json>', 'an EventFilter, such as {"outcome":"FAILURE"}')
    .option('--source <id...>', 'only events of these sources; the demo is heard only if it is named')
    .option('--batch-size <number>', 'events in a body at most', '1')
    .option('--operational', 'what befalls other webhooks as well')
    .option('--json', 'bodies as they come, one a line')
    .option('--url <url>', 'a server elsewhere, which must be able to reach --host')
    .addOption(dataDir())
    .action(async (given: Given): Promise<void> => {
      const { listen } = await import('./listen.js');
      const { findApi } = await import('../api-client.js');
      const { url = null, dataDir: folder = null, secret } = given;
      const webhook: ListenOptions['webhook'] =
        secret === undefined
          ? { api: await findApi({ url, dataDir: folder, settings: settings() }), input: inputOf(given) }
          : { secret };
      io.exit(
        await listen({
          webhook,
          host: given.host,
          port: whole('--port', given.port, 0, 65_535),
          status: whole('--status', given.status, 200, 599),
          delayMs: given.delay === undefined ? 0 : duration(given.delay),
          forward: given.forward === undefined ? null : address(given.forward),
          json: given.json === true,
          print: (line) => void io.stdout.write(`${line}\n`),
          complain: (line) => void io.stderr.write(`trailgraph: ${line}\n`),
          stopped: io.stopped(),
        }),
      );
    });
}

function inputOf({
  filter,
  source,
  batchSize,
  operational,
}: Given): Omit<CreateWebhookInput, 'name' | 'url'> {
  return {
    batchSize: whole('--batch-size', batchSize, 1, 1_000),
    ...(source ? { sourceIds: source } : {}),
    ...(operational ? { events: ['CLOUDTRAIL', 'OPERATIONAL'] } : {}),
    ...(filter === undefined ? {} : { filter: json(filter) }),
  };
}

function json(text: string): CreateWebhookInput['filter'] {
  try {
    return JSON.parse(text) as CreateWebhookInput['filter'];
  } catch (error) {
    throw new CommandFailure(`--filter is not JSON: ${messageOf(error)}.`);
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new CommandFailure(`${option} ${text} is not a whole number from ${min} to ${max}.`);
  return value;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

function duration(text: string): number {
  const [, number, unit] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined || unit === undefined)
    throw new CommandFailure(`--delay ${text} is not a time, such as 500ms, 20s or 2m.`);
  return Number(number) * UNITS_MS[unit]!;
}

function address(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new CommandFailure(`--forward ${text} is not an http or https URL.`);
  return new URL(text);
}
