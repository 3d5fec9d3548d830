/**
 * Deliveries per second to a local receiver: a webhook with batchSize 1, and one with batchSize 100, each made after the
 * events were stored and paused until then, so that storing is not what is measured. Beside them, in the same run, a
 * bare loop of undici that posts bodies of the same sizes with as many requests in flight, and neither reads, signs nor
 * writes anything down.
 *
 * node build/bench/bench/webhooks.js [events] [--profile DIR]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Agent } from 'undici';
import { demoRecord } from '../src/sources/demo/demo-record';
import { type Product, profiling, startProduct } from './product';
import { type Receiver, startReceiver } from './receiver';

const EVENTS = Number(process.argv[2] ?? 10_000);
const PROFILE = process.argv[3] === '--profile' ? process.argv[4] : undefined;
/** Requests that a holder has in flight. */
const IN_FLIGHT = 4;
const RECORDS_A_REQUEST = 500;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trailgraph-bench-'));
  const receiver = await startReceiver();
  const product = await startProduct(join(folder, 'data'), profiling(PROFILE));
  try {
    const token = await product.signUp();
    const webhooks = new Map<number, string>();
    for (const batchSize of [1, 100])
      webhooks.set(batchSize, await pausedWebhook(product, token, { url: receiver.url, batchSize }));
    await store(product, token);
    for (const [batchSize, id] of webhooks) await compare({ product, token, receiver, batchSize, id });
  } finally {
    await product.stop();
    await receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(run: {
  product: Product;
  token: string;
  receiver: Receiver;
  batchSize: number;
  id: string;
}): Promise<void> {
  const { product, token, receiver, batchSize, id } = run;
  receiver.reset();
  const started = performance.now();
  await product.graphql('mutation ($id: ID!) { resumeWebhook(id: $id) { id } }', { id }, token);
  while (receiver.events() < EVENTS) await setTimeout(20);
  const seconds = (performance.now() - started) / 1_000;
  const { requests, bytes } = receiver.seen();
  const bare = await bareLoop(receiver.url, requests, Math.round(bytes / requests));
  const perSecond = (of: number): string => `${Math.round(requests / of)} deliveries/s`;
  process.stdout.write(
    `batchSize ${batchSize}: ${requests} deliveries of ${Math.round(bytes / requests)} bytes; ` +
      `TrailGraph ${perSecond(seconds)} (${Math.round(EVENTS / seconds)} events/s), bare loop ${perSecond(bare)}\n`,
  );
}

/** @returns the seconds that so many posts took */
async function bareLoop(url: string, requests: number, bytes: number): Promise<number> {
  const agent = new Agent({ pipelining: 1, connections: IN_FLIGHT });
  const { origin, pathname } = new URL(url);
  const body = Buffer.from(JSON.stringify({ data: [], filler: 'x'.repeat(bytes) }));
  let left = requests;
  const started = performance.now();
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const headers = { 'content-type': 'application/json' };
      const response = await agent.request({ origin, path: pathname, method: 'POST', headers, body });
      await response.body.dump();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const seconds = (performance.now() - started) / 1_000;
  await agent.close();
  return seconds;
}

async function pausedWebhook(product: Product, token: string, input: object): Promise<string> {
  const { createWebhook } = await product.graphql<{ createWebhook: { webhook: { id: string } } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
    { input: { name: 'bench', ...input } },
    token,
  );
  const { id } = createWebhook.webhook;
  await product.graphql('mutation ($id: ID!) { pauseWebhook(id: $id) { id } }', { id }, token);
  return id;
}

async function store(product: Product, token: string): Promise<void> {
  for (let from = 0; from < EVENTS; from += RECORDS_A_REQUEST) {
    const records = Array.from({ length: Math.min(RECORDS_A_REQUEST, EVENTS - from) }, (_, i) =>
      demoRecord({
        seed: 3,
        sourceId: 'bench',
        n: from + i,
        eventTime: new Date(1_750_000_000_000 + (from + i) * 1_000),
      }),
    );
    await sent(product, token, records);
  }
}

/** Again where they are kept but not stored yet, which costs nothing but time. */
async function sent(product: Product, token: string, records: unknown[], tries = 10): Promise<void> {
  try {
    const text = 'mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }';
    await product.graphql(text, { records }, token);
  } catch (error) {
    if (tries === 0 || !String(error).includes('UNAVAILABLE')) throw error;
    await sent(product, token, records, tries - 1);
  }
}

void main();
