import { readFileSync } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePort } from '../../src/embedded/free-port';
import type { CertificateFiles, TestAuthority } from './certificates';
import { eventually } from './eventually';
import { type ServerCommand, ServerProcess, serverProgram } from './server-process';

const PASSWORD = 'of-the-valkeys';
const SENTINEL_PASSWORD = 'of-the-sentinels';
const USER_PASSWORD = 'of: the/user@with #few %rights';
const NAME = 'trail';
/** As quick as it can be told from a busy machine: Sentinel's default is 30 s. */
const DOWN_AFTER_MS = 2_000;
/**
 * Debian's redis-tools: the server and its tools are one program, which goes by its name. The valkey-server of the wheel
 * is built without TLS.
 */
const WITH_TLS = { program: '/usr/bin/redis-check-rdb', argv0: 'redis-server' };

export interface SentinelsOptions {
  /** Servers and Sentinels speak TLS alone, show a certificate of this authority's, and ask clients for one. */
  tls?: TestAuthority;
  /** The rights of the user that a server is told of, as ACL SETUSER takes them; without it that is the default user. */
  rights?: string;
}

interface Member {
  port: number;
  process: ServerProcess;
}

/** A Valkey master with replicas, watched by three Sentinels, all with passwords. Keeps nothing on disk. */
export class ValkeySentinels {
  private readonly valkeys: Member[] = [];
  private readonly sentinels: Member[] = [];
  private readonly certificate: CertificateFiles | null;

  private constructor(
    private readonly command: Pick<ServerCommand, 'program' | 'argv0' | 'folder'>,
    private readonly options: SentinelsOptions,
  ) {
    this.certificate = options.tls?.issue('of-valkey') ?? null;
  }

  /** Returns when the Sentinels know the master, its replicas and each other. */
  static async start(replicas: number, options: SentinelsOptions = {}): Promise<ValkeySentinels> {
    const program = options.tls ? await programWithTls() : { program: await serverProgram('valkey') };
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-sentinels-'));
    const group = new ValkeySentinels({ ...program, folder }, options);
    try {
      for (let index = 0; index <= replicas; index++) await group.startValkey();
      for (let index = 0; index < 3; index++) await group.startSentinel();
      await eventually(() => group.isWatched(replicas), 'the Sentinels watch the master', 30_000);
    } catch (error) {
      await group.close();
      throw error;
    }
    return group;
  }

  /** What a server is told of it. */
  get settings(): Record<string, string> {
    const { rights, tls } = this.options;
    const user = rights === undefined ? `:${PASSWORD}` : `trailgraph:${encodeURIComponent(USER_PASSWORD)}`;
    return {
      // The port is nobody's: only the Sentinels say where to go.
      REDIS_URL: `${tls ? 'rediss' : 'redis'}://${user}@sentinels.invalid:1/0`,
      REDIS_SENTINELS: this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
      REDIS_SENTINEL_NAME: NAME,
      REDIS_SENTINEL_PASSWORD: SENTINEL_PASSWORD,
      ...(tls ? { REDIS_TLS_CA_FILE: tls.caFile } : {}),
      ...(this.certificate
        ? { REDIS_TLS_CERT_FILE: this.certificate.certFile, REDIS_TLS_KEY_FILE: this.certificate.keyFile }
        : {}),
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
    await master.process.kill();
    return port;
  }

  /** Stops the master from answering, its sockets stay open. @returns what wakes it */
  async freezeMaster(): Promise<{ port: number; thaw: () => void }> {
    const port = await this.masterPort();
    const { process } = this.valkeys.find((valkey) => valkey.port === port)!;
    process.freeze();
    return { port, thaw: () => process.thaw() };
  }

  /** Runs `ask` on the valkey of this port. */
  async on<T>(port: number, ask: (client: Redis) => Promise<T>): Promise<T> {
    const client = this.connected(port, PASSWORD);
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
    await Promise.all([...this.sentinels, ...this.valkeys].map(({ process }) => process.kill()));
    await rm(this.command.folder, { recursive: true, force: true });
  }

  private async startValkey(): Promise<void> {
    this.valkeys.push(await this.spawnValkey(await findFreePort(), this.valkeys[0]?.port ?? null));
  }

  private async spawnValkey(port: number, masterPort: number | null): Promise<Member> {
    const { rights } = this.options;
    const config = [
      `requirepass ${PASSWORD}`,
      `masterauth ${PASSWORD}`,
      'save ""',
      'repl-diskless-sync-delay 0',
      'maxmemory-policy noeviction',
      ...(rights === undefined ? [] : [`user trailgraph on ">${USER_PASSWORD}" ${rights}`]),
      ...(masterPort === null ? [] : [`replicaof 127.0.0.1 ${masterPort}`]),
    ];
    const answers = async () => (await this.on(port, (client) => client.ping())) === 'PONG';
    return { port, process: await this.spawn(port, config, answers) };
  }

  private async startSentinel(): Promise<void> {
    const port = await findFreePort();
    const config = [
      `requirepass ${SENTINEL_PASSWORD}`,
      `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${this.valkeys[0]!.port} 2`,
      `sentinel auth-pass ${NAME} ${PASSWORD}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 10000`,
    ];
    const answers = async () => (await this.ask('MASTER', NAME, port)) !== null;
    this.sentinels.push({ port, process: await this.spawn(port, config, answers, ['--sentinel']) });
  }

  private async spawn(
    port: number,
    config: string[],
    answers: () => Promise<boolean>,
    args: string[] = [],
  ): Promise<ServerProcess> {
    const { folder } = this.command;
    const file = join(folder, `${port}.conf`);
    const lines = ['bind 127.0.0.1', ...this.door(port), ...config, `dir ${folder}`, ''];
    await writeFile(file, lines.join('\n'));
    return ServerProcess.start({ ...this.command, args: [file, ...args] }, answers);
  }

  private door(port: number): string[] {
    const { certificate, options } = this;
    if (!certificate || !options.tls) return [`port ${port}`];
    return [
      ...['port 0', `tls-port ${port}`, 'tls-replication yes', `tls-ca-cert-file ${options.tls.caFile}`],
      ...[`tls-cert-file ${certificate.certFile}`, `tls-key-file ${certificate.keyFile}`],
    ];
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
    const client = this.connected(port, SENTINEL_PASSWORD);
    try {
      await client.connect();
      return await client.call('SENTINEL', command, name);
    } finally {
      client.disconnect();
    }
  }

  private connected(port: number, password: string): Redis {
    const { tls } = this.options;
    const { certFile, keyFile } = this.certificate ?? {};
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
      ...(tls && certFile && keyFile
        ? { tls: { ca: tls.ca, cert: readFileSync(certFile), key: readFileSync(keyFile) } }
        : {}),
    });
    client.on('error', () => undefined); // Its commands tell.
    return client;
  }
}

async function programWithTls(): Promise<typeof WITH_TLS> {
  await access(WITH_TLS.program).catch(() => {
    throw new Error(`${WITH_TLS.program} is not there: \`apt-get install redis-tools\` (Debian, Ubuntu)`);
  });
  return WITH_TLS;
}
