import { WebSocket } from 'ws';
import { TrailGraphClient } from '../../src/client/trailgraph-client';
import { findFreePort } from '../../src/embedded/free-port';
import { eventually } from '../support/eventually';
import type { GraphqlClient } from '../support/graphql-client';
import { createPushSource, demoRecords, drained, expectConsistent, idsOf, ledger } from '../support/ledger';
import { ReplicaSet } from '../support/replica-set';
import { startTrailGraph, type TestTrailGraph } from '../support/trailgraph';
import { ValkeySentinels } from '../support/valkey-sentinels';
import { WebhookReceiver } from '../support/webhook-receiver';
import { type SpawnedProgram, WorkerCrew } from '../support/worker-process';

/** GROWTH_EVENTS=100000 is the long form. */
const EVENTS = Number(process.env.GROWTH_EVENTS ?? 4_000);
const BODY = 50;
const LANES = 6;
const WORKERS = 4;
const SEED = 7;
/** An election takes 10 s, a failover of Valkey 2 s and more; on a busy machine everything takes longer. */
const RECOVERS_WITHIN_MS = 120_000;
const WITHIN_MS = Math.max(600_000, EVENTS * 20);

interface Api {
  url: string;
  port: number;
  program: SpawnedProgram;
}

interface Subscriber {
  ids: string[];
  lost: number;
  failure: unknown;
}

let set: ReplicaSet;
let valkeys: ValkeySentinels;
/** Looks on: an instance in this process on the same stores, which starts and signs in. */
let app: TestTrailGraph;
let admin: GraphqlClient;
let crew: WorkerCrew;
let apis: Api[];
const workers: SpawnedProgram[] = [];
const receivers: WebhookReceiver[] = [];
const clients: TrailGraphClient[] = [];

beforeAll(async () => {
  set = await ReplicaSet.start(3);
  valkeys = await ValkeySentinels.start(2);
  const { REDIS_URL: redisUrl = '' } = valkeys.settings;
  app = await startTrailGraph({
    servers: { mongodbUri: set.uri, redisUrl },
    settings: { ...valkeys.settings, ROLE: 'api' },
  });
  admin = await app.admin();
  crew = new WorkerCrew(app.environment);
  apis = await Promise.all([await findFreePort(), await findFreePort()].map(startApi));
  for (let index = 0; index < WORKERS; index++) workers.push(crew.start());
}, WITHIN_MS);
afterAll(async () => {
  for (const client of clients) client.close();
  await crew?.killAll();
  await app?.stop();
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  await valkeys?.close();
  await set?.close();
}, WITHIN_MS);

async function startApi(port: number): Promise<Api> {
  const program = crew.start(undefined, { ROLE: 'api', PORT: String(port) });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, 'the API is ready', RECOVERS_WITHIN_MS);
  return { url, port, program };
}

async function apiKey(): Promise<string> {
  const { createApiKey } = await admin.run<{ createApiKey: { secret: string } }>(
    'mutation { createApiKey(input: { name: "growth", role: VIEWER }) { secret } }',
  );
  return createApiKey.secret;
}

/** Follows everything that is stored from now on; comes back after each loss of its connection. */
async function subscribe(url: string, token: string): Promise<Subscriber> {
  const client = new TrailGraphClient({ url, token, webSocketImpl: WebSocket, pingMs: 2_000 });
  clients.push(client);
  const subscriber: Subscriber = { ids: [], lost: 0, failure: null };
  const connected = new Promise<void>((resolve) => {
    const read = async (): Promise<void> => {
      const onLost = (): void => {
        subscriber.lost += 1;
      };
      for await (const { id } of client.events({ onConnected: resolve, onLost })) subscriber.ids.push(id);
    };
    read().catch((error: unknown) => {
      subscriber.failure = error;
    });
  });
  await connected;
  return subscriber;
}

async function hook(batchSize: number): Promise<WebhookReceiver> {
  const receiver = new WebhookReceiver();
  receivers.push(receiver);
  const { createWebhook } = await admin.run<{ createWebhook: { secret: string } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
    { input: { name: `growth ${batchSize}`, url: await receiver.start(), batchSize } },
  );
  receiver.trust(createWebhook.secret);
  return receiver;
}

/** Pushes all bodies through both doors, each until it is stored; waits before a quarter until it is let on. */
class Load {
  acknowledged = 0;
  readonly statuses = new Set<number | string>();
  private quartersOpen = 1;

  constructor(
    private readonly source: { id: string; token: string },
    private readonly bodies: { eventID: string }[][],
  ) {}

  /** Lets the next quarter begin: something has been done to the servers meanwhile. */
  goOn(): void {
    this.quartersOpen += 1;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: LANES }, (_, lane) => this.lane(lane)));
  }

  /** When three fifths of the quarters that are open are stored: the rest is under way. */
  async wellInto(): Promise<void> {
    const enough = ((this.quartersOpen - 0.4) / 4) * EVENTS;
    await eventually(() => this.acknowledged >= enough, `${enough} events are stored`, WITHIN_MS);
  }

  /** When a body was stored that was sent after this call. */
  async storesAgain(): Promise<void> {
    const body = demoRecords(SEED + 1, 0, 1);
    await eventually(() => this.push(apis[0]!.url, body), 'a body is stored', RECOVERS_WITHIN_MS);
  }

  private async lane(lane: number): Promise<void> {
    const perQuarter = Math.ceil(this.bodies.length / 4);
    for (let index = lane; index < this.bodies.length; index += LANES) {
      await eventually(() => index < this.quartersOpen * perQuarter, 'the next quarter is open', WITHIN_MS);
      const body = this.bodies[index]!;
      const { url } = apis[index % apis.length]!;
      await eventually(() => this.push(url, body), 'a body is stored', RECOVERS_WITHIN_MS);
      this.acknowledged += body.length;
    }
  }

  private async push(url: string, records: unknown[]): Promise<boolean> {
    const response = await fetch(`${url}/ingest/${this.source.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.source.token}` },
      body: JSON.stringify({ Records: records }),
      signal: AbortSignal.timeout(30_000),
    });
    this.statuses.add(response.status);
    await response.arrayBuffer();
    return response.status === 200;
  }
}

