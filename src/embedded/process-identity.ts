import { readFile } from 'node:fs/promises';
import { kill, platform } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Unavailable } from '../domain/errors';
import { isErrno, runCommand } from './run-command';

/**
 * A process for as long as it lives: a number can be given to another process later, number and start time
 * together can't.
 */
export interface ProcessIdentity {
  pid: number;
  /** Opaque; compare only. */
  started: string;
}

/** Who has this number now, or undefined when nobody does (a zombie counts as nobody). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = platform === 'linux' ? await linuxStart(pid) : await posixStart(pid);
  return started === undefined ? undefined : { pid, started };
}

async function linuxStart(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The command's name, in parentheses, may hold anything; proc(5): after it come field 3 (state) and so on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${boot.trim()}/${fields[22 - 3]}`;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

async function posixStart(pid: number): Promise<string | undefined> {
  const result = await runCommand('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { timeoutMs: 5_000 });
  const [state = '', ...start] = result.stdout.trim().split(/\s+/);
  return state === '' || state.startsWith('Z') ? undefined : start.join(' ');
}

export async function isAlive(who: ProcessIdentity): Promise<boolean> {
  return (await identify(who.pid))?.started === who.started;
}

/**
 * Ends a process that nobody looks after any more: SIGTERM, after `graceMs` SIGKILL. Returns whether it was
 * there at all; throws Unavailable when it outlives SIGKILL by 5 s.
 */
export async function endProcess(who: ProcessIdentity, graceMs: number): Promise<boolean> {
  if (!(await isAlive(who))) return false;
  if (graceMs > 0 && (await signalAndWait(who, 'SIGTERM', graceMs))) return true;
  if (await signalAndWait(who, 'SIGKILL', 5_000)) return true;
  throw new Unavailable(`process ${who.pid} does not end on SIGKILL`);
}

async function signalAndWait(who: ProcessIdentity, signal: NodeJS.Signals, ms: number): Promise<boolean> {
  try {
    kill(who.pid, signal);
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return true;
    throw error;
  }
  const until = Date.now() + ms;
  while (await isAlive(who)) {
    if (Date.now() > until) return false;
    await delay(25);
  }
  return true;
}
