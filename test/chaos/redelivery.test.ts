import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Delivery } from '../../src/domain/webhook';
import { eventually } from '../support/eventually';
import type { GraphqlClient } from '../support/graphql-client';
import { createPushSource, demoRecords, drained, pushApart } from '../support/ledger';
import { OwnValkey } from '../support/own-valkey';
import { startTrailGraph, type TestTrailGraph } from '../support/trailgraph';
import { WorkerCrew } from '../support/worker-process';

/** TEST_REDELIVERIES=100000 is the size that the requirements name; docs/performance.md has what it takes. */
const DELIVERIES = Number(process.env.TEST_REDELIVERIES ?? 5_000);
const WEBHOOKS = 10;
const EVENTS = DELIVERIES / WEBHOOKS;
const BODY = 1_000;
/** What a holder has under way: requests in flight, and answers not written down. */
const UNDER_WAY = 4 + 48;
const WITHIN_MS = 120_000 + DELIVERIES * 10;

/** Counts what comes under each webhook-id. */
class CountingReceiver {
  readonly times = new Map<string, number>();
  requests = 0;
  private readonly server: Server = createServer((request, response) => {
    const id = request.headers['webhook-id'] as string;
    request.resume().on('end', () => {
      this.requests++;
      this.times.set(id, (this.times.get(id) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe(`${DELIVERIES} failed deliveries that are sent again`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;
  let valkey: OwnValkey;
  const receiver = new CountingReceiver();
  const webhookIds: string[] = [];
  const ids: string[] = [];

  beforeAll(async () => {
    valkey = await OwnValkey.prepare();
    await valkey.start();
    app = await startTrailGraph({
      settings: { ROLE: 'api' },
      servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url },
    });
    admin = await app.admin();
    crew = new WorkerCrew(app.environment);
    await seed();
  }, WITHIN_MS);
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    await valkey?.close();
    await receiver.stop();
  });

  /** Events that are stored, and for each webhook and event a delivery whose schedule has run out. */
  async function seed(): Promise<void> {
    crew.start();
    const source = await createPushSource(admin);
    const records = demoRecords(9, 0, EVENTS);
    const bodies = Array.from({ length: Math.ceil(EVENTS / BODY) }, (_, i) =>
      records.slice(i * BODY, (i + 1) * BODY),
    );
    const { statuses } = await pushApart(app, source, bodies);
    await drained(app);
    for (const status of await statuses) expect([200, 503]).toContain(status);
    await crew.killAll();
    const url = await receiver.start();
    for (let index = 0; index < WEBHOOKS; index++) {
      const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string } } }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }',
        { input: { name: `failed ${index}`, url, timeoutMs: 10_000 } },
      );
      webhookIds.push(createWebhook.webhook.id);
    }
    const createdAt = new Date(Date.now() - 4 * 86_400_000);
    for (const [index, { eventID }] of records.entries()) {
      const made = webhookIds.map((webhookId, hook) => failed(webhookId, eventID, index * WEBHOOKS + hook));
      await app.core.deliveries.insertMissing(made.map((delivery) => ({ ...delivery, createdAt })));
      ids.push(...made.map(({ _id }) => _id));
    }
  }

  const failed = (webhookId: string, eventId: string, number: number): Delivery => ({
    _id: `dlv_${number.toString(16).padStart(32, '0')}`,
    webhookId,
    state: 'FAILED',
    eventIds: [eventId],
    first: { n: 1, pos: number },
    last: { n: 1, pos: number },
    format: 'ENRICHED',
    revision: 1,
    batch: false,
    thin: false,
    attemptCount: 10,
    attempts: [],
    nextAttemptAt: null,
    createdAt: new Date(),
    completedAt: new Date(),
    test: false,
  });

  const redeliverAll = async (dryRun: boolean): Promise<{ id: string; matched: number; sent: number }> =>
    (
      await admin.run<{ redeliverAll: { id: string; matched: number; sent: number } }>(
        `mutation ($filter: DeliveryFilter!, $dryRun: Boolean) {
          redeliverAll(filter: $filter, dryRun: $dryRun) { id matched sent }
        }`,
        { filter: { webhookIds }, dryRun },
      )
    ).redeliverAll;

  test(
    'arrive under their own ids, though the worker is killed half-way and Valkey is emptied',
    async () => {
      expect(await redeliverAll(true)).toMatchObject({ matched: DELIVERIES, sent: 0 });
      const started = performance.now();
      const doomed = crew.start();
      const replay = await redeliverAll(false);
      expect(replay.matched).toBe(DELIVERIES);
      await eventually(() => receiver.requests >= DELIVERIES / 2, 'half of them came', WITHIN_MS);
      doomed.kill('SIGKILL');
      await doomed.ended(10_000);
      await valkey.client().flushall();
      crew.start();
      const { deliveries } = app.core;
      await eventually(
        async () =>
          (await deliveries.count({ webhookIds, states: ['DELIVERED'] }, DELIVERIES)) === DELIVERIES,
        'all are delivered',
        WITHIN_MS,
      );
      const seconds = (performance.now() - started) / 1_000;
      const doubles = receiver.requests - receiver.times.size;
      console.info(
        `${DELIVERIES} redelivered in ${seconds.toFixed(1)} s, the kill included; ${doubles} came twice`,
      );
      expect([...receiver.times.keys()].sort()).toEqual(ids.sort());
      expect(doubles).toBeLessThanOrEqual(WEBHOOKS * UNDER_WAY);
      const { replay: ended } = await admin.run<{ replay: { state: string; sent: number } }>(
        'query ($id: ID!) { replay(id: $id) { state sent } }',
        { id: replay.id },
      );
      expect(ended).toEqual({ state: 'DONE', sent: DELIVERIES });
    },
    WITHIN_MS,
  );
});
