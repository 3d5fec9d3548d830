import { linesOf } from '../src/cli/listen/describe';
import type { Delivery } from '../src/domain/webhook';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords } from './support/ledger';
import { metricsText } from './support/live-state';
import { type Told, toldTo } from './support/operational';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { webhookSchemas } from './support/webhook-schemas';
import { WorkerCrew } from './support/worker-process';

const SECOND = 1_000;
const SCHEMAS: Record<string, string> = {
  'trailgraph.webhook.disabled': 'webhook-disabled.json',
  'trailgraph.webhook.breaker_opened': 'webhook-breaker-opened.json',
  'trailgraph.webhook.breaker_closed': 'webhook-breaker-closed.json',
  'trailgraph.webhook.delivery_exhausted': 'webhook-delivery-exhausted.json',
  'trailgraph.webhook.test': 'webhook-test.json',
};

interface Made {
  id: string;
  secret: string;
  url: string;
  receiver: Receiver;
}

describe('operational events', () => {
  const schemas = webhookSchemas();
  const logLines: string[] = [];
  const receivers: Receiver[] = [];
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let operator: Made;
  let next = 0;

  beforeAll(async () => {
    app = await startTrailGraph({ logLines });
    admin = await app.admin();
    operator = await create({ name: 'operator', events: ['OPERATIONAL'], format: 'SLACK', batchSize: 10 });
  });
  afterAll(async () => {
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  async function create(input: object = {}): Promise<Made> {
    const receiver = new Receiver();
    receivers.push(receiver);
    const url = `${await receiver.start()}?key=hidden`;
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
      { input: { name: 'test', url, ...input } },
    );
    return { id: createWebhook.webhook.id, secret: createWebhook.secret, url, receiver };
  }

  const remove = ({ id }: Made): Promise<unknown> =>
    admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id });

  async function store(count: number): Promise<void> {
    await admin.ingest(demoRecords(92, next, count));
    next += count;
  }

  /** Changes what is kept of a webhook, as time would. */
  const age = (id: string, set: object): Promise<unknown> =>
    app.core.store.db.collection<{ _id: string }>('webhooks').updateOne({ _id: id }, { $set: set });

  const told = (subject: Made, hearer = operator): Told[] =>
    toldTo(hearer.receiver, hearer.secret).filter(({ data }) => data.webhookId === subject.id);

  async function heard(subject: Made, change: string, hearer = operator): Promise<Told> {
    const type = `trailgraph.webhook.${change}`;
    let found: Told | undefined;
    await eventually(() => {
      found = told(subject, hearer).findLast((each) => each.type === type);
      return found !== undefined;
    }, `${type} is heard of`);
    return found!;
  }

  const counted = async (change: string): Promise<number> =>
    Number(
      new RegExp(`^trailgraph_webhook_state_changes_total\\{change="${change}"\\} (\\d+)$`, 'm').exec(
        await metricsText(app),
      )?.[1] ?? 0,
    );

  test('tell that a webhook was disabled, with the reason and without the query of its URL', async () => {
    const hook = await create({ name: 'gone' });
    hook.receiver.answer = () => ({ status: 410 });
    await store(1);
    const { timestamp, data } = await heard(hook, 'disabled');
    expect(data).toEqual({
      webhookId: hook.id,
      name: 'gone',
      url: hook.url.split('?')[0],
      reason: 'the receiver answered 410 Gone: it wants nothing any more',
      cause: 'gone',
      consecutiveFailures: 1,
    });
    expect(Date.parse(timestamp)).toBeLessThanOrEqual(Date.now());
    expect(await counted('disabled')).toBe(1);
    const line = logLines.map((text) => JSON.parse(text)).find(({ change }) => change === 'disabled');
    expect(line).toMatchObject({ webhookId: hook.id, reason: data.reason });
    await remove(hook);
  });

  test('tell that a breaker opened, once however many probes fail, and that it closed', async () => {
    const hook = await create({ name: 'flapping' });
    hook.receiver.answer = () => ({ status: 500 });
    await store(20);
    const { data: opened } = await heard(hook, 'breaker_opened');
    expect(opened.reason).toBe(`${opened.failures} of ${opened.attempts} attempts in five minutes failed`);
    const past = (): Date => new Date(Date.now() - SECOND);
    const attempts = hook.receiver.received.length;
    await age(hook.id, { heldUntil: past(), 'breaker.openUntil': past() });
    await eventually(() => hook.receiver.received.length === attempts + 1, 'it is probed');
    await eventually(
      async () => (await app.core.webhooks.get(hook.id))!.breaker.openUntil! > new Date(),
      'the probe failed',
    );
    hook.receiver.answer = () => ({ status: 204 });
    await age(hook.id, { heldUntil: past(), 'breaker.openUntil': past() });
    expect((await heard(hook, 'breaker_closed')).data).toMatchObject({ name: 'flapping', cause: 'probe' });
    expect(told(hook).map(({ type }) => type)).toEqual([
      'trailgraph.webhook.breaker_opened',
      'trailgraph.webhook.breaker_closed',
    ]);
    await remove(hook);
  });

  test('tell that a breaker closed where an operator has the webhook tried again', async () => {
    const hook = await create();
    hook.receiver.answer = () => ({ status: 500 });
    await store(15);
    await heard(hook, 'breaker_opened');
    hook.receiver.answer = () => ({ status: 204 });
    await admin.run('mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id } }', { id: hook.id });
    expect((await heard(hook, 'breaker_closed')).data.cause).toBe('operator');
    await remove(hook);
  });

  test('tell nothing more of a breaker that an operator closed while a probe was under way, and it stays closed', async () => {
    const hook = await create({ name: 'probed', batchSize: 1 });
    hook.receiver.answer = () => ({ status: 500 });
    await store(15);
    await heard(hook, 'breaker_opened');
    // The probe is under way: its answer waits for the test.
    const answers: ((status: number) => void)[] = [];
    hook.receiver.answer = () => new Promise((resolve) => answers.push((status) => resolve({ status })));
    const past = new Date(Date.now() - SECOND);
    await age(hook.id, { 'breaker.openUntil': past, heldUntil: past, nextDueAt: past });
    await app.core.store.db
      .collection<Delivery>('deliveries')
      .updateMany({ webhookId: hook.id, state: 'PENDING' }, { $set: { nextAttemptAt: past } });
    await eventually(() => answers.length === 1, 'the probe has come');
    await admin.run('mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id } }', { id: hook.id });
    expect((await heard(hook, 'breaker_closed')).data.cause).toBe('operator');
    answers[0]!(500);
    // What comes after it are attempts as any others are.
    await eventually(() => answers.length === 2, 'the next one has come');
    expect(await breakerOf(hook.id)).toBeNull();
    expect((await app.core.webhooks.get(hook.id))!.breaker.openUntil).toBeNull();
    hook.receiver.answer = () => ({ status: 204 });
    answers[1]!(204);
    await eventually(
      async () => (await app.core.webhooks.get(hook.id))!.consecutiveFailures === 0,
      'it works',
    );
    expect(told(hook).map(({ type }) => type)).toEqual([
      'trailgraph.webhook.breaker_opened',
      'trailgraph.webhook.breaker_closed',
    ]);
    await remove(hook);
  });

  test('leave a webhook that was changed while an attempt was under way as it was changed to', async () => {
    const hook = await create({ name: 'changed', batchSize: 1 });
    const answers: ((status: number) => void)[] = [];
    hook.receiver.answer = () => new Promise((resolve) => answers.push((status) => resolve({ status })));
    const since = new Date(Date.now() - 6 * 86_400 * SECOND);
    await age(hook.id, { consecutiveFailures: 30, failingSince: since });
    await store(1);
    await eventually(() => answers.length === 1, 'the attempt has come');
    const mended = new Receiver();
    receivers.push(mended);
    await admin.run(
      'mutation ($id: ID!, $url: String!) { updateWebhook(id: $id, input: { url: $url }) { id } }',
      {
        id: hook.id,
        url: await mended.start(),
      },
    );
    // By the old address it would be given up now.
    answers[0]!(410);
    await store(1);
    await eventually(() => mended.received.length > 0, 'the new address is tried');
    expect((await app.core.webhooks.get(hook.id))!.state).toBe('ACTIVE');
    expect(told(hook)).toEqual([]);
    await remove(hook);
  });

  const breakerOf = async (id: string): Promise<string | null> =>
    (
      await admin.run<{ webhook: { stats: { breakerOpenUntil: string | null } } }>(
        'query ($id: ID!) { webhook(id: $id) { stats { breakerOpenUntil } } }',
        { id },
      )
    ).webhook.stats.breakerOpenUntil;

  test('tell of deliveries that were given up at once, then once a minute by their number', async () => {
    const hook = await create({ name: 'exhausted', batchSize: 1 });
    const deliveries = app.core.store.db.collection<Delivery>('deliveries');
    const exhaust = async (count: number): Promise<void> => {
      await app.core.deliveries.insertMissing(
        Array.from({ length: count }, (_, i): Delivery => {
          const now = new Date();
          return {
            _id: `dlv_${hook.id}_${next}_${i}`,
            webhookId: hook.id,
            state: 'PENDING',
            eventIds: [],
            first: { n: 0, pos: i },
            last: { n: 0, pos: i },
            format: 'RAW',
            revision: 1,
            batch: true,
            thin: false,
            // The tenth attempt is the last.
            attemptCount: 9,
            attempts: [],
            nextAttemptAt: now,
            createdAt: now,
            completedAt: null,
            test: false,
          };
        }),
      );
      next++;
      await app.core.webhooks.wake(hook.id);
    };
    hook.receiver.answer = () => ({ status: 500 });
    await exhaust(1);
    const { data: first } = await heard(hook, 'delivery_exhausted');
    expect(first).toMatchObject({ name: 'exhausted', count: 1 });
    expect(first.deliveryIds).toEqual([expect.stringMatching(/^dlv_/)]);

    // A minute has not passed: what is given up now is counted, not told.
    await deliveries.updateMany({ webhookId: hook.id }, { $unset: { exhaustedAt: true } });
    const now = Date.now();
    await deliveries.insertMany(
      Array.from({ length: 1_000 }, (_, i) => ({
        _id: `dlv_${hook.id}_bulk${i}`,
        webhookId: hook.id,
        state: 'FAILED',
        exhaustedAt: new Date(now + i),
      })) as unknown as Delivery[],
    );
    // The next pass that asks comes after two seconds: by then another event has gone the same way.
    await age(operator.id, { exhaustedToldAt: null });
    const beside = await create();
    beside.receiver.answer = () => ({ status: 410 });
    await store(1);
    await heard(beside, 'disabled');
    expect(told(hook).filter(({ type }) => type.endsWith('exhausted'))).toHaveLength(1);
    await age(hook.id, { exhaustedToldAt: new Date(Date.now() - 61 * SECOND) });
    await eventually(
      () => told(hook).some(({ data }) => data.count === 1_000),
      'the others are told of by their number',
    );
    const all = told(hook).filter(({ type }) => type.endsWith('exhausted'));
    expect(all.map(({ data }) => data.count)).toEqual([1, 1_000]);
    expect(all[1]!.data.deliveryIds).toHaveLength(10);
    expect(await deliveries.countDocuments({ exhaustedAt: { $exists: true } })).toBe(0);
    await remove(hook);
    await remove(beside);
  });

  test('do not go in circles: two that fail and hear of each other are told of little, and of their own nothing', async () => {
    const both = [
      await create({ name: 'a', events: ['CLOUDTRAIL', 'OPERATIONAL'] }),
      await create({ name: 'b', events: ['CLOUDTRAIL', 'OPERATIONAL'] }),
    ];
    for (const { receiver } of both) receiver.answer = () => ({ status: 500 });
    const before = operator.receiver.received.length;
    await store(12);
    await eventually(
      async () =>
        (await Promise.all(both.map(({ id }) => app.core.webhooks.get(id)))).every(
          (each) => each!.breaker.openUntil !== null,
        ),
      'both breakers are open',
    );
    await eventually(
      async () =>
        (await app.core.store.db
          .collection('webhooks')
          .countDocuments({ deletedAt: null, 'outbox.0': { $exists: true } })) === 0,
      'all is told of',
    );
    const about = await app.core.store.db
      .collection<Delivery>('deliveries')
      .find({
        operational: { $exists: true },
        webhookId: { $in: [...both.map(({ id }) => id), operator.id] },
      })
      .toArray();
    const subjects = about.map(({ operational }) => (JSON.parse(operational!.body) as Told).data.webhookId);
    for (const { id } of both) expect(subjects).not.toContain(id);
    expect(operator.receiver.received).toHaveLength(before);
    // But that one of them is given up, the others hear, and it does not.
    both[1]!.receiver.answer = () => ({ status: 204 });
    await age(both[0]!.id, {
      failingSince: new Date(Date.now() - 6 * 86_400 * SECOND),
      consecutiveFailures: 30,
    });
    const past = new Date(Date.now() - SECOND);
    for (const { id } of both) await age(id, { heldUntil: past, 'breaker.openUntil': past });
    expect((await heard(both[0]!, 'disabled')).data.cause).toBe('failing');
    expect((await heard(both[0]!, 'disabled', both[1]!)).data.name).toBe('a');
    expect(told(both[0]!, both[0]!)).toEqual([]);
    for (const hook of both) await remove(hook);
  }, 240_000);

  test('are all that an operational webhook hears, in JSON of their own; each is a delivery like any other', async () => {
    await admin.run('mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id } }', { id: operator.id });
    await heard(operator, 'test');
    const all = toldTo(operator.receiver, operator.secret);
    expect(operator.receiver.received).toHaveLength(all.length);
    const faults = all.flatMap((body) => {
      const schema = schemas.get(SCHEMAS[body.type]!)!;
      return schema(body) ? [] : [body, schema.errors];
    });
    expect(faults).toEqual([]);
    expect(new Set(all.map(({ type }) => type))).toEqual(new Set(Object.keys(SCHEMAS)));
    // As `trailgraph listen` shows them.
    const { timestamp, data } = all[0]!;
    expect(linesOf(all[0])).toEqual([`${timestamp}  ${all[0]!.type}  ${data.name}  ${data.reason}`]);
    const { webhook } = await admin.run<{
      webhook: {
        events: string[];
        stats: { behind: number };
        deliveries: { nodes: { state: string; operationalType: string; eventIds: string[] }[] };
      };
    }>(
      `query ($id: ID!) { webhook(id: $id) {
        events stats { behind } deliveries(first: 50) { nodes { state operationalType eventIds } }
      } }`,
      { id: operator.id },
    );
    expect(webhook.events).toEqual(['OPERATIONAL']);
    expect(webhook.deliveries.nodes.map(({ operationalType }) => operationalType).sort()).toEqual(
      all.map(({ type }) => type).sort(),
    );
    await eventually(
      async () => (await app.core.deliveries.countByState(operator.id, 'DELIVERED')) === all.length,
      'all are settled',
    );
  });

  test('are heard by whom asks for them, from then on: null goes back to CloudTrail, an empty list is refused', async () => {
    const hook = await create();
    const update = (events: string[] | null): Promise<{ updateWebhook: { events: string[] } }> =>
      admin.run(
        'mutation ($id: ID!, $events: [WebhookEventType!]) { updateWebhook(id: $id, input: { events: $events }) { events } }',
        { id: hook.id, events },
      );
    expect((await update(['OPERATIONAL', 'OPERATIONAL'])).updateWebhook.events).toEqual(['OPERATIONAL']);
    await store(3);
    await eventually(async () => {
      const { webhook } = await admin.run<{ webhook: { stats: { behind: number } } }>(
        'query ($id: ID!) { webhook(id: $id) { stats { behind } } }',
        { id: hook.id },
      );
      return webhook.stats.behind === 0;
    }, 'it passes over what is stored');
    expect((await update(null)).updateWebhook.events).toEqual(['CLOUDTRAIL']);
    await store(2);
    await eventually(() => hook.receiver.received.length === 2, 'it hears of what is stored from then on');
    await expect(update([])).rejects.toThrow(/events must name one at least/);
    await remove(hook);
  });
});

