import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, MongoClient } from 'mongodb';
import { findFreePort } from '../../src/embedded/free-port';
import type { TestAuthority } from './certificates';
import { eventually } from './eventually';
import { ServerProcess, serverProgram } from './server-process';

const NAME = 'trail';
/** Of MongoDB 2 s; with a shorter time to an election, who is held back would see one in each pause. */
const HEARTBEAT_MS = 500;
const ROOT = { user: 'root', pwd: 'of-the-root-user' };

export interface ReplicaSetOptions {
  /** Members and clients must log in; the members among themselves by a key file. */
  users?: boolean;
  /** Whose certificates members show, and whose of clients they take; without it they speak plain. */
  tls?: TestAuthority;
  /** After so long without a primary another one is elected; 10 s. */
  electionTimeoutMs?: number;
}

interface Member {
  port: number;
  process: ServerProcess;
}

/** A real MongoDB replica set on loopback; its members can be made to fail (failCommand) and to fall behind. */
export class ReplicaSet {
  private readonly members: Member[] = [];
  private hasRoot = false;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    private readonly options: ReplicaSetOptions,
  ) {}

  /** Returns when it has a primary and all others follow it. */
  static async start(size: number, options: ReplicaSetOptions = {}): Promise<ReplicaSet> {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-replica-set-'));
    const set = new ReplicaSet(await serverProgram('mongod'), folder, options);
    try {
      await set.prepare(size);
    } catch (error) {
      await set.close();
      throw error;
    }
    return set;
  }

  /** Of a database that has the name in the URI of the test run's own server, for startTrailGraph. */
  get uri(): string {
    return `mongodb://${this.hosts}/trailgraph?replicaSet=${NAME}`;
  }

  /** Its members, as they stand in a URI. */
  get hosts(): string {
    return this.members.map(({ port }) => `127.0.0.1:${port}`).join(',');
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
    await primary.process.kill();
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

  /** Stops the primary from answering, its sockets stay open: as if it were cut off from all. @returns what wakes it */
  async freezePrimary(): Promise<{ port: number; thaw: () => void }> {
    const port = await this.primaryPort();
    const primary = this.members.find((member) => member.port === port);
    if (!primary) throw new Error('there is no primary');
    primary.process.freeze();
    return { port: primary.port, thaw: () => primary.process.thaw() };
  }

  /** The secondaries take nothing more from the primary: what is written there from now on, no majority has. */
  async holdBack(): Promise<void> {
    const primary = await this.primaryPort();
    const others = this.members.filter(({ port }) => port !== primary);
    await Promise.all(others.map(({ port }) => this.producer(port, 'alwaysOn')));
  }

  /** Inserts into this collection (`database.collection`) wait on the primary. */
  async holdInserts(nss: string): Promise<{ entered: () => Promise<void>; release: () => Promise<void> }> {
    const port = (await this.primaryPort())!;
    const point = { configureFailPoint: 'hangDuringBatchInsert' };
    const { count } = await this.on(port, (admin) =>
      admin.command({ ...point, mode: 'alwaysOn', data: { nss } }),
    );
    return {
      entered: async () => {
        const wait = {
          waitForFailPoint: 'hangDuringBatchInsert',
          timesEntered: count + 1,
          maxTimeMS: 60_000,
        };
        await this.on(port, (admin) => admin.command(wait));
      },
      release: async () => void (await this.on(port, (admin) => admin.command({ ...point, mode: 'off' }))),
    };
  }

  /** Ends what `holdBack` began, on those members that answer. */
  async letFollow(): Promise<void> {
    await Promise.all(this.members.map(({ port }) => this.producer(port, 'off').catch(() => undefined)));
  }

  /** The collections of which this member has taken something back. */
  async rolledBack(port: number, database: string): Promise<string[]> {
    const found: string[] = [];
    // mongod keeps what it takes back in a folder for each collection, which is named by its UUID.
    const collections = await this.on(
      port,
      (db) => db.listCollections({}, { nameOnly: false, readPreference: 'secondaryPreferred' }).toArray(),
      database,
    );
    for (const { name, info } of collections) {
      const folder = join(this.folder, String(port), 'rollback', String(info?.uuid));
      if (
        await access(folder).then(
          () => true,
          () => false,
        )
      )
        found.push(name);
    }
    return found.sort();
  }

  /** Runs `ask` on the primary, as its root where there are users. */
  async asRoot<T>(ask: (db: Db) => Promise<T>, database = 'admin'): Promise<T> {
    const port = await this.primaryPort();
    if (port === null) throw new Error('there is no primary');
    return this.on(port, ask, database);
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
    await Promise.all(this.members.map(({ process }) => process.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async prepare(size: number): Promise<void> {
    const keyFile = join(this.folder, 'key');
    await writeFile(keyFile, randomBytes(96).toString('base64'), { mode: 0o400 });
    const { tls } = this.options;
    if (tls) {
      const { certFile, keyFile: key } = tls.issue('member');
      await writeFile(this.certificate, (await readFile(certFile, 'utf8')) + (await readFile(key, 'utf8')));
    }
    const ports: number[] = [];
    while (ports.length < size) ports.push(await findFreePort());
    this.members.push(...(await Promise.all(ports.map((port) => this.spawnMember(port)))));
    await this.initiate();
  }

  private get certificate(): string {
    return join(this.folder, 'member.pem');
  }

  private async spawnMember(port: number): Promise<Member> {
    const { users, tls } = this.options;
    const dbPath = join(this.folder, String(port));
    await mkdir(dbPath, { recursive: true });
    const args = [
      ...['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1', '--replSet', NAME],
      ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '256', '--nounixsocket', '--quiet'],
      ...(users ? ['--keyFile', join(this.folder, 'key')] : []),
      ...(tls ? ['--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', this.certificate] : []),
      ...(tls ? ['--tlsCAFile', tls.caFile, '--tlsAllowConnectionsWithoutCertificates'] : []),
      ...['--setParameter', 'enableTestCommands=1'],
      ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ];
    const process = await ServerProcess.start(
      { program: this.program, args, folder: this.folder },
      async () => (await this.on(port, (admin) => admin.command({ hello: 1 }))).ok === 1,
    );
    return { port, process };
  }

  private async initiate(): Promise<void> {
    const members = this.members.map(({ port }, _id) => ({ _id, host: `127.0.0.1:${port}` }));
    const { users, electionTimeoutMs } = this.options;
    const settings = electionTimeoutMs
      ? { electionTimeoutMillis: electionTimeoutMs, heartbeatIntervalMillis: HEARTBEAT_MS }
      : {};
    const first = this.members[0]!.port;
    await this.on(first, (admin) => admin.command({ replSetInitiate: { _id: NAME, members, settings } }));
    if (users) {
      await eventually(async () => (await this.primaryPort()) !== null, 'there is a primary', 120_000);
      // Who comes from the machine itself may make the first user.
      await this.asRoot((admin) => admin.command({ createUser: ROOT.user, pwd: ROOT.pwd, roles: ['root'] }));
      this.hasRoot = true;
    }
    await eventually(() => this.isWhole(), 'the replica set is whole', 120_000);
  }

  private producer(port: number, mode: 'alwaysOn' | 'off'): Promise<unknown> {
    return this.on(port, (admin) => admin.command({ configureFailPoint: 'stopReplProducer', mode }));
  }

  private async on<T>(port: number, ask: (db: Db) => Promise<T>, database = 'admin'): Promise<T> {
    const { tls } = this.options;
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/admin?directConnection=true`, {
      serverSelectionTimeoutMS: 2_000,
      connectTimeoutMS: 2_000,
      socketTimeoutMS: 20_000,
      ...(tls ? { tls: true, tlsCAFile: tls.caFile } : {}),
      ...(this.hasRoot ? { auth: { username: ROOT.user, password: ROOT.pwd } } : {}),
    });
    try {
      await client.connect();
      return await ask(client.db(database));
    } finally {
      await client.close();
    }
  }
}
