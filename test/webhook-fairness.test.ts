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

  /** The p99 of what was stored from then on, logged under a name. */
  async function p99Of(name: string, sentAt: Map<string, number>): Promise<number> {
    const arrived = (): number[] =>
      receiver.received.flatMap(({ at, body }) => {
        const { eventID } = (JSON.parse(body) as { data: { eventID: string } }).data;
        const sent = sentAt.get(eventID);
        return sent === undefined ? [] : [at - sent];
      });
    await eventually(() => arrived().length >= sentAt.size, 'all are heard of', 60_000);
    const latencies = arrived().sort((a, b) => a - b);
    expect(latencies).toHaveLength(sentAt.size);
    const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1]!;
    const median = latencies[latencies.length >> 1];
    console.info(`${name}: ${latencies.length} events, median ${median} ms, p99 ${p99} ms`);
    return p99;
  }

  test('hears of each event about as soon as if it were alone, while they begin to fail and after', async () => {
    const live = await createWebhook(await receiver.start());
    await store(0, 1);
    await eventually(() => receiver.received.length === 1, 'the live one was heard from', 40_000);
    const dead = `http://127.0.0.1:${await closedPort()}/`;
    for (let made = 0; made < DEAD; made += 20)
      await Promise.all(Array.from({ length: 20 }, () => createWebhook(dead)));

    const webhooks = app.core.store.db.collection('webhooks');
    const open = (): Promise<number> => webhooks.countDocuments({ 'breaker.openUntil': { $ne: null } });
    let n = 0;
    /** Stores one event after the other at their pace. */
    const flow = async (until: (sent: number) => Promise<boolean>): Promise<Map<string, number>> => {
      const sentAt = new Map<string, number>();
      while (!(await until(sentAt.size))) {
        const started = Date.now();
        for (const id of await store(++n, 1)) sentAt.set(id, started);
        await delay(Math.max(0, EVERY_MS - (Date.now() - started))); // The pace of the events, not a wait for anything.
      }
      return sentAt;
    };
    const deadline = Date.now() + 150_000;
    const storm = await flow(async () => {
      if (Date.now() > deadline) throw new Error(`${await open()} breakers have opened`);
      return (await open()) === DEAD;
    });
    const beginning = await p99Of(`while ${DEAD} begin to fail`, storm);
    const after = await p99Of(`beside ${DEAD} that failed`, await flow(async (sent) => sent === EVENTS));
    expect(beginning).toBeLessThan(P99_MS * SLACK);
    expect(after).toBeLessThan(P99_MS * SLACK);
    const { webhook } = await admin.run<{ webhook: { stats: { delivered: number; failed: number } } }>(
      'query ($id: ID!) { webhook(id: $id) { stats { delivered failed } } }',
      { id: live },
    );
    expect(webhook.stats).toEqual({ delivered: n + 1, failed: 0 });
  }, 300_000);
});
