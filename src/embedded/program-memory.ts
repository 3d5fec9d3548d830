import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Permanent } from '../domain/errors';
import type { ProgramKind } from './embedded-log';
import { replacePrivateFile } from './private-file';
import { compareVersions, type Program } from './program-version';
import { isErrno } from './run-command';

/** What served this data folder last. */
export interface RememberedProgram {
  path: string;
  version: string;
  /** mongod's feature compatibility version of the data, like `6.0`; decides which versions can open it. */
  featureVersion?: string | undefined;
}

export type ProgramMemory = Partial<Record<ProgramKind, RememberedProgram>>;

const FILE = 'programs.json';

/** Throws Permanent when the file is damaged: guessing could open the data with a version that spoils it. */
export async function readProgramMemory(dataDir: string): Promise<ProgramMemory> {
  const path = join(dataDir, FILE);
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return { mongod: remembered(value, 'mongod'), valkey: remembered(value, 'valkey') };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return {};
    if (!(error instanceof SyntaxError)) throw error;
    throw new Permanent(
      `${path} is damaged (${error.message}): delete it, then the first usable program is taken`,
    );
  }
}

export async function writeProgramMemory(dataDir: string, memory: ProgramMemory): Promise<void> {
  await replacePrivateFile(join(dataDir, FILE), `${JSON.stringify(memory, null, 2)}\n`);
}

function remembered(memory: unknown, kind: ProgramKind): RememberedProgram | undefined {
  const entry = part(memory, kind);
  const [path, version, feature] = [
    part(entry, 'path'),
    part(entry, 'version'),
    part(entry, 'featureVersion'),
  ];
  if (typeof path !== 'string' || typeof version !== 'string') return undefined;
  return { path, version, featureVersion: typeof feature === 'string' ? feature : undefined };
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * Throws Permanent when this mongod can't open the data: a mongod opens data of its own feature version and of the
 * major version before, never of a later one.
 */
export function checkOpensData(program: Program, last: RememberedProgram | undefined): void {
  const data = last?.featureVersion;
  if (program.product !== 'mongod' || data === undefined) return;
  const [major = 0] = program.version.split('.').map(Number);
  const [dataMajor = 0] = data.split('.').map(Number);
  if (compareVersions(program.version, data) >= 0 && major - dataMajor <= 1) return;
  throw new Permanent(
    `is mongod ${program.version}, which can't open the data: mongod ${data} wrote it, so ${data} up to ` +
      `${dataMajor + 1}.x is needed`,
  );
}
