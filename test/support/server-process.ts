import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../src/embedded/find-program';
import { eventually } from './eventually';

const GIVEN = { mongod: 'MONGOD_BINARY', valkey: 'VALKEY_BINARY' } as const;

/** The path of a server's program, found as the product finds it. */
export async function serverProgram(kind: keyof typeof GIVEN): Promise<string> {
  const given = process.env[GIVEN[kind]];
  const { path } = await findProgram({
    kind,
    ...(given ? { given } : {}),
    searchPath: process.env.PATH ?? '',
    cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
    log: { info: () => undefined, warn: () => undefined },
  });
  return path;
}

export interface ServerCommand {
  program: string;
  args: string[];
  /** Its working folder. */
  folder: string;
  /** What it is told that its name is, where that is another one than the file's. */
  argv0?: string;
}

/** A server's process, which a test ends, freezes and starts again. */
export class ServerProcess {
  private said = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly what: string,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.said = (this.said + chunk).slice(-4_096);
      });
  }

  /** Returns when it answers. @throws with its last words where it ends instead */
  static async start(
    { program, args, folder, argv0 }: ServerCommand,
    answers: () => Promise<boolean>,
  ): Promise<ServerProcess> {
    const name = argv0 ?? program.split('/').at(-1)!;
    const child = spawn(program, args, { cwd: folder, argv0: name, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', () => undefined); // It then has no pid, and has ended.
    const server = new ServerProcess(child, name);
    await eventually(async () => server.ended || (await answers()), `${name} answers`, 120_000);
    if (server.ended) throw new Error(`${name} ended as it started:\n${server.said}`);
    return server;
  }

  get ended(): boolean {
    const { pid, exitCode, signalCode } = this.child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  /** Ends it, without a word. */
  async kill(): Promise<void> {
    if (this.ended) return;
    const ended = once(this.child, 'exit', { signal: AbortSignal.timeout(30_000) });
    this.child.kill('SIGKILL');
    await ended.catch(() => {
      throw new Error(`${this.what} does not end`);
    });
  }

  /** It answers nothing, and its sockets stay open. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }
}
