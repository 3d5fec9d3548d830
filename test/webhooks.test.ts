import { demoRecord } from '../src/sources/demo/demo-record';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { Receiver } from './support/receiver';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const records = (from: number, count: number): object[] =>
  Array.from({ length: count }, (_, i) =>
    demoRecord({
      seed: 11,
      sourceId: 'test',
      n: from + i,
      eventTime: new Date(1_750_000_000_000 + (from + i) * 1000),
    }),
  );

const idsOf = (list: object[]): string[] => list.map((record) => (record as { eventID: string }).eventID);

describe('a webhook', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let next = 0;
  const receivers: Receiver[] = [];

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
  });
  afterAll(async () => {
    await app.stop();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  async function receiver(): Promise<{ receiver: Receiver; url: string }> {
    const made = new Receiver();
    receivers.push(made);
    return { receiver: made, url: await made.start() };
  }

  async function create(input: object): Promise<{ id: string; secret: string }> {
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
      { input: { name: 'test', ...input } },
    );
    return { id: createWebhook.webhook.id, secret: createWebhook.secret };
  }

  /** Stores records that no test has used yet. */
  async function store(count: number): Promise<object[]> {
    const list = records(next, count);
    next += count;
    await admin.ingest(list);
    return list;
  }

  const stats = async (id: string): Promise<Record<string, number>> =>
    (
      await admin.run<{ webhook: { stats: Record<string, number> } }>(
        'query ($id: ID!) { webhook(id: $id) { stats { behind pending delivered failed consecutiveFailures } } }',
        { id },
      )
    ).webhook.stats;

  test('hears of every event once, one a request, signed', async () => {
    const { receiver: hook, url } = await receiver();
    const { id, secret } = await create({ url });
    const list = await store(40);
    await eventually(() => hook.received.length === 40, 'all events came');
    expect(hook.eventIds(secret).sort()).toEqual(idsOf(list).sort());
    const body = JSON.parse(hook.received[0]!.body) as {
      type: string;
      timestamp: string;
      data: { enrichment: object };
    };
    expect(body.type).toBe('cloudtrail.event.enriched');
    expect(body.data.enrichment).toHaveProperty('actor.name');
    expect(hook.received[0]!.headers['user-agent']).toBe('TrailGraph/0.0.0-test');
    await eventually(async () => (await stats(id)).delivered === 40, 'all are settled');
    expect(await stats(id)).toEqual({
      behind: 0,
      pending: 0,
      delivered: 40,
      failed: 0,
      consecutiveFailures: 0,
    });
  });

  test('with batchSize gets lists, the last one after a second at most', async () => {
    const { receiver: hook, url } = await receiver();
    const { secret } = await create({ url, batchSize: 100 });
    const list = await store(250);
    await eventually(() => hook.received.length === 3, 'three lists came');
    const sizes = hook.received.map(({ body }) => (JSON.parse(body) as { data: unknown[] }).data.length);
    expect(sizes.sort((a, b) => a - b)).toEqual([50, 100, 100]);
    expect(hook.eventIds(secret).sort()).toEqual(idsOf(list).sort());
  });

  test('that answers 500 at first gets the event again under the same webhook-id', async () => {
    const { receiver: hook, url } = await receiver();
    hook.answer = (_, index) => ({ status: index === 0 ? 500 : 200 });
    const { id, secret } = await create({ url });
    await store(1);
    await eventually(() => hook.received.length === 2, 'the retry came', 25_000);
    expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(hook.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(hook.eventIds(secret)).size).toBe(1);
    await eventually(async () => (await stats(id)).delivered === 1, 'it is settled');
    const { deliveries } = await admin.run<{ deliveries: { nodes: { attempts: object[] }[] } }>(
      'query ($id: ID!) { deliveries(filter: { webhookIds: [$id] }) { nodes { state attemptCount attempts { number responseStatus failure } } } }',
      { id },
    );
    expect(deliveries.nodes).toEqual([
      {
        state: 'DELIVERED',
        attemptCount: 2,
        attempts: [
          { number: 1, responseStatus: 500, failure: 'http_5xx' },
          { number: 2, responseStatus: 200, failure: null },
        ],
      },
    ]);
  });

  test('that hangs or redirects to a metadata address does not hold up another one', async () => {
    const hanging = await receiver();
    hanging.receiver.answer = () => null;
    const redirecting = await receiver();
    redirecting.receiver.answer = () => ({
      status: 302,
      headers: { location: 'http://169.254.169.254/latest/meta-data' },
    });
    const healthy = await receiver();
    const slow = await create({ url: hanging.url, timeoutMs: 1_000 });
    const moved = await create({ url: redirecting.url });
    const good = await create({ url: healthy.url });
    const list = await store(20);
    await eventually(() => healthy.receiver.received.length === 20, 'the healthy one heard of all', 5_000);
    expect(healthy.receiver.eventIds(good.secret).sort()).toEqual(idsOf(list).sort());
    const failures = async (id: string): Promise<unknown[]> =>
      (
        await admin.run<{ webhook: { deliveries: { nodes: { attempts: { failure: string }[] }[] } } }>(
          'query ($id: ID!) { webhook(id: $id) { deliveries(first: 50) { nodes { attempts { failure } } } } }',
          { id },
        )
      ).webhook.deliveries.nodes.flatMap(({ attempts }) => attempts.map(({ failure }) => failure));
    // The breaker opens at the tenth.
    await eventually(async () => (await failures(moved.id)).length >= 10, 'the redirects are noted');
    expect(new Set(await failures(moved.id))).toEqual(new Set(['http_3xx']));
    await eventually(async () => (await failures(slow.id)).includes('timeout'), 'the hanging one is noted');
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: slow.id });
    await admin.run('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: moved.id });
  });

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/',
    'http://0xa9fea9fe/',
    'http://10.0.0.1/',
    'ftp://example.com/',
    'https://user:pass@example.com/',
    'not a url',
  ])('at %s is refused when it is made', async (url) => {
    const { errors } = await admin.raw(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
      {
        input: { name: 'bad', url },
      },
    );
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['input', 'url'] }],
    });
  });

  test('at a name that resolves to a blocked address sends nothing there', async () => {
    const { receiver: hook, url } = await receiver();
    const strict = await startTrailGraph({ settings: { WEBHOOK_ALLOW_CIDRS: '' } });
    try {
      const client = await strict.admin();
      const named = url.replace('127.0.0.1', 'localhost');
      await client.run(
        'mutation ($url: String!) { createWebhook(input: { name: "local", url: $url }) { webhook { id } } }',
        { url: named },
      );
      await client.ingest(records(0, 1));
      const attempts = async (): Promise<{ failure: string }[]> =>
        (
          await client.run<{ deliveries: { nodes: { attempts: { failure: string }[] }[] } }>(
            '{ deliveries { nodes { attempts { failure } } } }',
          )
        ).deliveries.nodes.flatMap((delivery) => delivery.attempts);
      await eventually(async () => (await attempts()).length > 0, 'an attempt is noted');
      expect((await attempts())[0]).toEqual({ failure: 'blocked_address' });
      expect(hook.received).toEqual([]);
    } finally {
      await strict.stop();
    }
  });

  test('that answers 410 is disabled, with the reason', async () => {
    const { receiver: hook, url } = await receiver();
    hook.answer = () => ({ status: 410 });
    const { id } = await create({ url });
    await store(1);
    const read = async (): Promise<{ state: string; stateReason: string }> =>
      (
        await admin.run<{ webhook: { state: string; stateReason: string } }>(
          'query ($id: ID!) { webhook(id: $id) { state stateReason } }',
          { id },
        )
      ).webhook;
    await eventually(async () => (await read()).state === 'DISABLED', 'it is disabled');
    expect((await read()).stateReason).toContain('410');
  });

  test('that asks for a pause by Retry-After is left alone for so long, and hears of all after it', async () => {
    const { receiver: hook, url } = await receiver();
    hook.answer = (_, index) =>
      index === 0 ? { status: 429, headers: { 'retry-after': '3' } } : { status: 200 };
    const { secret } = await create({ url });
    const started = Date.now();
    const list = await store(5);
    await eventually(
      () => new Set(hook.received.length > 1 ? hook.eventIds(secret) : []).size === 5,
      'all came',
      25_000,
    );
    expect(Date.now() - started).toBeGreaterThan(2_500);
    expect(new Set(hook.eventIds(secret))).toEqual(new Set(idsOf(list)));
  });

  test('hears only of what its filter matches, and of nothing stored before it was made', async () => {
    await store(10);
    const { receiver: hook, url } = await receiver();
    const { id, secret } = await create({ url, filter: { readOnly: false } });
    const list = await store(60);
    const wanted = list.filter((record) => (record as { readOnly?: boolean }).readOnly === false);
    await eventually(() => hook.received.length >= wanted.length, 'what matches came');
    await eventually(
      async () => (await stats(id)).behind === 0 && (await stats(id)).pending === 0,
      'all was looked at',
    );
    expect(hook.eventIds(secret).sort()).toEqual(idsOf(wanted).sort());
  });

  test('whose filter and batchSize change in mid-flight loses nothing that either filter matched at its time', async () => {
    const { receiver: hook, url } = await receiver();
    const { id, secret } = await create({ url, batchSize: 7 });
    const before = await store(100);
    await eventually(() => hook.received.length > 0, 'it has begun');
    await admin.run(
      'mutation ($id: ID!) { updateWebhook(id: $id, input: { batchSize: 30 }) { batchSize } }',
      { id },
    );
    const after = await store(100);
    await eventually(
      () => new Set(hook.received.length ? hook.eventIds(secret) : []).size === 200,
      'all came',
    );
    const ids = hook.eventIds(secret);
    expect(new Set(ids)).toEqual(new Set(idsOf([...before, ...after])));
    expect(ids).toHaveLength(200);
    await admin.run(
      'mutation ($id: ID!) { updateWebhook(id: $id, input: { filter: { readOnly: false }, batchSize: null }) { id } }',
      { id },
    );
    const last = await store(50);
    const wanted = last.filter((record) => (record as { readOnly?: boolean }).readOnly === false);
    await eventually(() => hook.eventIds(secret).length === 200 + wanted.length, 'the new filter holds');
    expect(hook.eventIds(secret).slice(200).sort()).toEqual(idsOf(wanted).sort());
  });

  test('that is paused keeps its position and catches up when it is resumed', async () => {
    const { receiver: hook, url } = await receiver();
    const { id, secret } = await create({ url, batchSize: 50 });
    await admin.run('mutation ($id: ID!) { pauseWebhook(id: $id) { state } }', { id });
    const list = await store(120);
    await eventually(async () => (await stats(id)).behind === 120, 'it is behind');
    expect(hook.received).toHaveLength(0);
    await admin.run('mutation ($id: ID!) { resumeWebhook(id: $id) { state } }', { id });
    await eventually(() => hook.received.length === 3, 'it caught up');
    expect(hook.eventIds(secret).sort()).toEqual(idsOf(list).sort());
  });

  test('does not hear a second time of what is sent in again', async () => {
    const { receiver: hook, url } = await receiver();
    const { id } = await create({ url, batchSize: 100 });
    const list = await store(30);
    await eventually(() => hook.received.length === 1, 'the list came');
    await admin.ingest(list);
    await eventually(async () => (await stats(id)).behind === 0, 'all was looked at');
    const extra = await store(1);
    await eventually(() => hook.received.length === 2, 'the next one came');
    expect(
      (JSON.parse(hook.received[1]!.body) as { data: { eventID: string }[] }).data.map(
        (event) => event.eventID,
      ),
    ).toEqual(idsOf(extra));
  });

  test('sends the headers that it was given, and never shows them or its secret again', async () => {
    const { receiver: hook, url } = await receiver();
    const canary = 'canary-6f1d2c';
    const { id, secret } = await create({ url, headers: [{ name: 'X-Api-Key', value: canary }] });
    await store(1);
    await eventually(() => hook.received.length === 1, 'it came');
    expect(hook.received[0]!.headers['x-api-key']).toBe(canary);
    const { webhook } = await admin.run<{ webhook: object }>(
      'query ($id: ID!) { webhook(id: $id) { headerNames secretHint filter sources { id } } }',
      { id },
    );
    expect(webhook).toEqual({
      headerNames: ['X-Api-Key'],
      secretHint: secret.slice(-4),
      filter: null,
      sources: [],
    });
    const kept = JSON.stringify(await app.core.webhooks.get(id));
    expect(kept).not.toContain(canary);
    expect(kept).not.toContain(secret);
  });

  test.each([
    [{ name: '', url: 'https://example.com' }, ['input', 'name']],
    [{ name: 'x', url: 'https://example.com', batchSize: 0 }, ['input', 'batchSize']],
    [
      { name: 'x', url: 'https://example.com', headers: [{ name: 'Host', value: 'x' }] },
      ['input', 'headers', 0, 'name'],
    ],
    [
      { name: 'x', url: 'https://example.com', headers: [{ name: 'X-A', value: 'a\r\nb: c' }] },
      ['input', 'headers', 0, 'value'],
    ],
    [{ name: 'x', url: 'https://example.com', secret: 'short' }, ['input', 'secret']],
    [{ name: 'x', url: 'https://example.com', sourceIds: ['nope'] }, ['input', 'sourceIds', 0]],
  ])('made with bad input %j is refused, naming the member', async (input, path) => {
    const { errors } = await admin.raw(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
      { input },
    );
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(errors?.[0]?.extensions.fields?.[0]?.path).toEqual(path);
  });
});
