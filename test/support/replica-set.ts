import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, MongoClient } from 'mongodb';
import { findProgram } from '../../src/embedded/find-program';
import { findFreePort } from '../../src/embedded/free-port';
import { eventually } from './eventually';

const NAME = 'trail';

interface Member {
  port: number;
  child: ChildProcess;
}

/** A real MongoDB replica set on loopback, without passwords; its members can be made to fail (failCommand). */
export class ReplicaSet {
  private readonly members: Member[] = [];

  private constructor(
    private readonly program: string,
    private readonly folder: string,
  ) {}

  /** Returns when it has a primary and all others follow it. */
  static async start(size: number): Promise<ReplicaSet> {
    const { path } = await findProgram({
      kind: 'mongod',
      ...(process.env.MONGOD_BINARY ? { given: process.env.MONGOD_BINARY } : {}),
      searchPath: process.env.PATH ?? '',
      cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: { info: () => undefined, warn: () => undefined },
    });
    const set = new ReplicaSet(path, await mkdtemp(join(tmpdir(), 'trailgraph-replica-set-')));
    for (let index = 0; index < size; index++) set.members.push(await set.spawnMember(await findFreePort()));
    await set.initiate();
    return set;
  }

  /** Of a database that has the name in the URI of the test run's own server, for startTrailGraph. */
  get uri(): string {
    const hosts = this.members.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `mongodb://${hosts}/trailgraph?replicaSet=${NAME}`;
  }

  /** The port of the primary; null while there is none. */
  async primaryPort(): Promise<number | null> {
    for (const { port } of this.members) {
      const hello = await this.on(port, (admin) => admin.command({ hello: 1 })).catch(() => null);
      if (hello?.isWritablePrimary) return port;
    }
    return null;
  }

  /** Ends the primary, without a word. @returns its port */
  async killPrimary(): Promise<number> {
    const port = await this.primaryPort();
    const primary = this.members.find((member) => member.port === port);
    if (!primary) throw new Error('there is no primary');
    primary.child.kill('SIGKILL');
    await once(primary.child, 'exit');
    return primary.port;
  }

  /** Starts a member that was killed. */
  async startAgain(port: number): Promise<void> {
    const index = this.members.findIndex((member) => member.port === port);
    this.members[index] = await this.spawnMember(port);
  }

  /** Has the primary hand over to another member. @returns its port */
  async stepDown(): Promise<number> {
    const port = await this.primaryPort();
    if (port === null) throw new Error('there is no primary');
    await this.on(port, (admin) => admin.command({ replSetStepDown: 20, secondaryCatchUpPeriodSecs: 10 }));
    return port;
  }

  /** Has commands fail on the primary, as the server itself would make them. */
  async fail(mode: 'alwaysOn' | 'off' | { times: number }, data: Record<string, unknown>): Promise<void> {
    const port = (await this.primaryPort())!;
    await this.on(port, (admin) => admin.command({ configureFailPoint: 'failCommand', mode, data }));
  }

  async heal(): Promise<void> {
    await this.fail('off', {});
  }

  /** All members are there, and one is primary. */
  async isWhole(): Promise<boolean> {
    const states = await Promise.all(
      this.members.map(({ port }) =>
        this.on(port, (admin) => admin.command({ hello: 1 })).then(
          ({ isWritablePrimary, secondary }) => (isWritablePrimary ? 'primary' : secondary && 'secondary'),
          () => null,
        ),
      ),
    );
    return states.every(Boolean) && states.filter((state) => state === 'primary').length === 1;
  }

  async close(): Promise<void> {
    for (const { child } of this.members) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private async spawnMember(port: number): Promise<Member> {
    const dbPath = join(this.folder, String(port));
    await mkdir(dbPath, { recursive: true });
    const child = spawn(
      this.program,
      [
        ...['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1', '--replSet', NAME],
        ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '256', '--nounixsocket', '--quiet'],
        ...[
          '--setParameter',
          'enableTestCommands=1',
          '--setParameter',
          'diagnosticDataCollectionEnabled=false',
        ],
      ],
      { stdio: 'ignore' },
    );
    await eventually(
      async () => (await this.on(port, (admin) => admin.command({ hello: 1 }))).ok === 1,
      'mongod answers',
      120_000,
    );
    return { port, child };
  }

  private async initiate(): Promise<void> {
    const members = this.members.map(({ port }, _id) => ({ _id, host: `127.0.0.1:${port}` }));
    await this.on(this.members[0]!.port, (admin) =>
      admin.command({ replSetInitiate: { _id: NAME, members } }),
    );
    await eventually(() => this.isWhole(), 'the replica set is whole', 120_000);
  }

  private async on<T>(port: number, ask: (admin: Db) => Promise<T>): Promise<T> {
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/admin?directConnection=true`, {
      serverSelectionTimeoutMS: 2_000,
      connectTimeoutMS: 2_000,
      socketTimeoutMS: 20_000,
    });
    try {
      await client.connect();
      return await ask(client.db('admin'));
    } finally {
      await client.close();
    }
  }
}
