import type { Delivery } from '../src/domain/webhook';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { type Told, toldTo } from './support/operational';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Operational events that a webhook keeps until they are told, and deliveries of them that one may have before it. */
const MOST_KEPT = 50;
const MOST_PENDING = 1_000;

describe('operational events of which there are too many', () => {
  const receivers: Receiver[] = [];
  const logLines: string[] = [];
  let api: TestTrailGraph;
  let worker: TestTrailGraph | null = null;
  let admin: GraphqlClient;

  beforeAll(async () => {
    api = await startTrailGraph({ settings: { ROLE: 'api' } });
    admin = await api.admin();
  });
  afterAll(async () => {
    await worker?.stop();
    await api?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  interface Made {
    id: string;
    told(): Told[];
  }

  async function create(name: string, events: string[]): Promise<Made> {
    const receiver = new Receiver();
    receivers.push(receiver);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
      { input: { name, url: await receiver.start(), events } },
    );
    return { id: createWebhook.webhook.id, told: () => toldTo(receiver, createWebhook.secret) };
  }

  const webhooks = () => api.core.store.db.collection<{ _id: string }>('webhooks');
  const deliveries = () => api.core.store.db.collection<Delivery>('deliveries');
  /** A breaker that an operator closes, which is told of. */
  const closeBreaker = async ({ id }: Made, openUntil: Date): Promise<void> => {
    await webhooks().updateOne({ _id: id }, { $set: { 'breaker.openUntil': openUntil } });
    await api.core.webhooks.wake(id);
  };
  const outboxOf = async ({ id }: Made) => (await api.core.webhooks.get(id))!.outbox;

  test('are kept at a webhook up to 50, the newest; a webhook with 1,000 before it is told of none until some are settled', async () => {
    const restless = await create('restless', ['CLOUDTRAIL']);
    const [free, full] = [await create('free', ['OPERATIONAL']), await create('full', ['OPERATIONAL'])];

    // Nobody tells of anything yet.
    const first = new Date(Date.now() + 3_600_000);
    for (let n = 0; n < MOST_KEPT + 5; n++) await closeBreaker(restless, first);
    const kept = await outboxOf(restless);
    expect(kept).toHaveLength(MOST_KEPT);
    await closeBreaker(restless, first);
    const after = await outboxOf(restless);
    expect(after.map(({ id }) => id).slice(0, -1)).toEqual(kept.map(({ id }) => id).slice(1));

    const later = new Date(Date.now() + 86_400_000);
    const pending = Array.from({ length: MOST_PENDING }, (_, n) => pendingDelivery(full.id, n, later));
    await deliveries().insertMany(pending);
    worker = await startTrailGraph({ database: api.database, logLines });
    await eventually(async () => (await outboxOf(restless)).length === 0, 'all are told of');
    await eventually(() => free.told().length >= MOST_KEPT, 'who has room hears of each');
    expect(free.told()).toHaveLength(MOST_KEPT);
    expect(await deliveries().countDocuments({ webhookId: full.id })).toBe(MOST_PENDING);
    const warned = logLines.filter((line) => line.includes('too many operational events before it'));
    expect(warned).toHaveLength(MOST_KEPT);

    await deliveries().deleteMany({ _id: { $in: pending.slice(0, 10).map(({ _id }) => _id) } });
    await closeBreaker(restless, first);
    await eventually(() => full.told().length === 1, 'it hears of what came after');
    await eventually(() => free.told().length === MOST_KEPT + 1, 'the other one as well');
    expect(full.told()[0]!.type).toBe('trailgraph.webhook.breaker_closed');
  });
});

/** As one whose receiver has failed, and that waits for its next attempt. */
function pendingDelivery(webhookId: string, n: number, nextAttemptAt: Date): Delivery {
  const place = { n: 0, pos: n };
  return {
    _id: `dlv_${String(n).padStart(32, '0')}`,
    webhookId,
    state: 'PENDING',
    eventIds: [],
    operational: { type: 'trailgraph.webhook.test', body: '{}' },
    first: place,
    last: place,
    format: 'ENRICHED',
    revision: 1,
    batch: false,
    thin: false,
    attemptCount: 1,
    attempts: [],
    nextAttemptAt,
    createdAt: new Date(),
    completedAt: null,
    test: false,
  };
}
