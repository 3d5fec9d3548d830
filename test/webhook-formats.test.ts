import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { MAX_BODY_BYTES } from '../src/delivery/body';
import type { WebhookFormat } from '../src/domain/webhook';
import { demoRecord } from '../src/sources/demo/demo-record';
import { BodyReceiver } from './support/body-receiver';
import { recordsIn, type Trail, trail, trailKind } from './support/demo-trail';
import { ecsFaults } from './support/ecs-fields';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { makePushSource, newRecord, type PushSource } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { webhookSchemas } from './support/webhook-schemas';

/** The schemas of a body: of one event, and of a list. */
const SCHEMAS: Record<WebhookFormat, [single: string, list: string]> = {
  ENRICHED: ['enriched.json', 'enriched-list.json'],
  RAW: ['raw.json', 'raw.json'],
  ECS: ['ecs.json', 'ecs.json'],
  SLACK: ['slack.json', 'slack.json'],
  FORWARDER_V1: ['forwarder-v1.json', 'forwarder-v1.json'],
};
const FORMATS = Object.keys(SCHEMAS) as WebhookFormat[];
const LIST_SIZE = 100;
const HUGE = '12345678901234567890.10';

/** Records of which a reader of CloudTrail would not think. */
const ODD: string[] = [
  `{"eventTime":"2026-01-02T03:04:05Z","eventID":"${randomUUID()}","requestParameters":{"n":${HUGE},"e":1e400}}`,
  '{"eventTime":"20260102T030405Z","sourceIPAddress":"a, b","userIdentity":null,"resources":[null,1],"thin":1}',
  JSON.stringify(newRecord({ eventName: 7, userAgent: ['x'], requestParameters: 'text', readOnly: 'false' })),
  JSON.stringify(newRecord({ sourceIPAddress: 'ec2.amazonaws.com', userIdentity: { type: 'AWSService' } })),
  JSON.stringify(newRecord({ awsRegion: 'cn-north-1', errorMessage: 'x'.repeat(20_000), errorCode: '' })),
  JSON.stringify(newRecord({ userIdentity: { userName: '<!here> @channel\n*x*'.repeat(400) } })),
];

/** A record whose text has so many bytes; a third of them are quotes, which JSON inside of JSON doubles. */
function recordOf(bytes: number): { eventID: string; text: string } {
  const record = newRecord({ requestParameters: { list: [] as string[] } });
  const room = bytes - JSON.stringify(record).length - 4;
  const list = ['x'.repeat(room % 3), ...Array.from({ length: Math.floor(room / 3) - 2 }, () => '')];
  const text = JSON.stringify({ ...record, requestParameters: { list } });
  return { eventID: record.eventID, text };
}

