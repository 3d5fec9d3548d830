import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';

export const PACKAGE_HINT = 'install the Debian package: apt-get install --no-install-recommends prometheus';

export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

export interface AlertRule {
  name: string;
  query: string;
  health: string;
  lastError?: string;
  annotations: Record<string, string>;
}

/** A real Prometheus, Debian's own, with its data in a folder of its own. */
export class Prometheus {
  private said = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly url: string,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said = (this.said + text).slice(-8_000);
      });
  }

  /** @param files what it is to read, by name; `prometheus.yml` is its configuration */
  static async start(files: Record<string, string>): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-prometheus-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const prometheus = new Prometheus(child, folder, `http://${address}`);
    const failure: { error: Error | null } = { error: null };
    child.on('error', (error) => {
      failure.error = error;
    });
    await eventually(
      async () => {
        if (failure.error || child.exitCode !== null) return true;
        return (await fetch(`http://${address}/-/ready`)).ok;
      },
      'Prometheus is ready',
      30_000,
    );
    if (failure.error || child.exitCode !== null) {
      await prometheus.stop();
      throw new Error(
        `prometheus can't be run (${failure.error?.message ?? prometheus.said}): ${PACKAGE_HINT}`,
      );
    }
    return prometheus;
  }

  /** @throws with Prometheus' own words where it does not take the query */
  async query(expr: string): Promise<Sample[]> {
    const { result } = await this.get<{ result: Sample[] }>(`query?query=${encodeURIComponent(expr)}`);
    return result;
  }

  async rules(): Promise<AlertRule[]> {
    const { groups } = await this.get<{ groups: { rules: AlertRule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.child.pid !== undefined && this.child.exitCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${answer.error}`);
    return answer.data;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
