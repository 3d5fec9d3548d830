import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { runCommand } from '../../src/embedded/run-command';

const ROOT = join(__dirname, '../..');
const WITHIN_MS = 240_000;
/** What a package manager would install beside it, and what the tests use along with it. */
const BESIDE = ['graphql-ws', 'graphql', '@graphql-typed-document-node/core', 'ws'];

/** @trailgraph/client as its users get it: packed, and unpacked among the packages of an empty folder. */
export interface PackedClient {
  folder: string;
  /** Of the package. */
  root: string;
  files: string[];
  remove(): Promise<void>;
}

export async function packClient(): Promise<PackedClient> {
  const folder = await mkdtemp(join(tmpdir(), 'trailgraph-client-'));
  await run('node', [join(ROOT, 'scripts/build.mjs'), 'client']);
  const pack = ['pack', join(ROOT, 'packages/client'), '--ignore-scripts', '--offline'];
  await run('npm', [...pack, '--silent', '--pack-destination', folder]);
  const [archive] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  const modules = join(folder, 'node_modules');
  const root = join(modules, '@trailgraph/client');
  await mkdir(root, { recursive: true });
  await run('tar', ['-xzf', join(folder, archive!), '-C', root, '--strip-components=1']);
  for (const name of BESIDE) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  return { folder, root, files, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function run(command: string, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runCommand(command, args, { timeoutMs: WITHIN_MS });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
}
