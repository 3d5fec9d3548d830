import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CrashPoint } from '../../src/pipeline/crash-points';

const MAIN = join(__dirname, '../../dist/main.js');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A program of ours in a process of its own. */
export interface SpawnedProgram {
  pid: number;
  /** What it wrote to both streams, so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** @throws with its output where it has not ended within `withinMs` */
  ended(withinMs: number): Promise<Ended>;
}

/** Starts the built program. It is given the PATH and HOME of the test, and nothing else of its environment. */
export function spawnProgram(environment: Record<string, string>, main = MAIN): SpawnedProgram {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [main], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-100_000);
    });
  }
  const exit = new Promise<Ended>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  return {
    pid: child.pid!,
    output: () => text,
    kill: (signal) => void child.kill(signal),
    ended: (withinMs) => within(exit, withinMs, () => `${withinMs} ms have passed; it said:\n${text}`),
  };
}

/** The worker processes of a test, all of which end with it. */
export class WorkerCrew {
  private readonly programs: SpawnedProgram[] = [];

  /** @param environment that of a TestTrailGraph */
  constructor(private readonly environment: Record<string, string>) {}

  /** @param crashAt a point, or `point:n` for the n-th time it is reached */
  start(
    crashAt?: CrashPoint | `${CrashPoint}:${number}`,
    settings: Record<string, string> = {},
  ): SpawnedProgram {
    const program = spawnProgram({
      ...this.environment,
      ROLE: 'worker',
      ...(crashAt ? { TRAILGRAPH_CRASH_AT: crashAt } : {}),
      ...settings,
    });
    this.programs.push(program);
    return program;
  }

  async killAll(): Promise<void> {
    for (const program of this.programs) program.kill('SIGKILL');
    await Promise.all(this.programs.map((program) => program.ended(5_000)));
  }
}

async function within<T>(promise: Promise<T>, ms: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what())), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
