import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually';

const DIST = join(__dirname, '../../dist');
/** Runs a program at a terminal of its own, all of whose output is then one stream. */
const AT_TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

export interface CommandOptions {
  environment?: Record<string, string>;
  /** Standard input, which then ends; absent: there is none. */
  input?: string;
  cwd?: string;
  terminal?: boolean;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A process of the product that is running. */
export interface RunningCommand {
  child: ChildProcess;
  /** What it has said so far. */
  said: CommandResult;
  /** Waits until it has said this. */
  says(text: string | RegExp): Promise<void>;
  type(text: string): void;
  ended: Promise<CommandResult>;
}

/** Starts a built program (`cli/main.js`, `main.js`) in an environment that holds nothing of the test's own. */
export function startProgram(
  program: string,
  args: string[],
  { environment = {}, input, cwd, terminal = false }: CommandOptions = {},
): RunningCommand {
  const own = [process.execPath, join(DIST, program), ...args];
  const [file = '', ...rest] = terminal ? ['python3', '-c', AT_TERMINAL, ...own] : own;
  const { PATH = '', HOME = '', XDG_CACHE_HOME, MONGOD_BINARY, VALKEY_BINARY } = process.env;
  const inherited = Object.entries({ PATH, HOME, XDG_CACHE_HOME, MONGOD_BINARY, VALKEY_BINARY }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const child = spawn(file, rest, {
    env: { ...Object.fromEntries(inherited), ...environment },
    ...(cwd ? { cwd } : {}),
    stdio: [input === undefined && !terminal ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const said: CommandResult = { code: null, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  if (input !== undefined) child.stdin?.end(input);
  const ended = once(child, 'close').then(([code]) => Object.assign(said, { code: code as number | null }));
  return {
    child,
    said,
    ended,
    says: (text) =>
      eventually(
        () => {
          const all = said.stdout + said.stderr;
          return typeof text === 'string' ? all.includes(text) : text.test(all);
        },
        `it says ${String(text)}`,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; it said: ${said.stdout}${said.stderr}`);
      }),
    type: (text) => void child.stdin?.write(text),
  };
}

/** Runs `trailgraph` to its end. */
export function trailgraph(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return startProgram('cli/main.js', args, options).ended;
}
