import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { execPath } from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, Unavailable } from '../domain/errors';
import { endProcess, identify, type ProcessIdentity } from './process-identity';
import { SUPERVISOR_SCRIPT } from './supervisor-script';

export interface Launch {
  program: string;
  args: readonly string[];
  cwd: string;
  /** Takes what the program prints; appended to, mode 0600. */
  logFile: string;
  /** Between SIGTERM and SIGKILL, when it is to stop. */
  graceMs: number;
}

/** A running server that can't outlive this process. */
export interface SupervisedProcess {
  readonly identity: ProcessIdentity;
  /** Resolves, with how it ended in words, when the server has ended. Never rejects. */
  readonly ended: Promise<string>;
  /** Stops it and returns when it has ended: at the latest `graceMs` and 5 s later, by SIGKILL. */
  stop(): Promise<void>;
}

interface Supervisor {
  child: ChildProcess;
  stdin: Writable;
  stdout: Readable;
}

const SPAWN_WITHIN_MS = 10_000;
const STOP_MARGIN_MS = 5_000;

/**
 * Starts a program under a supervisor (see SUPERVISOR_SCRIPT) in a process group of its own: a Ctrl-C in the
 * terminal reaches only us, and we stop the server when the work that needs it is done. Throws Unavailable when
 * the program can't be started.
 */
export async function superviseProcess(launch: Launch): Promise<SupervisedProcess> {
  const { child, stdin, stdout } = await startSupervisor(launch);
  // Writing to a supervisor that is gone: its end is told by `close`.
  stdin.on('error', () => stdin.destroy());
  const lines = createInterface({ input: stdout });
  let how: string | undefined;
  lines.on('line', (line) => {
    how = text(fact(line, 'exit')) ?? how;
  });
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const identity = await firstFact(lines, gone)
    .then(identityOf)
    .catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
  const ended = gone.then(() => how ?? endOrphan(identity, launch.graceMs));
  const stop = async () => {
    stdin.end();
    const late = delay(launch.graceMs + STOP_MARGIN_MS, 'late' as const, { ref: false });
    if ((await Promise.race([ended, late])) !== 'late') return;
    child.kill('SIGKILL');
    await endProcess(identity, 0);
  };
  return { identity, ended, stop };
}

async function startSupervisor(launch: Launch): Promise<Supervisor> {
  const log = await open(launch.logFile, 'a', 0o600);
  try {
    const child = spawn(
      execPath,
      ['-e', SUPERVISOR_SCRIPT, '--', String(launch.graceMs), launch.program, ...launch.args],
      { cwd: launch.cwd, detached: true, stdio: ['pipe', 'pipe', log.fd] },
    );
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Unavailable('its supervisor has no pipes');
    return { child, stdin, stdout };
  } finally {
    await log.close();
  }
}

/** The first line that the supervisor writes; empty when it ends without any. */
function firstFact(lines: Interface, gone: Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Unavailable(`was not started within ${SPAWN_WITHIN_MS / 1000} s`)),
      SPAWN_WITHIN_MS,
    );
    const settle = (line: string) => {
      clearTimeout(late);
      resolve(line);
    };
    lines.once('line', settle);
    void gone.then(() => settle('{}'));
  });
}

async function identityOf(line: string): Promise<ProcessIdentity> {
  const pid = fact(line, 'pid');
  if (typeof pid !== 'number') {
    throw new Unavailable(`could not be started: ${text(fact(line, 'error')) ?? 'its supervisor gave up'}`);
  }
  // One that has ended already is told of by `ended`; no process has this start time.
  return (await identify(pid)) ?? { pid, started: 'ended at once' };
}

/** A supervisor that was itself killed has told nothing and has left its server to us. */
async function endOrphan(identity: ProcessIdentity, graceMs: number): Promise<string> {
  try {
    return (await endProcess(identity, graceMs)) ? 'because its supervisor was killed' : 'unseen';
  } catch (error) {
    return messageOf(error);
  }
}

function fact(line: string, name: string): unknown {
  const facts: unknown = JSON.parse(line);
  return typeof facts === 'object' && facts !== null ? Reflect.get(facts, name) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
