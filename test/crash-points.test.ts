import { CRASH_POINTS, type CrashPoint } from '../src/pipeline/crash-points';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import {
  countersOf,
  createPushSource,
  demoRecords,
  drained,
  expectConsistent,
  idsOf,
  ledger,
  pushApart,
} from './support/ledger';
import { OwnValkey } from './support/own-valkey';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';
import { type SpawnedProgram, WorkerCrew } from './support/worker-process';

type CrashAt = CrashPoint | `${CrashPoint}:${number}`;

/** Those that an event does not meet on its way: replays.test.ts has them. */
const ELSEWHERE: readonly CrashPoint[] = ['replay-page-made'];
/** Each point as soon as it is reached, and some in the midst of the work. */
const CRASHES: CrashAt[] = [
  ...CRASH_POINTS.filter((point) => !ELSEWHERE.includes(point)),
  'events-inserted:3',
  'response-received:10',
];

/** A batch of several slices, several small ones, and one that repeats records and holds one that can't be kept. */
const SIZES = [1_300, 250, 150, 60, 25, 15];
const FRESH = 1_800;
const REPEATED = 40;
const TOTALS = {
  received: FRESH + REPEATED + 1,
  stored: FRESH,
  duplicates: REPEATED,
  dropped: 0,
  rejected: 1,
};

const LANES = 3;
const WITHIN_MS = 480_000;

/** The webhooks that hear of the same events, each in its own way. */
const WEBHOOKS = [{ batchSize: 100 }, { batchSize: 25 }, { batchSize: 100, ordered: true }];
/** What a webhook may have had under way when a worker was killed: requests in flight, answers not written down. */
const UNDER_WAY = 4 + 48;
/** Its own worker, and that of a later stage, which took up what the first had under way. */
const KILLS = 2;

interface Hook {
  id: string;
  receiver: WebhookReceiver;
}

interface Outcome {
  app: TestTrailGraph;
  hooks: Hook[];
  sourceId: string;
  records: { eventID: string }[];
}

/** An API with a Valkey of its own, in which one worker after the other is killed, each over a source of its own. */
class Lane {
  /** Ends what those who were killed have begun; stands still while another one is to be killed. */
  private heir: SpawnedProgram | null = null;

  private constructor(
    readonly app: TestTrailGraph,
    private readonly admin: GraphqlClient,
    private readonly crew: WorkerCrew,
  ) {}

  static async open(cleanups: (() => Promise<void>)[]): Promise<Lane> {
    const valkey = await OwnValkey.prepare();
    cleanups.push(() => valkey.close());
    await valkey.start();
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url };
    const app = await startTrailGraph({ settings: { ROLE: 'api' }, servers });
    cleanups.push(() => app.stop());
    const crew = new WorkerCrew(app.environment);
    cleanups.push(() => crew.killAll());
    return new Lane(app, await app.admin(), crew);
  }

  /**
   * A trail, some webhooks, a worker that is killed where it is told to, a Valkey that is emptied, and another worker
   * that ends the work, but for what the first one may still have under way.
   */
  async runThrough(crashAt: CrashAt, seed: number, cleanups: (() => Promise<void>)[]): Promise<Outcome> {
    const { app, admin, crew } = this;
    const source = await createPushSource(admin);
    const hooks = await Promise.all(
      WEBHOOKS.map((input) => createHook(admin, { ...input, sourceIds: [source.id] })),
    );
    for (const { receiver } of hooks) cleanups.push(() => receiver.stop());

    const records = demoRecords(seed, 0, FRESH);
    const bodies: unknown[][] = SIZES.map((size, index) => {
      const from = SIZES.slice(0, index).reduce((sum, one) => sum + one, 0);
      return records.slice(from, from + size);
    });
    bodies[5]!.push(...records.slice(0, REPEATED), { eventTime: 'yesterday' });

    const doomed = crew.start(crashAt);
    const { statuses } = await pushApart(app, source, bodies);
    expect(await doomed.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
    await app.core.valkey.flushall();
    if (this.heir) this.heir.kill('SIGCONT');
    else this.heir = crew.start();
    await drained(app, 90_000);
    // The door told each sender whether its records were stored by then; either way they are kept.
    for (const status of await statuses) expect([200, 503]).toContain(status);
    await Promise.all(hooks.map(({ id }) => this.restsOn(id)));
    this.heir.kill('SIGSTOP'); // Not ended: the start of a process is what takes most time here.
    return { app, hooks, sourceId: source.id, records };
  }

  /** What an attempt was begun for keeps others away until its deadline and a margin have passed: all stages wait at once. */
  async end(outcomes: Outcome[]): Promise<void> {
    this.heir?.kill('SIGCONT');
    await Promise.all(
      outcomes.flatMap(({ hooks, records }) =>
        hooks.map((hook) => heardOfAll(this.app, hook, idsOf(records))),
      ),
    );
    await this.crew.killAll();
  }

  /** Waits until a webhook has made deliveries of everything and nothing of them is due. */
  private restsOn(webhookId: string): Promise<void> {
    const { core } = this.app;
    return eventually(
      async () => {
        const { position, ordered } = (await core.webhooks.get(webhookId))!;
        if (ordered) return true; // The first that is under way holds up the others.
        if (position.n < (await core.commits.head())) return false;
        const next = await core.deliveries.nextDueAt(webhookId);
        return next === null || next > core.now();
      },
      'nothing is due for the webhook',
      90_000,
    );
  }
}

