import { Permanent } from '../domain/errors';
import type { ProgramKind } from './embedded-log';
import { runCommand } from './run-command';

/** A program that has told its version. */
export interface Program {
  /** Absolute path. */
  path: string;
  product: 'mongod' | 'valkey' | 'redis';
  /** Like `6.0.5`. */
  version: string;
}

/** A program on a slow, cold disk: mongod is 140 MB. */
const VERSION_WITHIN_MS = 15_000;

/** The oldest that serve: mongod for the driver and its features, Valkey and Redis for the commands of the queue. */
export const OLDEST = { mongod: '6.0', valkey: '7.2', redis: '6.2' };

const FORMS = {
  mongod: /^db version v(?<version>\d+\.\d+\.\d+)/m,
  // Valkey 7.2 writes only "Server v=", later ones "Valkey server v=".
  valkey: /^(?<product>Valkey |Redis )?server v=(?<version>\d+\.\d+\.\d+)/im,
};

/**
 * Asks a program for its version. Throws Permanent with the reason when it does not run here, is another program,
 * or is older than mongod 6.0, Valkey 7.2, Redis 6.2.
 */
export async function askVersion(kind: ProgramKind, path: string, signal?: AbortSignal): Promise<Program> {
  const result = await runCommand(path, ['--version'], { timeoutMs: VERSION_WITHIN_MS, signal });
  const found = FORMS[kind].exec(result.stdout)?.groups;
  if (result.code !== 0 || found?.version === undefined) {
    const said = (result.stderr || result.stdout).trim().split('\n')[0] ?? '';
    throw new Permanent(
      `does not answer --version as ${kind} does (exit code ${result.code}): ${said.slice(0, 200)}`,
    );
  }
  const product = kind === 'mongod' ? 'mongod' : found.product?.startsWith('Redis') ? 'redis' : 'valkey';
  if (compareVersions(found.version, OLDEST[product]) < 0) {
    throw new Permanent(`is ${product} ${found.version}; ${OLDEST[product]} or later is needed`);
  }
  return { path, product, version: found.version };
}

/** Below, equal to or above 0, as `a` is older than, as old as, or newer than `b`, by major and minor number. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}
