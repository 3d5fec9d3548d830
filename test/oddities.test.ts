import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { addCounts, type Counters, NO_COUNTS } from '../src/domain/source';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, expectConsistent, type PushSource } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Answer extends Counters {
  rejections: { index: number; reason: string }[];
}

interface ApiEvent {
  id: string;
  raw: Record<string, unknown>;
  rawText: string;
  [field: string]: unknown;
}

const EVENT = `id eventID eventName eventType readOnly sourceIPAddress requestParameters responseElements
  userIdentity { type } enrichment { addressKind outcome geo { country } network { asn } actor { name kind } } raw rawText`;
const NESTED = '(nested too deep: see rawText)';
const MIB = 1024 * 1024;

/** A record as its exact text: with an eventID and a readable time, and these members besides. */
function recordText(members: string, id = randomUUID() as string): string {
  return `{"eventVersion":"1.10","eventID":"${id}","eventTime":"2026-01-02T03:04:05Z","eventName":"Odd",${members}}`;
}

describe('an odd record', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  let receiver: Server;
  const bodies: string[] = [];
  /** The sum of what the door answered. */
  let answered: Counters = NO_COUNTS;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      void textOf(request).then((body) => {
        bodies.push(body);
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    app = await startTrailGraph();
    admin = await app.admin();
    source = await createPushSource(admin);
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await admin.run(
      'mutation ($url: String!) { createWebhook(input: { name: "odd", url: $url }) { webhook { id } } }',
      { url },
    );
  });
  afterAll(async () => {
    await app?.stop();
    receiver.closeAllConnections();
    receiver.close();
  });
  afterEach(async () => {
    expect(await counters()).toEqual(answered);
    const { received, stored, duplicates, dropped, rejected } = answered;
    expect(received).toBe(stored + duplicates + dropped + rejected);
  });

  async function push(body: string | Buffer): Promise<Answer> {
    const response = await fetch(`${app.url}/ingest/${source.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${source.token}` },
      body: new Uint8Array(Buffer.from(body)),
    });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as Answer;
    answered = addCounts(answered, answer);
    return answer;
  }

  async function counters(): Promise<Counters> {
    const read = await admin.run<{ source: { status: Counters } }>(
      'query ($id: ID!) { source(id: $id) { status { received stored duplicates dropped rejected } } }',
      { id: source.id },
    );
    return read.source.status;
  }

  /** Pushes one record, which must be stored, and reads it back. */
  async function stored(text: string): Promise<{ event: ApiEvent; exact: string | null }> {
    expect(await push(`{"Records":[${text}]}`)).toMatchObject({ received: 1, stored: 1, rejections: [] });
    const { events } = await admin.run<{ events: { nodes: ApiEvent[] } }>(
      `{ events(first: 1, orderBy: { field: INGESTED_AT, direction: DESC }) { nodes { ${EVENT} } } }`,
    );
    const event = events.nodes[0]!;
    return { event, exact: (await app.core.events.get(event.id))?.exact ?? null };
  }

  /** What the ledger keeps of the records that the newest batch rejected. */
  async function quarantined(): Promise<{ position: number; reason: string; text: string }[]> {
    const { source: read } = await admin.run<{ source: { batches: { nodes: { id: string }[] } } }>(
      'query ($id: ID!) { source(id: $id) { batches(first: 1) { nodes { id } } } }',
      { id: source.id },
    );
    const records = await app.core.quarantine.ofBatch(read.batches.nodes[0]!.id, 100);
    return records.map(({ position, reason, text }) => ({ position, reason, text }));
  }

  const address = (text: string): string => recordText(`"sourceIPAddress":${JSON.stringify(text)}`);
  const LONG = `"requestParameters":{"policy":${JSON.stringify('é{"x":1} '.repeat(5_600))}}`;

  it.each<[string, string, Record<string, unknown>]>([
    ['with a key that holds a dot', recordText('"requestParameters":{"a.b":{"c.d":1}}'), {}],
    ['with keys that begin with a dollar', recordText('"$x":1,"requestParameters":{"$x":{"$set":1}}'), {}],
    ['with an empty key', recordText('"":0,"requestParameters":{"":{"":1}}'), {}],
    ['with names of ours', recordText('"_id":"x","enrichment":{"geo":1},"run":"r","sourceId":"s"'), {}],
    [
      'whose requestParameters are text',
      recordText('"requestParameters":"{\\"a\\":1}"'),
      { requestParameters: '{"a":1}' },
    ],
    [
      'whose requestParameters are a list',
      recordText('"requestParameters":["a",{"b":[1]}],"responseElements":7'),
      { requestParameters: ['a', { b: [1] }], responseElements: 7 },
    ],
    [
      'with null everywhere',
      recordText('"userIdentity":null,"requestParameters":null,"sourceIPAddress":null,"resources":null'),
      { userIdentity: null, requestParameters: null, sourceIPAddress: null },
    ],
    [
      'with other shapes under the names that are typed',
      recordText('"userIdentity":["x"],"eventType":{"a":1},"sourceIPAddress":12,"resources":{"ARN":["a"]}'),
      { userIdentity: null, eventType: null, sourceIPAddress: null },
    ],
    [
      'without userIdentity',
      recordText('"sourceIPAddress":"205.251.233.176"'),
      { userIdentity: null, enrichment: { actor: { kind: 'Unknown' } } },
    ],
    [
      'of Insights',
      recordText(
        '"eventType":"AwsCloudTrailInsight","eventCategory":"Insight","insightDetails":{"state":"Start","eventSource":"iam.amazonaws.com","insightType":"ApiCallRateInsight","insightContext":{"statistics":{"baseline":{"average":0.0017},"insight":{"average":12.5}}}}',
      ),
      { eventType: 'AwsCloudTrailInsight', enrichment: { addressKind: 'UNKNOWN', geo: null } },
    ],
    ['with readOnly as text', recordText('"readOnly":"false"'), { readOnly: false }],
    [
      'with two addresses',
      address('203.0.113.9, 10.0.0.1'),
      {
        sourceIPAddress: '203.0.113.9, 10.0.0.1',
        enrichment: { addressKind: 'UNKNOWN', geo: null, network: null },
      },
    ],
    [
      'from AWS Internal',
      address('AWS Internal'),
      { enrichment: { addressKind: 'AWS_INTERNAL', geo: null } },
    ],
    [
      'from a service',
      address('cloudtrail.amazonaws.com'),
      { enrichment: { addressKind: 'AWS_SERVICE', geo: null } },
    ],
    [
      'from an IPv6 address',
      address('2a00:1450:4001:82a::200e'),
      {
        sourceIPAddress: '2a00:1450:4001:82a::200e',
        enrichment: { addressKind: 'PUBLIC', geo: { country: expect.any(String) }, network: { asn: 15169 } },
      },
    ],
    ['of 66 KB', recordText(LONG), { eventName: 'Odd' }],
  ])('%s is stored as it came', async (_, text, fields) => {
    const { event, exact } = await stored(text);
    expect(exact).toBeNull();
    expect(event).toMatchObject(fields);
    expect(event.raw).toEqual(JSON.parse(text));
    expect(JSON.parse(event.rawText)).toEqual(JSON.parse(text));
  });

  it('of version 1.0, which has no eventID, is stored once under a hash of what it says', async () => {
    const text =
      '{"eventVersion":"1.0","eventTime":"2013-11-02T01:06:28Z","eventName":"DescribeInstances","requestParameters":{"a":1,"b":2}}';
    const { event } = await stored(text);
    expect(event).toMatchObject({ eventID: null, id: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const otherwise = text.replace('{"a":1,"b":2}', '{ "b" : 2.0, "a" : 1 }');
    expect(await push(`{"Records":[${otherwise},${text}]}`)).toMatchObject({ stored: 0, duplicates: 2 });
    const other = text.replace('"b":2', '"b":3');
    expect(await push(`{"Records":[${other}]}`)).toMatchObject({ stored: 1, duplicates: 0 });
  });

  it.each([
    ['an integer over 2^53', '"requestParameters":{"big":9007199254740993,"n":-9223372036854775808}'],
    ['a number beyond a double', '"requestParameters":{"huge":1e400,"tiny":[1e-400],"zero":-0}'],
    ['a key that comes twice', '"requestParameters":{"a":1,"a":2}'],
    ['the key __proto__', '"__proto__":{"eventName":"forged"},"requestParameters":{"__proto__":{"a":1}}'],
    ['the key _bsontype', '"requestParameters":{"_bsontype":"ObjectId","id":"x"}'],
    ['the key $ref', '"requestParameters":{"$ref":"users","$id":"x","$db":"admin"}'],
    ['NUL in a key', '"requestParameters":{"a\\u0000b":1}'],
    ['half of a surrogate pair', '"requestParameters":{"a":"\\ud83d"}'],
  ])('with %s is stored with its exact text, which the webhook gets as well', async (_, members) => {
    const text = recordText(members);
    const { event, exact } = await stored(text);
    expect(exact).toBe(text);
    expect(event.rawText).toBe(text);
    expect(event.eventName).toBe('Odd');
    expect(JSON.stringify(event.raw)).toBe(JSON.stringify(JSON.parse(text)));
    await webhookGot(text);
  });

  it('that nests 10,000 deep is stored with its exact text, and cut where it is shown', async () => {
    const text = recordText(`"requestParameters":${'{"a":['.repeat(5_000)}1${']}'.repeat(5_000)}`);
    const { event, exact } = await stored(text);
    expect(exact).toBe(text);
    expect(event.rawText).toBe(text);
    expect(JSON.stringify(event.raw)).toContain(NESTED);
    expect(JSON.stringify(event.requestParameters)).toContain(NESTED);
    await webhookGot(text);
  });

  async function webhookGot(text: string): Promise<void> {
    await eventually(
      () => bodies.some((body) => body.includes(`"data":${text.slice(0, -1)},"enrichment":{`)),
      'the webhook has the exact text',
    );
  }

  const NO_OBJECT = 'the record is not a JSON object';
  it.each([
    ['is null', 'null', NO_OBJECT],
    ['is a number', '12.5', NO_OBJECT],
    ['is text', '"{}"', NO_OBJECT],
    ['is a list', `[${recordText('"a":1')}]`, NO_OBJECT],
    ['has no time', '{"eventName":"Odd"}', 'the record has no readable eventTime'],
    [
      'has a time that nobody can read',
      '{"eventTime":"2026-13-01T00:00:00Z"}',
      'the record has no readable eventTime',
    ],
    ['is no JSON', '{"eventTime":2026-01-02}', expect.stringMatching(/^the record is not valid JSON: /)],
    ['is no JSON at all', 'hello', expect.stringMatching(/^the record is not valid JSON: /)],
  ])(
    'that %s is rejected with the reason and kept in quarantine; its neighbours are stored',
    async (_, odd, reason) => {
      const body = `{"Records":[${recordText('"a":1')},${odd},${recordText('"a":2')}]}`;
      const answer = await push(body);
      expect(answer).toMatchObject({ received: 3, stored: 2, duplicates: 0, rejected: 1 });
      expect(answer.rejections).toEqual([{ index: 1, reason }]);
      expect(await quarantined()).toEqual([{ position: 1, reason, text: odd }]);
    },
  );

  it('that is not UTF-8 is rejected and kept in quarantine as far as it can be shown', async () => {
    const [before, odd, after] = [1, 2, 3].map((n) => Buffer.from(recordText(`"a":"${n}~"`)));
    odd![odd!.indexOf('~')] = 0xff;
    const comma = Buffer.from(',');
    const answer = await push(
      Buffer.concat([Buffer.from('{"Records":['), before!, comma, odd!, comma, after!, Buffer.from(']}')]),
    );
    const reason = 'the record is not valid UTF-8';
    expect(answer).toMatchObject({ received: 3, stored: 2, rejections: [{ index: 1, reason }] });
    expect(await quarantined()).toEqual([{ position: 1, reason, text: odd!.toString() }]);
  });

  it('over 1 MiB is rejected, and costs neither its neighbours nor bodies that come at the same time', async () => {
    const odd = recordText(`"requestParameters":{"s":"${'x'.repeat(MIB)}"}`);
    const small = Array.from({ length: 5 }, (_, n) => `{"Records":[${recordText(`"n":${n}`)}]}`);
    const [answer, ...others] = await Promise.all([
      push(`{"Records":[${recordText('"a":1')},${odd},${recordText('"a":2')}]}`),
      ...small.map((body) => push(body)),
    ]);
    const reason = 'the record is larger than 1048576 bytes';
    expect(answer).toMatchObject({ received: 3, stored: 2, rejections: [{ index: 1, reason }] });
    for (const other of others) expect(other).toMatchObject({ received: 1, stored: 1, rejections: [] });
    const kept = await app.core.store.db
      .collection('quarantine')
      .find({ sourceId: source.id, reason })
      .toArray();
    expect(kept.map(({ text }) => text)).toEqual([odd.slice(0, MIB)]);
  });

  it('that comes a thousand times in one body is no gzip bomb, but a thousand duplicates', async () => {
    const text = recordText(`"requestParameters":{"s":"${'a b'.repeat(8_000)}"}`);
    const body = gzipSync(`{"Records":[${Array.from({ length: 1_000 }, () => text).join(',')}]}`);
    expect(await push(body)).toMatchObject({ received: 1_000, stored: 1, duplicates: 999, rejected: 0 });
  });

  it('leaves a ledger that is whole, and is delivered where it was stored', async () => {
    await expectConsistent(app);
    await eventually(() => bodies.length === answered.stored, 'the webhook has heard of every event');
    const ids = bodies.map((body) => (JSON.parse(body) as { data: { eventID?: string } }).data.eventID);
    expect(new Set(ids.filter(Boolean)).size).toBe(ids.filter(Boolean).length);
  });
});
