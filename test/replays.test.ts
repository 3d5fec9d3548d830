import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, demoRecords, idsOf, pushApart } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';
import { WorkerCrew } from './support/worker-process';

interface Replay {
  id: string;
  state: string;
  matched: number;
  sent: number;
  error: string | null;
}

const FIELDS = 'id state matched sent error';
const EVENTS = 2_500;
const WITHIN_MS = 240_000;

describe('a replay', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;
  let records: { eventID: string }[];
  const receivers: WebhookReceiver[] = [];

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    admin = await app.admin();
    crew = new WorkerCrew(app.environment);
    crew.start();
    records = demoRecords(31, 0, EVENTS);
    const source = await createPushSource(admin);
    const { statuses } = await pushApart(app, source, [records.slice(0, 1_200), records.slice(1_200)]);
    await app.drain();
    for (const status of await statuses) expect([200, 503]).toContain(status);
  }, WITHIN_MS);
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  async function createWebhook(batchSize: number): Promise<{ id: string; receiver: WebhookReceiver }> {
    const receiver = new WebhookReceiver();
    receivers.push(receiver);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
      { input: { name: 'late', url: await receiver.start(), batchSize } },
    );
    receiver.trust(createWebhook.secret);
    return { id: createWebhook.webhook.id, receiver };
  }

  const replayEvents = async (webhookId: string, filter: object, dryRun = false): Promise<Replay> =>
    (
      await admin.run<{ replayEvents: Replay }>(
        `mutation ($webhookId: ID!, $filter: EventFilter!, $dryRun: Boolean) {
          replayEvents(webhookId: $webhookId, filter: $filter, dryRun: $dryRun) { ${FIELDS} }
        }`,
        { webhookId, filter, dryRun },
      )
    ).replayEvents;

  const redeliverAll = async (filter: object, dryRun = false): Promise<Replay> =>
    (
      await admin.run<{ redeliverAll: Replay }>(
        `mutation ($filter: DeliveryFilter!, $dryRun: Boolean) {
          redeliverAll(filter: $filter, dryRun: $dryRun) { ${FIELDS} }
        }`,
        { filter, dryRun },
      )
    ).redeliverAll;

  async function read(id: string): Promise<Replay> {
    const { replay } = await admin.run<{ replay: Replay }>(
      `query ($id: ID!) { replay(id: $id) { ${FIELDS} } }`,
      { id },
    );
    return replay;
  }

  const ended = async (id: string): Promise<Replay> => {
    await eventually(async () => (await read(id)).state !== 'RUNNING', 'the replay ends', WITHIN_MS);
    return read(id);
  };

  const settled = (webhookId: string): Promise<void> =>
    eventually(
      async () => (await app.core.deliveries.pendingCount(webhookId, 1)) === 0,
      'every delivery is settled',
      WITHIN_MS,
    );

  const heard = (receiver: WebhookReceiver): string[] =>
    receiver.received.flatMap(({ eventIds }) => eventIds);

  /** Has the only worker killed where it is told to, and another one go on. */
  async function killedAt(point: `replay-page-made${string}`, work: () => Promise<Replay>): Promise<Replay> {
    await crew.killAll();
    const doomed = crew.start(point as 'replay-page-made');
    const replay = await work();
    expect(await doomed.ended(40_000)).toEqual({ code: null, signal: 'SIGKILL' });
    crew.start();
    return replay;
  }

  test('that only counts sends nothing', async () => {
    const { id, receiver } = await createWebhook(100);
    expect(await replayEvents(id, {}, true)).toMatchObject({ state: 'DONE', matched: EVENTS, sent: 0 });
    const some = idsOf(records.slice(10, 13));
    expect(await replayEvents(id, { ids: some }, true)).toMatchObject({ matched: 3 });
    expect(receiver.received).toEqual([]);
  });

  test('of events stored before the webhook was made hands over each once, in the order of their times, also when its worker is killed midway', async () => {
    const { id, receiver } = await createWebhook(100);
    const started = await killedAt('replay-page-made:2', () => replayEvents(id, {}));
    expect(await ended(started.id)).toMatchObject({
      state: 'DONE',
      matched: EVENTS,
      sent: EVENTS,
      error: null,
    });
    await settled(id);
    expect(receiver.faults).toEqual([]);
    expect(new Set(heard(receiver)).size).toBe(EVENTS);
    // What was in flight when the worker was killed may come again, under the same webhook-id.
    for (const bodies of receiver.byWebhookId().values())
      for (const ids of bodies) expect(ids).toEqual(bodies[0]);
    const once = [...receiver.byWebhookId().values()].flatMap(([ids]) => ids);
    expect(once.sort()).toEqual(idsOf(records).sort());
  }, 240_000);

  test('of failed deliveries sends each again under its own webhook-id, also when its worker is killed midway', async () => {
    const { id, receiver } = await createWebhook(5);
    const first = await replayEvents(id, {});
    await ended(first.id);
    await settled(id);
    const before = new Map(receiver.byWebhookId());
    expect(before.size).toBe(EVENTS / 5);
    receiver.received.length = 0;
    // As if the schedule of each had run out.
    const deliveries = app.core.store.db.collection('deliveries');
    await deliveries.updateMany({ webhookId: id }, { $set: { state: 'FAILED', attemptCount: 10 } });
    expect(await redeliverAll({ webhookIds: [id] }, true)).toMatchObject({ matched: 500, sent: 0 });

    const started = await killedAt('replay-page-made:2', () => redeliverAll({ webhookIds: [id] }));
    expect(await ended(started.id)).toMatchObject({ state: 'DONE', matched: 500, sent: 500 });
    await settled(id);
    expect(receiver.faults).toEqual([]);
    const after = receiver.byWebhookId();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [webhookId, bodies] of after)
      for (const ids of bodies) expect(ids).toEqual(before.get(webhookId)![0]);
    expect(await deliveries.countDocuments({ webhookId: id, state: 'DELIVERED' })).toBe(500);
  }, 240_000);

  test('can be cancelled, and is listed', async () => {
    const { id } = await createWebhook(1);
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { id } }', { id });
    const running = await replayEvents(id, {});
    // A webhook with a thousand unsettled deliveries is given no more.
    await eventually(
      async () => (await read(running.id)).sent === 1_000,
      'a thousand are handed over',
      WITHIN_MS,
    );
    const { cancelReplay } = await admin.run<{ cancelReplay: Replay }>(
      `mutation ($id: ID!) { cancelReplay(id: $id) { ${FIELDS} } }`,
      { id: running.id },
    );
    expect(cancelReplay).toMatchObject({ state: 'CANCELLED', sent: 1_000 });
    const { replays } = await admin.run<{ replays: { id: string; webhookId: string }[] }>(
      '{ replays(first: 1) { id webhookId } }',
    );
    expect(replays).toEqual([{ id: running.id, webhookId: id }]);
    await expect(
      admin.run('mutation ($id: ID!) { cancelReplay(id: $id) { id } }', { id: running.id }),
    ).rejects.toThrow(/is CANCELLED already/);
  });

  test('whose webhook is deleted fails and says so; what can not be is refused', async () => {
    const { id } = await createWebhook(1);
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { id } }', { id });
    const running = await replayEvents(id, {});
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id });
    expect(await ended(running.id)).toMatchObject({ state: 'FAILED', error: 'the webhook was deleted' });
    await expect(replayEvents('whk_none', {})).rejects.toThrow(/There is no webhook whk_none/);
    await expect(redeliverAll({ states: ['DELIVERED'] })).rejects.toThrow(
      /only FAILED deliveries are sent again/,
    );
  });
});
