import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const DEAD = 1_000;
const EVENTS = 60;
const EVERY_MS = 250;
/** Requirement A8 says 1 s at the 99th percentile; a test waits three times as long. */
const P99_MS = 1_000;
const SLACK = 3;

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe(`a webhook beside ${DEAD} that are dead`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;
  const receiver = new Receiver();

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    admin = await app.admin();
    crew = new WorkerCrew(app.environment);
    crew.start();
  });
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    await receiver.stop();
  });

  async function createWebhook(url: string): Promise<string> {
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
      { input: { name: 'one of many', url } },
    );
    return createWebhook.webhook.id;
  }

  async function store(from: number, count: number): Promise<string[]> {
    const records = demoRecords(61, from, count) as { eventID: string }[];
    await admin.run('mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }', {
      records,
    });
    return records.map(({ eventID }) => eventID);
  }

  test('hears of each event about as soon as if it were alone', async () => {
    const dead = `http://127.0.0.1:${await closedPort()}/`;
    for (let made = 0; made < DEAD; made += 20)
      await Promise.all(Array.from({ length: 20 }, () => createWebhook(dead)));
    await store(EVENTS + 1, 12);
    const webhooks = app.core.store.db.collection('webhooks');
    await eventually(
      async () => (await webhooks.countDocuments({ 'breaker.openUntil': { $ne: null } })) === DEAD,
      'the breaker of every one has opened',
      150_000,
    );
    const url = await receiver.start();
    const live = await createWebhook(url);

    const sentAt = new Map<string, number>();
    for (let n = 1; n <= EVENTS; n++) {
      const started = Date.now();
      for (const id of await store(n, 1)) sentAt.set(id, started);
      await delay(Math.max(0, EVERY_MS - (Date.now() - started))); // The pace of the events, not a wait for anything.
    }
    await eventually(() => receiver.received.length >= EVENTS, 'all are heard of', 60_000);
    const latencies = receiver.received.map(({ at, body }) => {
      const { eventID } = (JSON.parse(body) as { data: { eventID: string } }).data;
      return at - sentAt.get(eventID)!;
    });
    latencies.sort((a, b) => a - b);
    const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1]!;
    console.info(
      `beside ${DEAD} dead webhooks: median ${latencies[latencies.length >> 1]} ms, p99 ${p99} ms`,
    );
    expect(latencies).toHaveLength(EVENTS);
    expect(p99).toBeLessThan(P99_MS * SLACK);
    const { webhook } = await admin.run<{ webhook: { stats: { delivered: number; failed: number } } }>(
      'query ($id: ID!) { webhook(id: $id) { stats { delivered failed } } }',
      { id: live },
    );
    expect(webhook.stats).toEqual({ delivered: EVENTS, failed: 0 });
  }, 300_000);
});
