/**
 * What a million events leave in the memory of the API and of the worker: pushed as fast as they are taken, with a webhook
 * that hears of each. Resident memory (RSS) is read each second; told are the least of each tenth of the events (garbage
 * comes and goes, what is kept stays) and the most at all. In the end both are left alone for half a minute and read once
 * more. Beside it the number of their open files.
 *
 * node build/bench/bench/memory.js [events]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { demoRecords } from '../test/support/ledger';
import { commandOf, descendantsOf } from '../test/support/process-tree';
import { type Product, startProduct } from './product';
import { startReceiver } from './receiver';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const RECORDS_A_BODY = 500;
const LANES = 4;
const PARTS = 10;
const EVERY_MS = 1_000;
const AT_REST_MS = 30_000;
const PAGE = 4_096;
const MB = 1_048_576;

interface Sample {
  /** Events that were stored by then. */
  stored: number;
  rssMb: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trailgraph-bench-'));
  const receiver = await startReceiver();
  const product = await startProduct(join(folder, 'data'));
  try {
    const token = await product.signUp();
    const source = await prepared(product, token, receiver.url);
    const load = new Load(`${product.url}/ingest/${source.id}`, source.token);
    // The worker has loaded its geo data by then.
    await load.push(0, 1);
    const processes = await watched(product);
    const samples = new Map(processes.map(({ name }): [string, Sample[]] => [name, []]));
    const sample = (): void => {
      for (const { name, pid } of processes)
        samples.get(name)!.push({ stored: load.stored, rssMb: residentMb(pid) });
    };
    const timer = setInterval(sample, EVERY_MS);
    const started = performance.now();
    await load.run();
    while (receiver.events() <= EVENTS) await setTimeout(100);
    clearInterval(timer);
    const seconds = (performance.now() - started) / 1_000;
    console.info(`${EVENTS} events in ${seconds.toFixed(0)} s, each stored and heard of by the webhook`);
    await setTimeout(AT_REST_MS);
    for (const { name, pid } of processes) report(name, samples.get(name)!, pid);
  } finally {
    await product.stop();
    await receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepared(
  product: Product,
  token: string,
  url: string,
): Promise<{ id: string; token: string }> {
  await product.graphql(
    'mutation ($url: String!) { createWebhook(input: { name: "bench", url: $url, batchSize: 100 }) { secret } }',
    { url },
    token,
  );
  const { createSource } = await product.graphql<{
    createSource: { source: { id: string }; ingestToken: string };
  }>(
    'mutation { createSource(input: { name: "bench", httpPush: {} }) { source { id } ingestToken } }',
    {},
    token,
  );
  return { id: createSource.source.id, token: createSource.ingestToken };
}

/** Senders that push one body after the other, each again until it is stored. */
class Load {
  stored = 0;
  private next = 1;

  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: LANES }, () => this.lane()));
  }

  private async lane(): Promise<void> {
    while (this.next <= EVENTS) {
      const from = this.next;
      this.next += RECORDS_A_BODY;
      await this.push(from, Math.min(RECORDS_A_BODY, EVENTS + 1 - from));
    }
  }

  async push(from: number, count: number): Promise<void> {
    const body = JSON.stringify({ Records: demoRecords(11, from, count) });
    for (;;) {
      const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
      const response = await fetch(this.url, { method: 'POST', headers, body });
      const answer = await response.text();
      if (response.ok) break;
      if (response.status !== 503 && response.status !== 429)
        throw new Error(`the door said ${response.status}: ${answer}`);
      await setTimeout(Number(response.headers.get('retry-after') ?? 1) * 1_000);
    }
    this.stored += count;
  }
}

async function watched(product: Product): Promise<{ name: string; pid: number }[]> {
  const workers = [];
  for (const process of await descendantsOf(product.pid))
    if ((await commandOf(process)).includes('dist/')) workers.push(process.pid);
  if (workers.length !== 1) throw new Error(`one worker was to be there, not ${workers.length}`);
  return [
    { name: 'API', pid: product.pid },
    { name: 'worker', pid: workers[0]! },
  ];
}

function residentMb(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return (Number(pages) * PAGE) / MB;
}

function report(name: string, samples: Sample[], pid: number): void {
  const parts = Array.from({ length: PARTS }, (_, part) => {
    const inPart = ({ stored }: Sample): boolean =>
      Math.min(PARTS - 1, Math.floor((stored / EVENTS) * PARTS)) === part;
    return Math.min(...samples.filter(inPart).map(({ rssMb }) => rssMb)).toFixed(0);
  });
  const most = Math.max(...samples.map(({ rssMb }) => rssMb)).toFixed(0);
  const files = readdirSync(`/proc/${pid}/fd`).length;
  console.info(
    `${name}: RSS in MB, the least of each tenth: ${parts.join(' ')}; most ${most}; ` +
      `after ${AT_REST_MS / 1_000} s of rest ${residentMb(pid).toFixed(0)}; ${files} open files`,
  );
}

void main();
