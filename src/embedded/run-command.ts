import { type ChildProcess, spawn } from 'node:child_process';
import { kill } from 'node:process';
import { messageOf } from '../domain/errors';

/** Kept of each output: the end, where programs say why they gave up. */
const MAX_OUTPUT_CHARS = 16_384;

export interface CommandOptions {
  /** Milliseconds after which the command and all that it started are killed. */
  timeoutMs: number;
  /** Its environment; without it, that of this process. */
  env?: NodeJS.ProcessEnv | undefined;
  signal?: AbortSignal | undefined;
}

export interface CommandResult {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  /** The last 16,384 characters of each. */
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end, without input. Throws when it can't be started, when the deadline passes and when
 * the signal aborts; an exit code other than 0 is a result, not an error.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const stop = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  // A group of its own, so that the deadline also ends what the program has started.
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: options.env });
  try {
    return await new Promise<CommandResult>((resolve, reject) => {
      const result: CommandResult = { code: null, stdout: '', stderr: '' };
      const keepEnd = (name: 'stdout' | 'stderr') => (chunk: string) => {
        result[name] = (result[name] + chunk).slice(-MAX_OUTPUT_CHARS);
      };
      child.stdout.setEncoding('utf8').on('data', keepEnd('stdout'));
      child.stderr.setEncoding('utf8').on('data', keepEnd('stderr'));
      child.once('error', (error) => reject(new Error(`could not be started: ${messageOf(error)}`)));
      child.once('close', (code) => resolve({ ...result, code }));
      stop.addEventListener(
        'abort',
        () => {
          const seconds = options.timeoutMs / 1000;
          reject(deadline.aborted ? new Error(`gave no answer within ${seconds} s`) : stop.reason);
        },
        { once: true },
      );
    });
  } catch (error) {
    killGroup(child);
    throw error;
  } finally {
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

/** Whether a system call failed with one of these codes. By shape: the runtime's errors may be of another realm. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}
