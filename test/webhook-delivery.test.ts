import { createPublicKey, verify } from 'node:crypto';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAttempt, type Breaker, CLOSED_BREAKER, isOpen, isProbing } from '../src/domain/breaker';
import { demoRecord } from '../src/sources/demo/demo-record';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { type Received, Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

const records = (from: number, count: number): { eventID: string }[] =>
  Array.from(
    { length: count },
    (_, i) =>
      demoRecord({
        seed: 12,
        sourceId: 'test',
        n: from + i,
        eventTime: new Date(1_750_000_000_000 + (from + i) * SECOND),
      }) as unknown as { eventID: string },
  );

interface Stats {
  behind: number;
  pending: number;
  delivered: number;
  failed: number;
  consecutiveFailures: number;
  p50Ms: number | null;
  p95Ms: number | null;
  breakerOpenUntil: string | null;
}

interface DeliverySummary {
  id: string;
  state: string;
  test: boolean;
  eventIds: string[];
  attemptCount: number;
}

describe('the delivery of a webhook', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let next = 0;
  const receivers: Receiver[] = [];

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
  });
  afterAll(async () => {
    await app?.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  interface Made {
    receiver: Receiver;
    id: string;
    secret: string;
    publicKey: string | null;
  }

  async function create(input: object = {}): Promise<Made> {
    const receiver = new Receiver();
    receivers.push(receiver);
    const url = await receiver.start();
    const { createWebhook } = await admin.run<{
      createWebhook: { webhook: { id: string; publicKey: string | null }; secret: string };
    }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id publicKey } secret } }',
      { input: { name: 'test', url, ...input } },
    );
    return { receiver, secret: createWebhook.secret, ...createWebhook.webhook };
  }

  /** Stores records that no test has used yet. */
  async function store(count: number): Promise<string[]> {
    const list = records(next, count);
    next += count;
    await admin.ingest(list);
    return list.map(({ eventID }) => eventID);
  }

  async function read(id: string): Promise<{ state: string; stateReason: string | null; stats: Stats }> {
    const { webhook } = await admin.run<{
      webhook: { state: string; stateReason: string | null; stats: Stats };
    }>(
      `query ($id: ID!) { webhook(id: $id) { state stateReason stats {
        behind pending delivered failed consecutiveFailures p50Ms p95Ms breakerOpenUntil
      } } }`,
      { id },
    );
    return webhook;
  }

  async function deliveries(id: string): Promise<DeliverySummary[]> {
    const { webhook } = await admin.run<{ webhook: { deliveries: { nodes: DeliverySummary[] } } }>(
      'query ($id: ID!) { webhook(id: $id) { deliveries(first: 50) { nodes { id state test eventIds attemptCount } } } }',
      { id },
    );
    return webhook.deliveries.nodes;
  }

  const rotate = (id: string, graceSeconds?: number): Promise<{ rotateWebhookSecret: { secret: string } }> =>
    admin.run(
      'mutation ($id: ID!, $grace: Int) { rotateWebhookSecret(id: $id, graceSeconds: $grace) { secret } }',
      {
        id,
        grace: graceSeconds,
      },
    );

  /** Changes what is kept of a webhook, as time or an earlier holder would. */
  const age = (id: string, set: object): Promise<unknown> =>
    app.core.store.db.collection<{ _id: string }>('webhooks').updateOne({ _id: id }, { $set: set });

  const signatures = ({ headers }: Received): string[] => String(headers['webhook-signature']).split(' ');
  const verifies = (secret: string, { headers, body }: Received): boolean => {
    try {
      new Verifier(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  };

  test('is signed by the old secret as well while a new one takes its place, and by the new alone after that', async () => {
    const { id, secret, receiver } = await create();
    const { rotateWebhookSecret: rotated } = await rotate(id, 3_600);
    await store(1);
    await eventually(() => receiver.received.length === 1, 'it is sent');
    const both = receiver.received[0]!;
    expect(signatures(both)).toHaveLength(2);
    expect([verifies(secret, both), verifies(rotated.secret, both)]).toEqual([true, true]);

    await age(id, { 'oldSecrets.0.until': new Date(Date.now() - SECOND) });
    await store(1);
    await eventually(() => receiver.received.length === 2, 'it is sent');
    const one = receiver.received[1]!;
    expect([verifies(secret, one), verifies(rotated.secret, one)]).toEqual([false, true]);
    expect(signatures(one)).toHaveLength(1);
  });

  test('is signed by five secrets at most; without a grace the old one is out at once', async () => {
    const { id, receiver } = await create();
    for (let n = 0; n < 4; n++) await rotate(id);
    await expect(rotate(id)).rejects.toThrow(/5 secrets are valid already/);
    await expect(rotate(id, 604_801)).rejects.toThrow(/must lie between 0 and 604800/);
    await age(id, { oldSecrets: [] });
    const { rotateWebhookSecret: last } = await rotate(id, 0);
    await store(1);
    await eventually(() => receiver.received.length === 1, 'it is sent');
    expect(signatures(receiver.received[0]!)).toHaveLength(1);
    expect(verifies(last.secret, receiver.received[0]!)).toBe(true);
  });

  test('is signed by an ed25519 key too where that is asked for', async () => {
    const { publicKey, secret, receiver } = await create({ asymmetric: true });
    await store(1);
    await eventually(() => receiver.received.length === 1, 'it is sent');
    const { headers, body } = receiver.received[0]!;
    expect(verifies(secret, receiver.received[0]!)).toBe(true);
    const signature = signatures(receiver.received[0]!).find((each) => each.startsWith('v1a,'))!;
    const x = Buffer.from(publicKey!.slice('whpk_'.length), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const signed = (text: string): boolean =>
      verify(null, Buffer.from(text), key, Buffer.from(signature.slice('v1a,'.length), 'base64'));
    expect(signed(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)).toBe(true);
    expect(signed(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body} `)).toBe(false);
  });

  test('stops while the breaker is open, spends no attempt meanwhile, and goes on once a probe succeeds', async () => {
    const { id, receiver } = await create();
    receiver.answer = () => ({ status: 500 });
    const ids = await store(30);
    await eventually(async () => (await read(id)).stats.breakerOpenUntil !== null, 'the breaker opens');
    await eventually(
      async () => (await read(id)).stats.behind === 0 || receiver.received.length >= 10,
      'it stops',
    );
    const spent = receiver.received.length;
    expect(spent).toBeGreaterThanOrEqual(10);
    expect(spent).toBeLessThanOrEqual(13); // Those in flight when the tenth failed.
    const openUntil = Date.parse((await read(id)).stats.breakerOpenUntil!);
    expect(openUntil - Date.now()).toBeGreaterThan(20 * SECOND);
    await store(1); // A commit is a reason to look, but not to send.
    await eventually(async () => (await app.core.commits.head()) > 0, 'it is stored');
    expect(receiver.received).toHaveLength(spent);

    const past = new Date(Date.now() - SECOND);
    await age(id, { heldUntil: past, 'breaker.openUntil': past });
    await eventually(() => receiver.received.length === spent + 1, 'it is probed');
    await eventually(async () => (await read(id)).stats.breakerOpenUntil !== null, 'the breaker opens again');
    expect(receiver.received).toHaveLength(spent + 1);

    receiver.answer = () => ({ status: 204 });
    await age(id, { heldUntil: past, 'breaker.openUntil': past });
    await eventually(
      async () => {
        const { stats } = await read(id);
        return stats.pending === 0 && stats.behind === 0;
      },
      'all is delivered',
      60 * SECOND,
    );
    expect((await read(id)).stats).toMatchObject({
      delivered: 31,
      breakerOpenUntil: null,
      consecutiveFailures: 0,
    });
    const heard = receiver.received
      .slice(spent + 1)
      .map(({ body }) => (JSON.parse(body) as { data: { eventID: string } }).data.eventID);
    expect(heard).toEqual(expect.arrayContaining(ids));
  }, 240_000);

  test('is given up when every attempt of five days failed, with the reason', async () => {
    const { id, receiver } = await create();
    receiver.answer = () => ({ status: 503 });
    const since = new Date(Date.now() - 5 * DAY - SECOND);
    await age(id, { consecutiveFailures: 8, failingSince: since });
    await store(1);
    await eventually(async () => (await read(id)).stats.consecutiveFailures === 9, 'it fails once more');
    expect((await read(id)).state).toBe('ACTIVE');
    await store(1);
    await eventually(async () => (await read(id)).state === 'DISABLED', 'it is disabled');
    expect((await read(id)).stateReason).toContain(
      `every attempt since ${since.toISOString()} failed, 10 in all`,
    );
    receiver.answer = () => ({ status: 200 });
    await admin.run('mutation ($id: ID!) { resumeWebhook(id: $id) { id } }', { id });
    await store(1);
    await eventually(async () => (await read(id)).stats.delivered > 0, 'it goes on once resumed');
    expect(await read(id)).toMatchObject({ state: 'ACTIVE', stats: { consecutiveFailures: 0 } });
  });

  test('keeps to so many requests a second, also from one holder to the next', async () => {
    const { id, receiver } = await create({ maxPerSecond: 4 });
    await store(6);
    await eventually(async () => (await read(id)).stats.delivered === 6, 'all are delivered');
    await eventually(async () => (await app.core.webhooks.get(id))?.token === null, 'it is let go of');
    await store(3);
    await eventually(async () => (await read(id)).stats.delivered === 9, 'all are delivered');
    const times = receiver.received.map(({ at }) => at);
    for (const window of times.map((from) => times.filter((at) => at >= from && at < from + 950)))
      expect(window.length).toBeLessThanOrEqual(5); // Four a second, and one that lies on the border.
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(7 * 250 * 0.9);
  });

  test('keeps the order where that is asked for: what fails holds up all that comes after it', async () => {
    const { id, receiver } = await create({ ordered: true });
    const failing = new Set<string>();
    receiver.answer = ({ body }) => {
      const { eventID } = (JSON.parse(body) as { data: { eventID: string } }).data;
      if (!failing.delete(eventID)) return { status: 204 };
      return { status: 500 };
    };
    failing.add(records(next + 2, 1)[0]!.eventID);
    const all = await store(6);
    await eventually(async () => (await read(id)).stats.delivered === 6, 'all are delivered', 40 * SECOND);
    const heard = receiver.received.map(
      ({ body }) => (JSON.parse(body) as { data: { eventID: string } }).data.eventID,
    );
    expect(heard).toEqual([all[0], all[1], all[2], all[2], all[3], all[4], all[5]]);
  }, 240_000);

  test('can be tried with a sample of an event, once, without a retry', async () => {
    const { id, secret, receiver } = await create({ batchSize: 10 });
    const send = async (): Promise<DeliverySummary> =>
      (
        await admin.run<{ sendTestDelivery: DeliverySummary }>(
          'mutation ($id: ID!) { sendTestDelivery(webhookId: $id) { id state test eventIds attemptCount } }',
          { id },
        )
      ).sendTestDelivery;
    const sent = await send();
    expect(sent).toMatchObject({ state: 'PENDING', test: true, eventIds: [], attemptCount: 0 });
    await eventually(async () => (await deliveries(id))[0]?.state === 'DELIVERED', 'it arrives');
    expect(verifies(secret, receiver.received[0]!)).toBe(true);
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({
      type: 'cloudtrail.events.enriched',
      data: [
        { eventSource: 'trailgraph.test', eventName: 'TestDelivery', enrichment: { outcome: 'SUCCESS' } },
      ],
    });
    receiver.answer = () => ({ status: 500 });
    const failing = await send();
    await eventually(
      async () => (await deliveries(id)).find((each) => each.id === failing.id)?.state === 'FAILED',
      'it fails for good',
    );
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { id } }', { id });
    await expect(send()).rejects.toThrow(/The webhook is PAUSED: resume it first/);
  });

  test('can be sent again under the same webhook-id, or given up while it is pending', async () => {
    const { id, receiver } = await create();
    await store(1);
    await eventually(async () => (await deliveries(id))[0]?.state === 'DELIVERED', 'it arrives');
    const [delivered] = await deliveries(id);
    await admin.run('mutation ($id: ID!) { redeliver(id: $id) { state } }', { id: delivered!.id });
    await eventually(() => receiver.received.length === 2, 'it arrives again');
    const [first, second] = receiver.received;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body).toBe(first!.body);
    await eventually(async () => (await deliveries(id))[0]?.state === 'DELIVERED', 'that is noted');
    expect((await deliveries(id))[0]).toMatchObject({ attemptCount: 2 });
    const cancel = (delivery: string): Promise<{ cancelDelivery: { state: string } }> =>
      admin.run('mutation ($id: ID!) { cancelDelivery(id: $id) { state } }', { id: delivery });
    await expect(cancel(delivered!.id)).rejects.toThrow(/only one that is PENDING can be cancelled/);

    receiver.answer = () => ({ status: 500 });
    await store(1);
    await eventually(async () => (await deliveries(id))[0]?.attemptCount === 1, 'it fails at first');
    const pending = (await deliveries(id))[0]!;
    expect((await cancel(pending.id)).cancelDelivery.state).toBe('CANCELLED');
    await expect(cancel('dlv_none')).rejects.toThrow(/There is no delivery dlv_none/);
  });

  test('is traced for an event: who matched, who did not and why, and each attempt', async () => {
    const early = await store(1);
    const all = await create();
    const some = await create({ filter: { eventNames: ['NoSuchEvent'] } });
    const foreign = await create({ sourceIds: ['direct'], filter: { none: [{ sourceIds: ['direct'] }] } });
    const paused = await create();
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { id } }', { id: paused.id });
    const [id] = await store(1);
    await eventually(async () => (await read(all.id)).stats.delivered === 1, 'it is delivered');

    interface Trace {
      webhookId: string;
      matched: boolean;
      reason: string | null;
      deliveries: { state: string; attempts: { responseStatus: number }[] }[];
    }
    const trace = async (eventId: string): Promise<Map<string, Trace>> => {
      const { deliveryTrace } = await admin.run<{ deliveryTrace: Trace[] }>(
        `query ($eventId: ID!) { deliveryTrace(eventId: $eventId) {
          webhookId matched reason deliveries { state attempts { responseStatus } }
        } }`,
        { eventId },
      );
      return new Map(deliveryTrace.map((each) => [each.webhookId, each]));
    };
    const traces = await trace(id!);
    expect(traces.get(all.id)).toEqual({
      webhookId: all.id,
      matched: true,
      reason: null,
      deliveries: [{ state: 'DELIVERED', attempts: [{ responseStatus: 204 }] }],
    });
    expect(traces.get(some.id)).toMatchObject({ matched: false, deliveries: [] });
    expect(traces.get(some.id)!.reason).toBe('its filter, as it stands, does not match');
    expect(traces.get(foreign.id)).toMatchObject({ matched: false });
    expect(traces.get(paused.id)).toMatchObject({
      matched: true,
      reason: 'the webhook is PAUSED, and has not come so far yet',
    });
    expect((await trace(early[0]!)).get(all.id)).toMatchObject({
      matched: false,
      reason: 'it was stored before the webhook was made',
    });
    await expect(trace('none')).rejects.toThrow(/There is no event none/);
  });

  test('tells how long its receiver takes to answer', async () => {
    const { id } = await create();
    expect((await read(id)).stats).toMatchObject({ p50Ms: null, p95Ms: null });
    await store(3);
    await eventually(async () => (await read(id)).stats.p95Ms !== null, 'it is told');
    const { p50Ms, p95Ms } = (await read(id)).stats;
    expect(p50Ms!).toBeGreaterThanOrEqual(0);
    expect(p95Ms!).toBeGreaterThanOrEqual(p50Ms!);
  });
});

describe('the breaker', () => {
  const at = (seconds: number): Date => new Date(1_750_000_000_000 + seconds * SECOND);
  const fared = (outcomes: string, start: Breaker = CLOSED_BREAKER, from = 0, step = 1): Breaker =>
    [...outcomes].reduce(
      (breaker, outcome, i) => afterAttempt(breaker, outcome === 'x', at(from + i * step)),
      start,
    );

  test.each([
    ['nine failures', 'xxxxxxxxx', 1, false],
    ['ten failures', 'xxxxxxxxxx', 1, true],
    ['half of ten', '.x.x.x.x.x', 1, true],
    ['less than half', '.x.x.x.x..', 1, false],
    ['ten failures, a minute apart', 'xxxxxxxxxx', 60, false],
  ])('%s: %s, one every %s s', (_, outcomes, step, open) => {
    const breaker = fared(outcomes, CLOSED_BREAKER, 0, step);
    expect(isOpen(breaker, at(outcomes.length * step))).toBe(open);
  });

  test('is open for 30 s, then lets one attempt decide', () => {
    const open = fared('xxxxxxxxxx');
    expect(open.openUntil).toEqual(at(9 + 30));
    expect([isOpen(open, at(38)), isProbing(open, at(38))]).toEqual([true, false]);
    expect([isOpen(open, at(39)), isProbing(open, at(39))]).toEqual([false, true]);
    expect(afterAttempt(open, false, at(40))).toEqual({ minutes: [], openUntil: null });
    expect(afterAttempt(open, true, at(40)).openUntil).toEqual(at(70));
  });

  test('is not moved by what was in flight when it opened', () => {
    const open = fared('xxxxxxxxxx');
    expect(afterAttempt(open, false, at(12)).openUntil).toEqual(open.openUntil);
    expect(afterAttempt(open, true, at(12)).openUntil).toEqual(open.openUntil);
  });
});
