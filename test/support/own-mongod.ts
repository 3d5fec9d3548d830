import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findProgram } from '../../src/embedded/find-program';
import { findFreePort } from '../../src/embedded/free-port';
import { mongodArgs } from '../../src/embedded/mongod';
import { eventually } from './eventually';

const CACHE_GB = 0.5;
const ANSWER_MS = 1_000;

/** A mongod on a port of its own, without users, that keeps its data until it is closed. */
export class OwnMongod {
  private child: ChildProcess | null = null;
  private said = '';

  private constructor(
    private readonly program: string,
    private readonly scratch: string,
    private readonly dbPath: string,
    readonly port: number,
  ) {}

  /** Finds the program and a port; does not start it. @param dbPath where its data is kept, if not in a new folder */
  static async prepare(dbPath?: string): Promise<OwnMongod> {
    const program = await findProgram({
      kind: 'mongod',
      ...(process.env.MONGOD_BINARY ? { given: process.env.MONGOD_BINARY } : {}),
      searchPath: process.env.PATH ?? '',
      cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
      log: { info: () => undefined, warn: () => undefined },
    });
    const scratch = await mkdtemp(join(tmpdir(), 'trailgraph-mongod-'));
    const path = dbPath ?? join(scratch, 'db');
    await mkdir(path, { recursive: true });
    return new OwnMongod(program.path, scratch, path, await findFreePort());
  }

  get uri(): string {
    return `mongodb://127.0.0.1:${this.port}/trailgraph?directConnection=true`;
  }

  /** Returns when it answers. @throws with its last words where it ends instead */
  async start(): Promise<void> {
    const args = mongodArgs({ dbPath: this.dbPath, port: this.port, cacheGb: CACHE_GB });
    this.said = '';
    const child = spawn(
      this.program,
      args.filter((arg) => arg !== '--auth'),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.said = (this.said + chunk).slice(-4_096);
      });
    await eventually(async () => this.ended || (await this.answers()), 'mongod answers');
    if (this.ended) throw new Error(`mongod ended as it started:\n${this.said}`);
  }

  get ended(): boolean {
    const { child } = this;
    return child === null || child.exitCode !== null || child.signalCode !== null;
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

  async close(): Promise<void> {
    await this.kill();
    await rm(this.scratch, { recursive: true, force: true });
  }

  private async answers(): Promise<boolean> {
    const client = new MongoClient(this.uri, { serverSelectionTimeoutMS: ANSWER_MS });
    try {
      await client.db().command({ ping: 1 }, { timeoutMS: ANSWER_MS });
      return true;
    } finally {
      await client.close();
    }
  }
}
