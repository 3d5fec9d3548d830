import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findProgram } from '../../src/embedded/find-program';
import { findFreePort } from '../../src/embedded/free-port';
import { probeValkey, writeValkeyConfig } from '../../src/embedded/valkey-server';
import { eventually } from './eventually';

const PASSWORD = 'a-valkey-of-its-own';

/** A valkey-server on a port of its own that keeps nothing: ended, it comes back empty. */
export class OwnValkey {
  private child: ChildProcess | null = null;
  private clients: Redis[] = [];

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    readonly port: number,
  ) {}

  /** Finds the program and a port; does not start it. */
  static async prepare(): Promise<OwnValkey> {
    const program = await findProgram({
      kind: 'valkey',
      ...(process.env.VALKEY_BINARY ? { given: process.env.VALKEY_BINARY } : {}),
      searchPath: process.env.PATH ?? '',
      cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: { info: () => undefined, warn: () => undefined },
    });
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-valkey-'));
    return new OwnValkey(program.path, folder, await findFreePort());
  }

  get url(): string {
    return `redis://:${PASSWORD}@127.0.0.1:${this.port}/0`;
  }

  /** Returns when it takes commands. @param args beside its configuration file */
  async start(args: string[] = []): Promise<void> {
    const config = join(this.folder, 'valkey.conf');
    await writeValkeyConfig(config, { port: this.port, password: PASSWORD, maxMemoryMb: 64 });
    this.child = spawn(this.program, [config, ...args], { cwd: this.folder, stdio: 'ignore' });
    await eventually(async () => {
      await probeValkey(this.port, PASSWORD);
      return true;
    }, 'valkey takes commands');
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** It answers nothing, and its sockets stay open. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** A client of the test's, closed with the server. */
  client(): Redis {
    const client = new Redis(this.url, { maxRetriesPerRequest: 3, connectionName: 'the-test' });
    client.on('error', () => undefined); // Its commands tell.
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