async function createHook(admin: GraphqlClient, input: object): Promise<Hook> {
  const receiver = new WebhookReceiver();
  const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
    'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
    { input: { name: 'crash', url: await receiver.start(), timeoutMs: 10_000, ...input } },
  );
  receiver.trust(createWebhook.secret);
  return { id: createWebhook.webhook.id, receiver };
}

async function heardOfAll(
  app: TestTrailGraph,
  { id: webhookId, receiver }: Hook,
  ids: string[],
): Promise<void> {
  const wanted = new Set(ids);
  const heard = eventually(
    async () => {
      for (const { eventIds } of receiver.received) for (const id of eventIds) wanted.delete(id);
      await retryAtOnce(app, webhookId);
      return wanted.size === 0 && (await app.core.deliveries.pendingCount(webhookId, 1)) === 0;
    },
    'the receiver has heard of every event',
    90_000,
  );
  await heard.catch(async (error: unknown) => {
    const left = await app.core.deliveries.inOrder(webhookId, 3);
    throw new Error(`${String(error)}; ${wanted.size} were not, pending are ${JSON.stringify(left)}`);
  });
}

/** A receiver that was late on a busy machine hears again after minutes: not here. */
async function retryAtOnce(app: TestTrailGraph, webhookId: string): Promise<void> {
  const hasFailed = { $eq: ['$attemptCount', { $last: '$attempts.number' }] };
  await ledger(app)
    .db.collection('deliveries')
    .updateMany(
      { webhookId, state: 'PENDING', $expr: hasFailed },
      { $set: { nextAttemptAt: app.core.now() } },
    );
}

describe('a worker that is killed', () => {
  const outcomes = new Map<CrashAt, Promise<Outcome>>();
  const cleanups: (() => Promise<void>)[] = [];

  // Each lane takes every third stage. The events of a seed are its stage's own.
  beforeAll(() => {
    for (let first = 0; first < LANES; first++) {
      const stages = [...CRASHES.entries()].filter(([index]) => index % LANES === first);
      const ended = runLane(stages);
      for (const [, crashAt] of stages) {
        const outcome = ended.then((all) => all.get(crashAt)!);
        outcome.catch(() => undefined); // The test that waits for it tells.
        outcomes.set(crashAt, outcome);
      }
    }
  });
  afterAll(async () => {
    await Promise.allSettled(outcomes.values());
    for (const cleanup of cleanups.reverse()) await cleanup();
  }, WITHIN_MS);

  async function runLane(stages: [number, CrashAt][]): Promise<Map<CrashAt, Outcome>> {
    const lane = await Lane.open(cleanups);
    const done = new Map<CrashAt, Outcome>();
    for (const [index, crashAt] of stages) {
      const outcome = await lane.runThrough(crashAt, index + 1, cleanups).catch((error: unknown) => {
        throw new Error(`${crashAt}: ${String(error)}`);
      });
      done.set(crashAt, outcome);
    }
    await lane.end([...done.values()]);
    return done;
  }

  test.each(CRASHES)(
    'at %s, and Valkey emptied, leaves the same totals as one that lives, and every event reaches every webhook',
    async (crashAt) => {
      const { app, hooks, sourceId, records } = await outcomes.get(crashAt)!;
      const { batches, events, db } = ledger(app);

      const stored = await events.find({ sourceId }, { projection: { _id: 1 } }).toArray();
      expect(stored.map(({ _id }) => _id).sort()).toEqual(idsOf(records).sort());
      expect(await countersOf(app, sourceId)).toEqual(TOTALS);
      expect(await batches.countDocuments({ sourceId, state: 'DONE' })).toBe(SIZES.length);
      expect(await batches.countDocuments({ sourceId })).toBe(SIZES.length);
      expect(await db.collection('quarantine').countDocuments({ sourceId })).toBe(1);
      await expectConsistent(app);

      for (const { id, receiver } of hooks) {
        expect(receiver.faults).toEqual([]);
        const byId = receiver.byWebhookId();
        for (const bodies of byId.values()) for (const body of bodies) expect(body).toEqual(bodies[0]);
        // Each event belongs to one delivery: what came twice came under the same webhook-id.
        expect([...byId.values()].flatMap(([first]) => first).sort()).toEqual(idsOf(records).sort());
        expect(await app.core.deliveries.countByState(id, 'DELIVERED')).toBe(byId.size);
        expect(receiver.received.length - byId.size).toBeLessThanOrEqual(KILLS * UNDER_WAY);
      }
    },
    WITHIN_MS,
  );
});