const healthOf = async (url: string): Promise<string> =>
  ((await (await fetch(`${url}/readyz`)).json()) as { status: string }).status;

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  await work();
  console.info(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

async function healthy(): Promise<void> {
  await eventually(
    async () =>
      (await Promise.all(apis.map(({ url }) => healthOf(url)))).every((status) => status === 'HEALTHY'),
    'health is well again',
    RECOVERS_WITHIN_MS,
  );
}

/** Ends an API and a worker without a word, and starts others in their places: the API at its port. */
async function replaceOnes(): Promise<void> {
  const [worker] = workers;
  const { program, port } = apis[1]!;
  for (const ended of [worker!, program]) {
    ended.kill('SIGKILL');
    await ended.ended(10_000);
  }
  workers[0] = crew.start();
  apis[1] = await startApi(port);
}

/** What befalls the stores, each under load, one after the other. */
async function havoc(load: Load): Promise<void> {
  await load.wellInto();
  const killed = await set.killPrimary();
  load.goOn();
  await timed('primary killed, until a body is stored', () => load.storesAgain());
  await timed('and until health is well', healthy);
  await set.startAgain(killed);

  await load.wellInto();
  const before = await valkeys.killMaster();
  load.goOn();
  await timed('Valkey master killed, until a body is stored', () => load.storesAgain());
  await timed('and until health is well', healthy);
  expect(await valkeys.masterPort()).not.toBe(before);
  await valkeys.startAgain(before);

  await load.wellInto();
  await timed('an API and a worker killed, until it serves again', replaceOnes);
  await eventually(() => set.isWhole(), 'the replica set is whole', RECOVERS_WITHIN_MS);
  await set.stepDown();
  load.goOn();
  await timed('primary stepped down, until a body is stored', () => load.storesAgain());
  await timed('and until health is well', healthy);
}

test(
  `${EVENTS} events through two APIs and four workers, while the primary, Valkey's master, an API and a worker are killed and a primary steps down: none is lost, none doubled`,
  async () => {
    const startedAt = performance.now();
    const token = await apiKey();
    const source = await createPushSource(admin);
    const hooks = [await hook(100), await hook(20)];
    const subscribers = await Promise.all(apis.map(({ url }) => subscribe(url, token)));
    const records = demoRecords(SEED, 0, EVENTS);
    const probe = demoRecords(SEED + 1, 0, 1);
    const all = [...idsOf(records), ...idsOf(probe)].sort();
    const bodies = Array.from({ length: Math.ceil(EVENTS / BODY) }, (_, index) =>
      records.slice(index * BODY, (index + 1) * BODY),
    );

    const load = new Load(source, bodies);
    await Promise.all([load.run(), havoc(load)]);
    await drained(app, RECOVERS_WITHIN_MS);
    // Away is 503 to a sender, and nothing else.
    expect([...load.statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);

    for (const { ids } of subscribers)
      await eventually(() => ids.length >= all.length, 'each subscriber has heard', RECOVERS_WITHIN_MS);
    for (const receiver of hooks) {
      const missing = new Set(all);
      await eventually(
        () => {
          for (const { eventIds } of receiver.received) for (const id of eventIds) missing.delete(id);
          return missing.size === 0;
        },
        'each webhook has heard',
        RECOVERS_WITHIN_MS,
      );
    }
    console.info(`all in all: ${((performance.now() - startedAt) / 1000).toFixed(1)} s for ${EVENTS} events`);

    const { events, batches, db } = ledger(app);
    const stored = await events.find({}, { projection: { _id: 1 } }).toArray();
    expect(stored.map(({ _id }) => _id).sort()).toEqual(all);
    expect(await batches.distinct('state')).toEqual(['DONE']);
    expect(await db.collection('quarantine').countDocuments()).toBe(0);
    await expectConsistent(app);
    expect(subscribers[1]!.lost).toBeGreaterThan(0); // Its API was killed.
    for (const { ids, lost, failure } of subscribers) {
      expect(failure).toBeNull();
      expect([...ids].sort()).toEqual(all);
      console.info(`a subscriber came back ${lost} times`);
    }
    for (const receiver of hooks) {
      expect(receiver.faults).toEqual([]);
      for (const sent of receiver.byWebhookId().values())
        for (const body of sent) expect(body).toEqual(sent[0]);
      const firsts = [...receiver.byWebhookId().values()].flatMap(([first]) => first);
      expect(firsts.sort()).toEqual(all);
      console.info(
        `a webhook was sent ${receiver.received.length} requests for ${receiver.byWebhookId().size} ids`,
      );
    }
    await healthy();
    // Nobody fell over.
    for (const { pid } of [...workers, ...apis.map(({ program }) => program)])
      expect(() => process.kill(pid, 0)).not.toThrow();
  },
  WITHIN_MS,
);
