import { type ChildProcess, fork } from 'node:child_process';
import type { Environment } from './config/environment';
import type { Logger } from './observe/logger';
import type { Metrics, MetricsSnapshot } from './observe/metrics';

export interface WorkerProcessOptions {
  /** The program that a worker runs. */
  program: string;
  count: number;
  /** What a worker is to know; read at each start. */
  environment: Environment;
  metrics: Metrics;
  log: Logger;
}

/** What a worker process tells its parent. */
export interface WorkerMessage {
  metrics: MetricsSnapshot;
}

/** A worker lets go of its work within 17 s. */
const STOP_WITHIN_MS = 20_000;
const RESTART = { firstMs: 500, mostMs: 30_000 };
/** A worker that lived so long begins its waits anew. */
const STEADY_MS = 60_000;

/** Runs workers as child processes, so that ingest never stalls a request. One that dies is started again. */
export class WorkerProcesses {
  private readonly children = new Map<number, ChildProcess>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopping = false;

  constructor(private readonly options: WorkerProcessOptions) {
    for (let index = 0; index < options.count; index++) this.start(index, RESTART.firstMs);
  }

  /** Asks all of them to stop, and ends those that don't. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all([...this.children.values()].map(endChild));
  }

  private start(index: number, waitMs: number): void {
    const { program, environment, metrics, log } = this.options;
    const startedAt = performance.now();
    const child = fork(program, [], {
      env: { ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.children.set(index, child);
    child.on('message', (message: WorkerMessage) => {
      if (Array.isArray(message?.metrics)) metrics.accept(index, message.metrics);
    });
    child.on('error', (error) => {
      log.error({ worker: index, error: error.message }, 'a worker process could not be started');
      if (child.pid === undefined) ended(null, null); // Then no exit is told.
    });
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      this.children.delete(index);
      metrics.forget(index);
      if (this.stopping) return;
      const wait = performance.now() - startedAt > STEADY_MS ? RESTART.firstMs : waitMs;
      log.warn(
        { worker: index, code, signal, restartInMs: wait },
        'a worker process ended; it is started again',
      );
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        this.start(index, Math.min(wait * 2, RESTART.mostMs));
      }, wait);
      this.timers.add(timer);
    };
    child.on('exit', ended);
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
