import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findProgram } from '../../src/embedded/find-program';
import { findFreePort } from '../../src/embedded/free-port';
import { eventually } from './eventually';

const PASSWORD = 'of-the-valkeys';
const SENTINEL_PASSWORD = 'of-the-sentinels';
const NAME = 'trail';
/** As quick as it can be told from a busy machine: Sentinel's default is 30 s. */
const DOWN_AFTER_MS = 2_000;

interface Member {
  port: number;
  child: ChildProcess;
}

/** A Valkey master with replicas, watched by three Sentinels, all with passwords. Keeps nothing on disk. */
export class ValkeySentinels {
  private readonly valkeys: Member[] = [];
  private readonly sentinels: Member[] = [];

  private constructor(
    private readonly program: string,
    private readonly folder: string,
  ) {}

  /** Returns when the Sentinels know the master, its replicas and each other. */
  static async start(replicas: number): Promise<ValkeySentinels> {
    const { path } = await findProgram({
      kind: 'valkey',
      ...(process.env.VALKEY_BINARY ? { given: process.env.VALKEY_BINARY } : {}),
      searchPath: process.env.PATH ?? '',
      cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: { info: () => undefined, warn: () => undefined },
    });
    const group = new ValkeySentinels(path, await mkdtemp(join(tmpdir(), 'trailgraph-sentinels-')));
    for (let index = 0; index <= replicas; index++) await group.startValkey();
    for (let index = 0; index < 3; index++) await group.startSentinel();
    await eventually(() => group.isWatched(replicas), 'the Sentinels watch the master', 30_000);
    return group;
  }

  /** What a server is told of it. */
  get settings(): Record<string, string> {
    return {
      // The port is nobody's: only the Sentinels say where to go.
      REDIS_URL: `redis://:${PASSWORD}@sentinels.invalid:1/0`,
      REDIS_SENTINELS: this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
      REDIS_SENTINEL_NAME: NAME,
      REDIS_SENTINEL_PASSWORD: SENTINEL_PASSWORD,
    };
  }

  /** The port that the Sentinels name. */
  async masterPort(): Promise<number> {
    const [, port] = (await this.ask('GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string];
    return Number(port);
  }

  /** Ends the master, without a word. @returns its port */
  async killMaster(): Promise<number> {
    const port = await this.masterPort();
    const master = this.valkeys.find((valkey) => valkey.port === port)!;
    master.child.kill('SIGKILL');
    await once(master.child, 'exit');
    return port;
  }

  /** Stops the master from answering, its sockets stay open. @returns what wakes it */
  async freezeMaster(): Promise<{ port: number; thaw: () => void }> {
    const port = await this.masterPort();
    const { child } = this.valkeys.find((valkey) => valkey.port === port)!;
    child.kill('SIGSTOP');
    return { port, thaw: () => void child.kill('SIGCONT') };
  }

  /** Runs `ask` on the valkey of this port. */
  async on<T>(port: number, ask: (client: Redis) => Promise<T>): Promise<T> {
    const client = connected(port, PASSWORD);
    try {
      await client.connect();
      return await ask(client);
    } finally {
      client.disconnect();
    }
  }

  /** Starts a valkey in the place of one that was killed; the Sentinels make it a replica. */
  async startAgain(port: number): Promise<void> {
    const index = this.valkeys.findIndex((valkey) => valkey.port === port);
    this.valkeys[index] = await this.spawnValkey(port, null);
  }

  async close(): Promise<void> {
    const children = [...this.sentinels, ...this.valkeys].map(({ child }) => child);
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private async startValkey(): Promise<void> {
    this.valkeys.push(await this.spawnValkey(await findFreePort(), this.valkeys[0]?.port ?? null));
  }

  private async spawnValkey(port: number, masterPort: number | null): Promise<Member> {
    const child = await this.spawn(port, [
      'bind 127.0.0.1',
      `port ${port}`,
      `requirepass ${PASSWORD}`,
      `masterauth ${PASSWORD}`,
      'save ""',
      'repl-diskless-sync-delay 0',
      ...(masterPort === null ? [] : [`replicaof 127.0.0.1 ${masterPort}`]),
    ]);
    await eventually(
      async () => (await this.on(port, (client) => client.ping())) === 'PONG',
      'valkey takes commands',
    );
    return { port, child };
  }

  private async startSentinel(): Promise<void> {
    const port = await findFreePort();
    const child = await this.spawn(
      port,
      [
        'bind 127.0.0.1',
        `port ${port}`,
        `requirepass ${SENTINEL_PASSWORD}`,
        `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${this.valkeys[0]!.port} 2`,
        `sentinel auth-pass ${NAME} ${PASSWORD}`,
        `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
        `sentinel failover-timeout ${NAME} 10000`,
      ],
      ['--sentinel'],
    );
    this.sentinels.push({ port, child });
  }

  private async spawn(port: number, config: string[], args: string[] = []): Promise<ChildProcess> {
    const file = join(this.folder, `${port}.conf`);
    await writeFile(file, [...config, `dir ${this.folder}`, ''].join('\n'));
    return spawn(this.program, [file, ...args], { cwd: this.folder, stdio: 'ignore' });
  }

  private async isWatched(replicas: number): Promise<boolean> {
    const seen = await Promise.all(
      this.sentinels.map(async ({ port }) => {
        const list = (await this.ask('MASTER', NAME, port)) as string[];
        const field = (name: string): number => Number(list[list.indexOf(name) + 1]);
        return field('num-slaves') === replicas && field('num-other-sentinels') === 2;
      }),
    );
    return seen.every(Boolean);
  }

  private async ask(command: string, name: string, port = this.sentinels[0]!.port): Promise<unknown> {
    const client = connected(port, SENTINEL_PASSWORD);
    try {
      await client.connect();
      return await client.call('SENTINEL', command, name);
    } finally {
      client.disconnect();
    }
  }
}

function connected(port: number, password: string): Redis {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    password,
    connectionName: 'the-test',
    lazyConnect: true,
    enableReadyCheck: false,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined); // Its commands tell.
  return client;
}
