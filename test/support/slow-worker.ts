import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { WorkerMessage } from '../../src/worker-processes';
import type { TestTrailGraph } from './trailgraph';

const FROZEN_MS = 300;
const AWAKE_MS = 100;

/** A worker process that is frozen three quarters of the time. */
export interface SlowWorker {
  /** Events that it says it has stored. */
  stored(): number;
  stop(): Promise<void>;
}

export function startSlowWorker(app: TestTrailGraph): SlowWorker {
  const child = fork(join(__dirname, '../../dist/main.js'), [], {
    env: { ...app.environment, ROLE: 'worker' },
    execArgv: [],
  });
  let stored = 0;
  child.on('message', ({ metrics }: WorkerMessage) => {
    const found = metrics.find(({ name }) => name === 'trailgraph_events_stored_total');
    const { values = [] } = (found ?? {}) as { values?: { value: number }[] };
    stored = values.reduce((sum, { value }) => sum + value, 0);
  });
  let frozen = false;
  const turn = (): void => {
    frozen = !frozen;
    child.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
    timer = setTimeout(turn, frozen ? FROZEN_MS : AWAKE_MS);
  };
  let timer = setTimeout(turn, AWAKE_MS);
  return {
    stored: () => stored,
    stop: async () => {
      clearTimeout(timer);
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
