#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { messageOf } from '../domain/errors';
import { explained } from '../store/refusal';
import { CommandFailure, EXIT, type ExitCode } from './failure';
import { createProgram } from './program';

async function main(): Promise<ExitCode> {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  let code: ExitCode = EXIT.done;
  const program = createProgram({
    version,
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    stopped: stopSignal,
    exit: (exitCode) => {
      code = exitCode;
    },
    kill: () => process.kill(process.pid, 'SIGKILL'),
  });
  try {
    await program.parseAsync(process.argv);
    return code;
  } catch (error) {
    return told(error);
  }
}

let stopping: AbortController | null = null;

/** For a command that ends in order: aborts at the first Ctrl-C or SIGTERM; the second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  stopping = stop;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.incomplete);
      stop.abort();
    });
  }
  return stop.signal;
}

/** Says what is wrong, in one line where we know it, and gives the exit code. */
function told(thrown: unknown): ExitCode {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.refused; // It said so itself.
  const meant = explained(thrown);
  const error = meant === thrown ? thrown : new CommandFailure(messageOf(meant));
  const known = error instanceof CommandFailure;
  const text = known ? messageOf(error, 4_000) : ((error as Error).stack ?? messageOf(error));
  process.stderr.write(`trailgraph: ${text}\n`);
  return known ? error.exitCode : EXIT.incomplete;
}

process.stdout.on('error', (error: { code?: unknown }) => {
  if (error.code !== 'EPIPE') throw error; // Whoever read has read enough, `| head` for one.
  // A command that ends in order has something to clear away; what it says from now on goes nowhere.
  if (!stopping) process.exit(EXIT.done);
  stopping.abort();
});

void main().then((code) => {
  process.exitCode = code;
});
