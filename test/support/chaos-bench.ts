import { type Db, MongoClient } from 'mongodb';
import { type ApiProcess, Cluster, type ClusterServers, firstUser } from './cluster';
import { EventStream, storedAgainAfter } from './event-stream';
import { eventually } from './eventually';
import type { GraphqlClient } from './graphql-client';
import { createPushSource, drained, expectConsistent, ledger, type PushSource } from './ledger';
import { startTrailGraph, type TestTrailGraph } from './trailgraph';
import { WebhookReceiver } from './webhook-receiver';

/** CHAOS=long: the sizes and times of the requirements; docs/reliability.md has what came of them. */
export const LONG = process.env.CHAOS === 'long';
export const SEED = Number(process.env.TEST_SEED ?? Date.now() % 0x7fffffff);

const DRAINED_MS = 120_000;
const HEARD_MS = 120_000;
const CALM_MS = 1_500;
const READY_WITHIN_MS = 120_000;

/** A figure that was measured: for docs/reliability.md, never asserted beyond three times what is required. */
export function measured(what: string, figure: string): void {
  process.stdout.write(`measured: ${what}: ${figure}\n`);
}

export interface BenchOptions {
  /** What the processes are given; may lead through proxies. */
  servers: ClusterServers;
  /** Where the truth is read afterwards: not through proxies. */
  direct: ClusterServers;
  settings?: Record<string, string>;
  /** The URL under which the processes reach the receiver, which listens at `port`. */
  receiverUrl?: (port: number) => Promise<string>;
  webhook?: object;
  /** Several instances of the API; the stream goes to one after the other. */
  apis?: number;
  bodiesPerSecond?: number;
  recordsPerBody?: number;
}

/** The product in processes of its own, a source that is pushed to, a webhook, and a stream of events. */
export class ChaosBench {
  readonly receiver = new WebhookReceiver();
  readonly apis: ApiProcess[] = [];
  stream!: EventStream;
  admin!: GraphqlClient;
  source!: PushSource;
  webhookId!: string;
  /** The truth, without a detour. */
  readonly db: Db;
  private readonly client: MongoClient;
  /** Beside those of the stream. */
  readonly otherIds: string[] = [];
  private turn = 0;

  private constructor(
    readonly cluster: Cluster,
    private readonly options: BenchOptions,
  ) {
    this.client = new MongoClient(cluster.in(options.direct.mongodbUri));
    this.db = this.client.db();
  }

  /** Starts the API; workers are the test's own matter. */
  static async open(options: BenchOptions): Promise<ChaosBench> {
    const bench = new ChaosBench(new Cluster(options.servers, options.settings), options);
    try {
      await bench.prepare();
      return bench;
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  /** One of the instances of the API, another one at each call. */
  readonly url = (): string => this.apis[this.turn++ % this.apis.length]!.url;

  /** Once a worker is there to store what comes. */
  async startStream(): Promise<void> {
    const { bodiesPerSecond = 3, recordsPerBody = 20 } = this.options;
    const { url, source } = this;
    const { ids } = await storedAgainAfter(url, source, SEED - 1, READY_WITHIN_MS);
    this.otherIds.push(...ids);
    this.stream = new EventStream({ url, source, seed: SEED, bodiesPerSecond, recordsPerBody });
  }

  /** Waits until the door has acknowledged so many more events. */
  async flows(events: number, withinMs = 150_000): Promise<void> {
    const wanted = this.stream.acknowledged + events;
    await eventually(() => this.stream.acknowledged >= wanted, `${events} more events are stored`, withinMs);
  }

  /** Waits until nobody waits any more for what went before. */
  async calm(): Promise<void> {
    await eventually(() => this.stream.oldestMs < CALM_MS, 'every body is stored soon');
  }

  /**
   * Ends the stream and looks at what came of it: every event is stored once and counted once, and the webhook heard of
   * each at least once, under one webhook-id, which has one body.
   */
  async expectNothingLost(): Promise<void> {
    await this.stream.stop(DRAINED_MS);
    const witness = await startTrailGraph({
      settings: { ROLE: 'api' },
      database: this.cluster.database,
      servers: this.options.direct,
    });
    try {
      const ids = [...this.stream.ids, ...this.otherIds].sort();
      const { events } = ledger(witness);
      await eventually(
        async () => {
          const there = await events.countDocuments();
          if (there < ids.length) throw new Error(`only ${there} are`);
          return true;
        },
        `all of ${ids.length} events are stored`,
        DRAINED_MS,
      );
      await drained(witness, DRAINED_MS);
      const stored = await events.find({}, { projection: { _id: 1 } }).toArray();
      expect(stored.map(({ _id }) => _id).sort()).toEqual(ids);
      await expectConsistent(witness);
      const { batches } = ledger(witness);
      expect(await batches.distinct('state')).toEqual(['DONE']);
      await this.heard(witness, ids);
    } finally {
      await witness.stop();
    }
  }

  async close(): Promise<void> {
    this.stream?.abandon();
    await this.cluster.killAll();
    await this.receiver.stop();
    await this.client.close();
  }

  private async prepare(): Promise<void> {
    const { apis = 1, receiverUrl, webhook = {} } = this.options;
    for (let index = 0; index < apis; index++) this.apis.push(await this.cluster.api());
    this.admin = await firstUser(this.apis[0]!.url);
    this.source = await createPushSource(this.admin);
    const own = await this.receiver.start();
    const url = receiverUrl ? await receiverUrl(Number(new URL(own).port)) : own;
    const { createWebhook } = await this.admin.run<{
      createWebhook: { webhook: { id: string }; secret: string };
    }>('mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }', {
      input: { name: 'chaos', url, batchSize: 20, timeoutMs: 5_000, ...webhook },
    });
    this.receiver.trust(createWebhook.secret);
    this.webhookId = createWebhook.webhook.id;
  }

  private async heard(witness: TestTrailGraph, ids: string[]): Promise<void> {
    const deliveries = witness.core.store.db.collection('deliveries');
    const { webhookId } = this;
    await eventually(
      async () => {
        // As if the time of every retry had come: the second one of the schedule is five minutes away.
        await deliveries.updateMany(
          { webhookId, state: 'PENDING', $expr: { $eq: ['$attemptCount', { $size: '$attempts' }] } },
          { $set: { nextAttemptAt: new Date() } },
        );
        await witness.core.webhooks.wake(webhookId);
        if ((await witness.core.deliveries.pendingCount(webhookId, 1)) > 0) return false;
        const heard = new Set(this.receiver.received.flatMap(({ eventIds }) => eventIds));
        return ids.every((id) => heard.has(id));
      },
      'the webhook has heard of everything',
      HEARD_MS,
    );
    expect(this.receiver.faults).toEqual([]);
    const byId = this.receiver.byWebhookId();
    for (const bodies of byId.values()) for (const body of bodies) expect(body).toEqual(bodies[0]);
    // Each event belongs to one delivery: what came twice came under the same webhook-id.
    expect([...byId.values()].flatMap(([first]) => first).sort()).toEqual(ids);
    measured(
      'deliveries',
      `${byId.size}, of which ${this.receiver.received.length - byId.size} requests came again under their webhook-id`,
    );
  }
}
