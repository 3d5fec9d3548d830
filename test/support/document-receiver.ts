import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../src/embedded/free-port';
import { runCommand } from '../../src/embedded/run-command';
import { eventually } from './eventually';
import { pipTool } from './pip-tool';

/** The languages in which docs/webhooks.md has a receiver, by the names of its code blocks. */
export type Language = 'js' | 'python' | 'go';

/** A receiver of the document that runs. */
export interface DocumentReceiver {
  url: string;
  /** What it has printed so far. */
  said(): string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const NODE_MODULES = join(__dirname, '../../node_modules');
const STANDARD_WEBHOOKS = { name: 'standardwebhooks', packages: ['standardwebhooks==1.1.0'] };
const GO_BUILD_MS = 240_000;
const GO_MOD = `module receiver

go 1.22

require github.com/standard-webhooks/standard-webhooks/libraries v0.0.1
`;
const GO_SUM = `github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 h1:uOfcYT+3QungH6tIGSVCR/Y3KJmgJiHcojJbMTPDZAI=
github.com/standard-webhooks/standard-webhooks/libraries v0.0.1/go.mod h1:L1MQhA6x4dn9r007T033lsaZMv9EmBAdXyU/+EF40fo=
`;

/** Whether this machine can build Go. */
export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

/**
 * Writes the code of the document as it stands into a folder of its own, starts it and waits until it listens.
 * @param secretOf makes the webhook of the receiver's URL and gives its secret
 */
export async function startDocumentReceiver(
  language: Language,
  code: string,
  secretOf: (url: string) => Promise<string>,
): Promise<DocumentReceiver> {
  const folder = await mkdtemp(join(tmpdir(), `trailgraph-${language}-`));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const prepared = await PREPARE[language](folder, code);
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}/hook`;
    const secret = await secretOf(url);
    const { said, stop } = await listening(folder, prepared, { PORT: String(port), WEBHOOK_SECRET: secret });
    return { url, said, stop: () => stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function listening(
  folder: string,
  { command, args, environment }: Prepared,
  settings: Record<string, string>,
): Promise<Omit<DocumentReceiver, 'url'>> {
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...settings, ...environment },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  try {
    await eventually(() => said.includes('listening'), 'the receiver listens');
  } catch (error) {
    await stop();
    throw new Error(`${String(error)}; it said: ${said}`);
  }
  return { said: () => said, stop };
}

interface Prepared {
  command: string;
  args: string[];
  environment: Record<string, string>;
}

const PREPARE: Record<Language, (folder: string, code: string) => Promise<Prepared>> = {
  async js(folder, code) {
    await writeFile(join(folder, 'receiver.mjs'), code);
    await symlink(NODE_MODULES, join(folder, 'node_modules'));
    return { command: process.execPath, args: ['receiver.mjs'], environment: {} };
  },
  async python(folder, code) {
    await writeFile(join(folder, 'receiver.py'), code);
    const library = await pipTool(STANDARD_WEBHOOKS);
    return { command: 'python3', args: ['receiver.py'], environment: { PYTHONPATH: library } };
  },
  /** Modules are fetched once per machine, their sums pinned; what is built is run, so that ending it ends it. */
  async go(folder, code) {
    await writeFile(join(folder, 'main.go'), code);
    await writeFile(join(folder, 'go.mod'), GO_MOD);
    await writeFile(join(folder, 'go.sum'), GO_SUM);
    const modules = join(homedir(), '.cache', 'trailgraph', 'go-modules');
    await mkdir(modules, { recursive: true });
    const built = await runCommand(
      'env',
      [
        ...[`GOMODCACHE=${modules}`, 'GOTOOLCHAIN=local', 'GOFLAGS=-mod=readonly -modcacherw'],
        ...['go', 'build', '-C', folder, '-o', 'receiver', '.'],
      ],
      { timeoutMs: GO_BUILD_MS },
    );
    if (built.code !== 0) throw new Error(`go could not build the receiver: ${built.stderr}`);
    return { command: join(folder, 'receiver'), args: [], environment: {} };
  },
};
