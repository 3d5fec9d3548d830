import { readFile, rm } from 'node:fs/promises';
import { replacePrivateFile } from './private-file';
import { endProcess, type ProcessIdentity } from './process-identity';
import { isErrno } from './run-command';

/** Writes down which process serves this data folder. */
export async function noteRunning(file: string, identity: ProcessIdentity): Promise<void> {
  await replacePrivateFile(file, `${JSON.stringify(identity)}\n`);
}

/**
 * Ends the server that a note names, if that very process still runs: its supervisor was killed together with the
 * program, or it is just being stopped. Returns its number if there was one. Call it only with the folder's lock.
 */
export async function endLeftBehind(file: string, graceMs: number): Promise<number | undefined> {
  const identity = await readNote(file);
  if (identity === undefined) return undefined;
  const wasThere = await endProcess(identity, graceMs);
  await rm(file, { force: true });
  return wasThere ? identity.pid : undefined;
}

/** A note that is not whole names nobody: it is written whole or not at all, so it is not ours. */
async function readNote(file: string): Promise<ProcessIdentity | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value))
    return undefined;
  const { pid, started } = value;
  return typeof pid === 'number' && pid > 1 && typeof started === 'string' ? { pid, started } : undefined;
}
