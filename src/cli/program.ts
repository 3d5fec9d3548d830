import { Command, Option } from 'commander';
import { type Environment, readCommandSettings } from '../config/environment';
import type { CommandSettings } from '../config/settings';
import { Invalid } from '../domain/errors';
import { DIRECT_SOURCE_ID } from '../domain/source';
import type { PasswordInput } from './ask-password';
import { addBackfill } from './backfill/command';
import { addConfig } from './config/command';
import { addDoctor } from './doctor/command';
import { CommandFailure, type ExitCode } from './failure';
import { addHealth } from './health/command';
import { addInit } from './init/command';
import { addListen } from './listen/command';
import { addMigrate } from './migrate/command';
import { addQuarantine } from './quarantine/commands';
import { addRebuildRollups } from './rebuild-rollups/command';
import { addUser } from './user/command';

/** What the commands have of the process that they run in. */
export interface CommandProcess {
  version: string;
  environment: Environment;
  stdin: PasswordInput;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** What is aborted when the user asks to stop; a command that does not call it is ended at once. */
  stopped: () => AbortSignal;
  /** Sets the exit code of a command that did not throw. */
  exit: (code: ExitCode) => void;
  /** Ends the process at once, with SIGKILL. */
  kill: () => void;
}

const SEE_HELP = 'See `trailgraph --help`.';

/** The commands of `trailgraph`. Each loads what it needs when it runs: help and faults come at once. */
export function createProgram(io: CommandProcess): Command {
  const program = new Command('trailgraph')
    .description('Commands beside a TrailGraph server. The server itself is started by `npm start`.')
    .version(io.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(oneLine(text)),
    })
    // Commander would show the whole help on standard error.
    .action((_, command: Command) => command.error(unknownCommand(command)));
  addUser(program, io, { dataDir, settings: () => settingsOf(io) });
  addIngest(program, io);
  addQuarantine(program, {
    settings: () => settingsOf(io),
    print: (text) => void io.stdout.write(text),
    complain: (text) => void io.stderr.write(text),
    exit: io.exit,
  });
  addRekey(program, io);
  addListen(program, io, { dataDir, settings: () => settingsOf(io) });
  addBackfill(program, io, { dataDir, settings: () => settingsOf(io) });
  addRebuildRollups(program, io, { dataDir, settings: () => settingsOf(io) });
  addMigrate(program, io, { dataDir, settings: () => settingsOf(io) });
  addConfig(program, io);
  addDoctor(program, io, dataDir);
  addHealth(program, io);
  addInit(program, io);
  addSchema(program, io);
  addOperations(program, io);
  program.allowExcessArguments();
  return program;
}

/** Commander's own faults are one line, or two with a suggestion. */
function oneLine(text: string): string {
  const fault = text
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return `trailgraph: ${fault}${fault.endsWith(SEE_HELP) ? '' : `. ${SEE_HELP}`}\n`;
}

function unknownCommand(command: Command): string {
  const [name] = command.args;
  const known = command.commands.map((each) => `\`${each.name()}\``).join(', ');
  return name === undefined
    ? `say what to do: ${known}. ${SEE_HELP}`
    : `there is no command '${name}', only ${known}. ${SEE_HELP}`;
}

const dataDir = () =>
  new Option('--data-dir <folder>', 'DATA_DIR of the server at this machine (default: $DATA_DIR, or ./data)');

function addIngest(program: Command, io: CommandProcess): void {
  program
    .command('ingest')
    .description(
      'Sends trail files to a server: .json and .json.gz, `{"Records":[...]}`, a plain list of records or one record a line. ' +
        'Sending a file again stores nothing twice.',
    )
    .argument('<path...>', 'files, and folders to look through')
    .option('--source <id>', 'the source on which they count', DIRECT_SOURCE_ID)
    .option(
      '--url <url>',
      'a server elsewhere; its token is taken from TRAILGRAPH_TOKEN: the ingest token of the source, or the access token of an OPERATOR',
    )
    .addOption(dataDir())
    .option('--json', 'the summary as JSON')
    .action(
      async (
        paths: string[],
        options: { source: string; url?: string; dataDir?: string; json?: true },
      ): Promise<void> => {
        const { ingest } = await import('./ingest/ingest.js');
        const { findDoor } = await import('./ingest/find-door.js');
        const door = await findDoor({
          source: options.source,
          url: options.url ?? null,
          dataDir: options.dataDir ?? null,
          settings: settingsOf(io),
        });
        const { stdout, stderr } = io;
        const json = options.json === true;
        io.exit(await ingest({ paths, door, json, stdout, stderr, stopped: io.stopped() }));
      },
    );
}

function addRekey(program: Command, io: CommandProcess): void {
  program
    .command('rekey')
    .description(
      'Puts every secret of the database under a new master key. May be interrupted and run again. The new key is taken from --to-key-file or TRAILGRAPH_NEW_MASTER_KEY.',
    )
    .option('--to-key-file <file>', 'holds the new key: 32 random bytes as base64 or hex')
    .option('--dry-run', 'only opens and counts the secrets')
    .option(
      '--servers-have-both',
      'goes on while servers run: they were started with the new key as TRAILGRAPH_MASTER_KEY and the old one as TRAILGRAPH_PREVIOUS_MASTER_KEY',
    )
    .addOption(dataDir())
    .action(
      async (options: { toKeyFile?: string; dryRun?: true; serversHaveBoth?: true; dataDir?: string }) => {
        const { rekeyDatabase } = await import('./rekey/command.js');
        const { toKeyFile = null, dryRun = false, serversHaveBoth = false, dataDir = null } = options;
        await rekeyDatabase({
          toKeyFile,
          dryRun,
          serversHaveBoth,
          dataDir,
          settings: settingsOf(io),
          environment: io.environment,
          print: (text) => void io.stdout.write(text),
          progress: (text) => void io.stderr.write(text),
        });
      },
    );
}

function addSchema(program: Command, io: CommandProcess): void {
  program
    .command('schema')
    .description('Prints the GraphQL schema. Needs no server.')
    .option('--out <file>', 'write it there instead')
    .action(async (options: { out?: string }) => {
      const { emitSchema } = await import('./emit-schema.js');
      await emitSchema(options.out ?? null, (text) => void io.stdout.write(text));
    });
}

function addOperations(program: Command, io: CommandProcess): void {
  program
    .command('operations')
    .description(
      'Prints the manifest of persisted operations (PERSISTED_OPERATIONS_FILE). Without files: those that the commands and the console of TrailGraph send. Needs no server.',
    )
    .argument('[file...]', 'GraphQL files of operations of your own')
    .option('--out <file>', 'write it there instead')
    .action(async (files: string[], options: { out?: string }) => {
      const { emitOperations } = await import('./emit-operations.js');
      await emitOperations(files, options.out ?? null, (text) => void io.stdout.write(text));
    });
}

/** @throws CommandFailure naming every fault of the environment */
function settingsOf({ environment }: CommandProcess): CommandSettings {
  try {
    return readCommandSettings(environment);
  } catch (error) {
    if (error instanceof Invalid) throw new CommandFailure(error.message);
    throw error;
  }
}
