import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../src/embedded/free-port';
import { type ServerCommand, ServerProcess, serverProgram } from './server-process';

/** What every server of a test's own has: a port, a folder that goes with it, and a process now and then. */
export interface Ground {
  program: string;
  folder: string;
  port: number;
}

/** Finds the program and a port, and makes the folder. */
export async function groundFor(kind: 'mongod' | 'valkey'): Promise<Ground> {
  return {
    program: await serverProgram(kind),
    folder: await mkdtemp(join(tmpdir(), `trailgraph-${kind}-`)),
    port: await findFreePort(),
  };
}

/** A server on a port of its own, which a test starts, freezes, kills and starts again. */
export abstract class OwnServer {
  private process: ServerProcess | null = null;

  protected constructor(protected readonly ground: Ground) {}

  get port(): number {
    return this.ground.port;
  }

  get ended(): boolean {
    return this.process === null || this.process.ended;
  }

  async kill(): Promise<void> {
    const { process } = this;
    this.process = null;
    await process?.kill();
  }

  /** It answers nothing, and its sockets stay open. */
  freeze(): void {
    this.process?.freeze();
  }

  thaw(): void {
    this.process?.thaw();
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.ground.folder, { recursive: true, force: true });
  }

  /** Returns when it answers. @throws with its last words where it ends instead */
  protected async run(args: string[], answers: () => Promise<boolean>): Promise<void> {
    const { program, folder } = this.ground;
    const command: ServerCommand = { program, args, folder };
    this.process = await ServerProcess.start(command, answers);
  }
}
