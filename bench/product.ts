import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const ROOT = join(__dirname, '../../..');
const STARTS_WITHIN_MS = 60_000;

/** What a server that is up writes into its data folder. */
interface ServerNote {
  url: string;
  mongodbUri: string;
}

export interface Product extends ServerNote {
  pid: number;
  /** @throws where the answer has errors, or no data */
  graphql<T>(query: string, variables?: object, token?: string): Promise<T>;
  /** The access token of the first user. */
  signUp(): Promise<string>;
  stop(): Promise<void>;
}

/** The built product with its own stores, as `npm start` starts it. Worker processes inherit `flags`, which are Node's. */
export async function startProduct(dataDir: string, flags: string[] = []): Promise<Product> {
  const child = spawn(process.execPath, [...flags, join(ROOT, 'dist/main.js')], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: '0', DEMO_SOURCE: 'off', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const note = await serverNote(child, join(dataDir, 'server.json'));
  const graphql: Product['graphql'] = async <T>(query: string, variables: object = {}, token?: string) => {
    const response = await fetch(`${note.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data?: T | null; errors?: unknown };
    if (errors || !data) throw new Error(`GraphQL said: ${JSON.stringify(errors)}`);
    return data;
  };
  return {
    ...note,
    pid: child.pid!,
    graphql,
    signUp: async () => {
      const { signUp } = await graphql<{ signUp: { accessToken: string } }>(
        'mutation { signUp(input: { email: "bench@example.com", password: "correct horse battery" }) { accessToken } }',
      );
      return signUp.accessToken;
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** The flags that write a CPU profile of each process into a folder; none without one. */
export const profiling = (folder: string | undefined): string[] =>
  folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];

async function serverNote(child: ChildProcess, file: string): Promise<ServerNote> {
  for (let waited = 0; waited < STARTS_WITHIN_MS; waited += 100) {
    if (child.exitCode !== null) throw new Error('the product did not start');
    await setTimeout(100);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ServerNote;
    } catch {
      // Not written yet.
    }
  }
  throw new Error('the product did not say where it listens');
}
