import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fillCacheFolder } from '../../src/embedded/program-cache';
import { runCommand } from '../../src/embedded/run-command';

/** A program that tests run, which Go builds from its module; go-modules.json names all. */
export interface GoTool {
  name: string;
  /** Of its command, with its version: `example.com/tool/cmd/tool@v1.2.3`. */
  module: string;
}

const CACHE = join(homedir(), '.cache', 'trailgraph');
const BUILD_WITHIN_MS = 900_000;

/** The path of the program; it is built once per machine and version, which may take minutes. Needs Go. */
export async function goTool({ name, module: versioned }: GoTool): Promise<string> {
  const [module = '', version = ''] = versioned.split('@');
  const folder = `go-${name}-${version}`;
  const program = join(CACHE, folder, basename(module));
  if (existsSync(program)) return program;
  const go = await runCommand('go', ['version'], { timeoutMs: 30_000 }).catch(() => ({ code: null }));
  if (go.code !== 0) throw new Error(`Go is needed to build ${name} ${version} for this test: install it`);
  const modules = join(CACHE, 'go-modules');
  await mkdir(modules, { recursive: true });
  await fillCacheFolder(CACHE, folder, async ({ ready }) => {
    const environment = [
      `GOBIN=${ready}`,
      `GOMODCACHE=${modules}`,
      'GOTOOLCHAIN=local',
      'GOFLAGS=-modcacherw',
    ];
    const built = await runCommand('env', [...environment, 'go', 'install', `${module}@${version}`], {
      timeoutMs: BUILD_WITHIN_MS,
    });
    if (built.code !== 0) throw new Error(`go could not build ${name}: ${built.stderr}`);
  });
  return program;
}