describe(`webhooks of every format (${trailKind()} trail)`, () => {
  const schemas = webhookSchemas();
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let data: Trail;
  let whole: PushSource;
  let few: PushSource;
  const receivers: BodyReceiver[] = [];
  const single = new Map<WebhookFormat, BodyReceiver>();
  const lists = new Map<WebhookFormat, BodyReceiver>();
  const fewTexts: string[] = [...ODD];
  let stored = 0;

  async function webhook(input: object): Promise<{ id: string; receiver: BodyReceiver }> {
    const receiver = new BodyReceiver();
    receivers.push(receiver);
    const { createWebhook } = await admin.run<{ createWebhook: { webhook: { id: string }; secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }',
      { input: { name: 'test', url: await receiver.start(), ...input } },
    );
    receiver.trust(createWebhook.secret);
    return { id: createWebhook.webhook.id, receiver };
  }

  /** Waits until every webhook has looked at everything and sent all of it. */
  const settled = (): Promise<void> =>
    eventually(
      async () => {
        const { webhooks } = await admin.run<{
          webhooks: { nodes: { stats: { behind: number; pending: number } }[] };
        }>('{ webhooks { nodes { stats { behind pending } } } }');
        return webhooks.nodes.every(({ stats }) => stats.behind === 0 && stats.pending === 0);
      },
      'all webhooks have sent all',
      60_000,
    );

  beforeAll(async () => {
    [data, app] = await Promise.all([trail(), startTrailGraph()]);
    admin = await app.admin();
    whole = await makePushSource(app, 'whole');
    few = await makePushSource(app, 'few');
    for (const format of FORMATS) {
      single.set(format, (await webhook({ format, sourceIds: [few.id] })).receiver);
      lists.set(format, (await webhook({ format, batchSize: LIST_SIZE })).receiver);
    }
    const demo = Array.from({ length: 60 }, (_, n) =>
      demoRecord({ seed: 5, sourceId: 'formats', n, eventTime: new Date(1_760_000_000_000 + n * 1_000) }),
    );
    fewTexts.push(...demo.map((record) => JSON.stringify(record)));
    await few.push(`{"Records":[${fewTexts.join(',')}]}`);
    const ids = new Set<unknown>();
    for (const object of data.objects) {
      for (const record of await recordsIn(object)) ids.add(record.eventID);
      await whole.push(gunzipSync(await readFile(object.path)).toString());
    }
    stored = ids.size + fewTexts.length;
    await settled();
  }, 240_000);
  afterAll(async () => {
    await app.stop();
    await data.remove();
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  function faultsOf(receiver: BodyReceiver, name: string): unknown[] {
    const schema = schemas.get(name)!;
    return receiver.bodies().flatMap((body) => (schema(body) ? [] : (schema.errors ?? [])));
  }

  test.each(FORMATS)('%s: a body of each event is signed and holds by its schema', (format) => {
    const receiver = single.get(format)!;
    expect(receiver.faults).toEqual([]);
    expect(receiver.received).toHaveLength(fewTexts.length);
    expect(faultsOf(receiver, SCHEMAS[format][0])).toEqual([]);
  });

  test.each(FORMATS)('%s: lists of the whole trail are signed and hold by their schema', (format) => {
    const receiver = lists.get(format)!;
    expect(receiver.faults).toEqual([]);
    expect(faultsOf(receiver, SCHEMAS[format][1])).toEqual([]);
    const counts = receiver.bodies().map((body) => countIn(body));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(stored);
    expect(Math.max(...counts)).toBe(LIST_SIZE);
    expect(receiver.received.every(({ body }) => Buffer.byteLength(body) <= MAX_BODY_BYTES)).toBe(true);
  });

  test('RAW is the record to the last digit, FORWARDER_V1 carries the same text', () => {
    const [odd] = ODD;
    expect(single.get('RAW')!.received.map(({ body }) => body)).toContain(odd);
    const texts = single.get('FORWARDER_V1')!.bodies() as { cloudTrailEvent: string }[];
    expect(texts.map(({ cloudTrailEvent }) => cloudTrailEvent)).toContain(odd);
    const bodies = single.get('RAW')!.bodies();
    for (const text of fewTexts) expect(bodies).toContainEqual(JSON.parse(text));
  });

  test('ECS names only fields of the schema, each of its type, and tells parameters to the last digit', () => {
    const documents = [...single.get('ECS')!.bodies(), ...lists.get('ECS')!.bodies().flat()];
    expect(documents).toHaveLength(stored + fewTexts.length);
    expect([...new Set(documents.flatMap((document) => ecsFaults(document)))]).toEqual([]);
    const parameters = documents.map(
      (document) =>
        (document as { aws: { cloudtrail: { request_parameters?: string } } }).aws.cloudtrail
          .request_parameters,
    );
    expect(parameters).toContain(`{"n":${HUGE},"e":1e400}`);
  });

  test('an event that is too big goes thin in the formats that it does not fit, and whole in the others', async () => {
    const fits = recordOf(700_000);
    const rawOnly = recordOf(MAX_BODY_BYTES - 300);
    const none = recordOf(MAX_BODY_BYTES - 10);
    for (const { text } of [fits, rawOnly, none]) await few.push(`{"Records":[${text}]}`);
    await settled();
    for (const format of FORMATS) {
      const last = single.get(format)!.received.slice(-3);
      expect(last).toHaveLength(3);
      const bodies = last.map(({ body }) => body).sort((a, b) => b.length - a.length);
      for (const body of bodies) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_BODY_BYTES);
      expect(faultsOf(single.get(format)!, SCHEMAS[format][0])).toEqual([]);
    }
    const thinIn = (format: WebhookFormat): unknown[] =>
      single
        .get(format)!
        .bodies()
        .slice(-3)
        .map((body) => (format === 'ENRICHED' ? (body as { data: unknown }).data : body))
        .filter((body) => (body as { thin?: boolean }).thin === true)
        .map((body) => (body as { id: string }).id)
        .sort();
    expect(thinIn('RAW')).toEqual([none.eventID]);
    expect(thinIn('ENRICHED')).toEqual([rawOnly.eventID, none.eventID].sort());
    expect(thinIn('FORWARDER_V1')).toEqual([fits.eventID, rawOnly.eventID, none.eventID].sort());
    expect(thinIn('ECS')).toEqual([]);
  });

  test('a format changed in mid-flight leaves a delivery that exists its body, and holds for the next', async () => {
    const { id, receiver } = await webhook({ format: 'SLACK', sourceIds: [few.id] });
    receiver.answer = (index) => (index === 0 ? 500 : 204);
    const [first] = await few.pushNew(1);
    await eventually(() => receiver.received.length === 1, 'the first attempt failed');
    const { updateWebhook } = await admin.run<{ updateWebhook: { format: string } }>(
      'mutation ($id: ID!) { updateWebhook(id: $id, input: { format: RAW }) { format } }',
      { id },
    );
    expect(updateWebhook.format).toBe('RAW');
    const [second] = await few.pushNew(1);
    await eventually(() => receiver.received.length === 3, 'the retry and the next came', 30_000);
    expect(receiver.faults).toEqual([]);
    const slack = receiver.received.filter(({ body }) => 'blocks' in (JSON.parse(body) as object));
    expect(slack).toHaveLength(2);
    expect(slack[1]).toEqual(slack[0]);
    expect(slack[0]!.body).toContain(first);
    const rest = receiver.received.filter((each) => !slack.includes(each));
    expect(rest.map(({ body }) => (JSON.parse(body) as { eventID: string }).eventID)).toEqual([second]);
  });

  test('a webhook without a format is ENRICHED, also when its format is cleared', async () => {
    const { id } = await webhook({ sourceIds: [few.id] });
    const read = async (): Promise<string> =>
      (
        await admin.run<{ webhook: { format: string } }>('query ($id: ID!) { webhook(id: $id) { format } }', {
          id,
        })
      ).webhook.format;
    expect(await read()).toBe('ENRICHED');
    const update = (format: string | null): Promise<unknown> =>
      admin.run(
        'mutation ($id: ID!, $format: WebhookFormat) { updateWebhook(id: $id, input: { format: $format }) { id } }',
        { id, format },
      );
    await update('ECS');
    expect(await read()).toBe('ECS');
    await update(null);
    expect(await read()).toBe('ENRICHED');
  });
});

/** How many events a list body is about. */
function countIn(body: unknown): number {
  if (Array.isArray(body)) return body.length;
  const { data, text } = body as { data?: unknown[]; text?: string };
  return data ? data.length : Number.parseInt(text!, 10);
}
