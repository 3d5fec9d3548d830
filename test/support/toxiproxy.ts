import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { findFreePort } from '../../src/embedded/free-port';
import { eventually } from './eventually';
import { toxiproxy } from './go-modules.json';
import { goTool } from './go-tool';

const ANSWER_MS = 10_000;

/** What a toxic does to the bytes; https://github.com/Shopify/toxiproxy names them. */
export type Toxic =
  | { type: 'latency'; attributes: { latency: number; jitter?: number } }
  /** KB a second. */
  | { type: 'bandwidth'; attributes: { rate: number } }
  /** 0: what is sent vanishes, and the connection stands. */
  | { type: 'timeout'; attributes: { timeout: 0 } }
  /** The connection is reset after so many milliseconds. */
  | { type: 'reset_peer'; attributes: { timeout: number } };

/** A way to a server, through which everything goes that the product sends there. */
export interface Way {
  /** On 127.0.0.1 */
  port: number;
  /** Poisons both directions, of connections that stand as well. */
  poison(toxic: Toxic): Promise<void>;
  /** Takes no connections, and ends those that stand. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** Shopify's Toxiproxy, in a process of its own; built by Go at the first use. */
export class Toxiproxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
  ) {}

  static async start(): Promise<Toxiproxy> {
    const program = await goTool({ name: 'toxiproxy', module: toxiproxy });
    const port = await findFreePort();
    const child = spawn(program, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' });
    const proxy = new Toxiproxy(child, `http://127.0.0.1:${port}`);
    await eventually(async () => (await fetch(`${proxy.url}/version`)).ok, 'toxiproxy answers');
    return proxy;
  }

  /** @param name of its own @param upstream host:port */
  async way(name: string, upstream: string): Promise<Way> {
    const { listen } = (await this.ask('POST', '/proxies', { name, listen: '127.0.0.1:0', upstream })) as {
      listen: string;
    };
    return {
      port: Number(listen.slice(listen.lastIndexOf(':') + 1)),
      poison: async (toxic) => {
        for (const stream of ['upstream', 'downstream'])
          await this.ask('POST', `/proxies/${name}/toxics`, {
            name: `${toxic.type}-${stream}`,
            stream,
            ...toxic,
          });
      },
      cut: async () => void (await this.ask('POST', `/proxies/${name}`, { enabled: false })),
      mend: async () => void (await this.ask('POST', '/reset')),
    };
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`toxiproxy said ${response.status} to ${method} ${path}: ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

/** The program, in the cache of the product's own programs. @throws where there is no Go to build it */