test('operational events are sent once, also where workers are killed between the change and the sending', async () => {
  const app = await startTrailGraph({ settings: { ROLE: 'api' } });
  const crew = new WorkerCrew(app.environment);
  const [gone, operator] = [new Receiver(), new Receiver()];
  gone.answer = () => ({ status: 410 });
  try {
    const admin = await app.admin();
    const create = async (receiver: Receiver, events: string[]): Promise<{ id: string; secret: string }> => {
      const { createWebhook: made } = await admin.run<{
        createWebhook: { webhook: { id: string }; secret: string };
      }>(
        'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
        { input: { name: 'test', url: await receiver.start(), events } },
      );
      return { id: made.webhook.id, secret: made.secret };
    };
    const subject = await create(gone, ['CLOUDTRAIL']);
    const hearer = await create(operator, ['OPERATIONAL']);
    /** What one worker does for all it would else do only when the lease of the killed one has run out. */
    const freeLeases = (): Promise<unknown> => app.core.store.db.collection('leases').deleteMany({});
    await admin.run('mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id } }', { id: subject.id });
    const killed = { code: null, signal: 'SIGKILL' };
    expect(await crew.start('operational-event-kept').ended(40_000)).toEqual(killed);
    expect((await app.core.webhooks.get(subject.id))!.state).toBe('DISABLED');
    await freeLeases();
    expect(await crew.start('operational-deliveries-made').ended(40_000)).toEqual(killed);
    await freeLeases();
    crew.start();
    await eventually(
      async () =>
        (await app.core.deliveries.countByState(hearer.id, 'DELIVERED')) === 1 &&
        (await app.core.webhooks.get(subject.id))!.outbox.length === 0,
      'it is told of',
      40_000,
    );
    const ids = new Set(operator.received.map(({ headers }) => headers['webhook-id']));
    expect(ids.size).toBe(1);
    expect(toldTo(operator, hearer.secret).map(({ type, data }) => [type, data.webhookId])).toEqual([
      ['trailgraph.webhook.disabled', subject.id],
    ]);
  } finally {
    await crew.killAll();
    await app.stop();
    await Promise.all([gone.stop(), operator.stop()]);
  }
}, 240_000);
