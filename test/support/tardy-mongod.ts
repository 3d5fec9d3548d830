import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findProgram } from '../../src/embedded/find-program';
import { findFreePort } from '../../src/embedded/free-port';
import { eventually } from './eventually';

/** A mongod of the test's own, without users, whose commands fail where the test says so. */
export class TardyMongod {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly client: MongoClient,
    /** As MONGODB_URI has it; the name of the database may be replaced. */
    readonly uri: string,
  ) {}

  /** Returns when it takes commands. */
  static async start(): Promise<TardyMongod> {
    const program = await findProgram({
      kind: 'mongod',
      ...(process.env.MONGOD_BINARY ? { given: process.env.MONGOD_BINARY } : {}),
      searchPath: process.env.PATH ?? '',
      cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: { info: () => undefined, warn: () => undefined },
    });
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-mongod-'));
    const port = await findFreePort();
    const args = [
      ...['--dbpath', folder, '--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
      ...['--wiredTigerCacheSizeGB', '0.25', '--setParameter', 'enableTestCommands=1'],
      ...['--setParameter', 'diagnosticDataCollectionEnabled=false', '--quiet'],
    ];
    const child = spawn(program.path, args, { stdio: 'ignore' });
    const uri = `mongodb://127.0.0.1:${port}/trailgraph?directConnection=true`;
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 2_000 });
    const mongod = new TardyMongod(child, folder, client, uri);
    await eventually(
      () =>
        client
          .db('admin')
          .command({ ping: 1 })
          .then(() => true),
      'mongod takes commands',
    ).catch(async (error: unknown) => {
      await mongod.close();
      throw error;
    });
    return mongod;
  }

  /** From now on these commands on a collection end as those do that took longer than they might. */
  async outOfTime(namespace: string, commands: string[]): Promise<void> {
    const MAX_TIME_MS_EXPIRED = 50;
    await this.client.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: 'alwaysOn',
      data: { failCommands: commands, namespace, errorCode: MAX_TIME_MS_EXPIRED },
    });
  }

  async inTime(): Promise<void> {
    await this.client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
  }

  async close(): Promise<void> {
    await this.client.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
