import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { GraphqlClient } from './support/graphql-client';
import { countersOf, createPushSource, expectConsistent, type PushSource, storedIds } from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:trail';
const FIREHOSE_ID = 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f';

type Answer = { status: number; headers: Headers; body: Record<string, unknown> };

describe('the push door', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const logLines: string[] = [];

  beforeAll(async () => {
    app = await startTrailGraph({ logLines });
    admin = await app.admin();
    source = await createPushSource(admin);
  });
  afterAll(() => app.stop());

  /** Posts as nobody in particular; what opens the door is in the headers or the query. */
  const post = async (
    body: string | Uint8Array,
    headers: Record<string, string> = { authorization: `Bearer ${source.token}` },
    query = '',
    to = source.id,
  ): Promise<Answer> => {
    const response = await fetch(`${app.url}/ingest/${to}${query}`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
    const answer = { status: response.status, headers: response.headers };
    return { ...answer, body: (await response.json()) as Record<string, unknown> };
  };
  const pending = async () => {
    const { source: read } = await admin.run<{ source: { status: { pendingSubscription: object | null } } }>(
      'query ($id: ID!) { source(id: $id) { status { pendingSubscription { topicArn subscribeUrl at } } } }',
      { id: source.id },
    );
    return read.status.pendingSubscription;
  };

  const texts = (count: number) => Array.from({ length: count }, () => JSON.stringify(newRecord()));
  const sns = (message: string, over: object = {}) =>
    JSON.stringify({ Type: 'Notification', MessageId: 'm', TopicArn: TOPIC, Message: message, ...over });
  const eventBridge = (detail: string) =>
    `{"version":"0","id":"i","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":${detail}}`;
  const firehose = (...data: (string | Buffer)[]) =>
    JSON.stringify({
      requestId: FIREHOSE_ID,
      timestamp: 1_578_090_901_599,
      records: data.map((one) => ({ data: Buffer.from(one).toString('base64') })),
    });
  const logs = (messages: string[]) =>
    JSON.stringify({
      messageType: 'DATA_MESSAGE',
      logGroup: 'g',
      logEvents: messages.map((message, index) => ({ id: String(index), timestamp: 1, message })),
    });

  const shapes: [string, (records: string[]) => string][] = [
    ['{"Records":[...]}', (records) => `{"Records":[${records.join(',')}]}`],
    ['a JSON list', (records) => `[${records.join(',')}]`],
    ['NDJSON', (records) => records.join('\n')],
    ['one record', ([record]) => record!],
    ['an EventBridge event', ([record]) => eventBridge(record!)],
    ['Firehose', (records) => firehose(...records)],
    ['Firehose of NDJSON', (records) => firehose(records.join('\n'))],
    ['Firehose of CloudWatch Logs', (records) => firehose(gzipSync(logs(records)))],
    ['Firehose of EventBridge', (records) => firehose(...records.map(eventBridge))],
    ['CloudWatch Logs', (records) => logs(records)],
    ['an SNS notification', (records) => sns(`{"Records":[${records.join(',')}]}`)],
    ['SNS of EventBridge', ([record]) => sns(eventBridge(record!))],
  ];

  test.each(shapes)('stores what comes as %s, once: plain, gzip and again', async (_, wrap) => {
    const one = ['one record', 'an EventBridge event', 'SNS of EventBridge'].includes(_) ? 1 : 3;
    const records = texts(one);
    const body = wrap(records);
    const counts = { received: one, dropped: 0, rejected: 0, rejections: [] };
    // Whatever the headers say that it is.
    const first = await post(body, { authorization: `Bearer ${source.token}`, 'content-type': 'text/csv' });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ ...counts, stored: one, duplicates: 0 });
    const again = await post(gzipSync(body), {
      authorization: `Bearer ${source.token}`,
      'content-encoding': 'gzip',
    });
    expect(again.body).toEqual({ ...counts, stored: 0, duplicates: one });
    const { eventID } = JSON.parse(records[0]!) as { eventID: string };
    const { event } = await admin.run<{ event: { raw: object } }>(
      'query ($id: ID!) { event(id: $id) { raw } }',
      { id: eventID },
    );
    expect(event.raw).toEqual(JSON.parse(records[0]!));
  });

  test.each([
    ['text', 'hello'],
    ['another object', '{"hello":"world"}'],
    [
      'a notification of S3',
      '{"Records":[{"eventSource":"aws:s3","eventTime":"2026-01-02T03:04:05Z","s3":{}}]}',
    ],
    [
      'an EventBridge event of something else',
      '{"detail-type":"EC2 Instance State-change","detail":{"state":"x"}}',
    ],
  ])('refuses %s, and says what it takes', async (_, body) => {
    const { status, body: said } = await post(body);
    expect(status).toBe(400);
    expect(said.message).toMatch(/Expected CloudTrail records as \{"Records":\[...\]\}, a JSON list, NDJSON/);
  });

  test('takes no encoding but gzip', async () => {
    const { status, body } = await post('abc', {
      authorization: `Bearer ${source.token}`,
      'content-encoding': 'br',
    });
    expect([status, body.message]).toEqual([415, 'This Content-Encoding is not taken: send gzip, or plain.']);
  });

  test('tells the outcome of each record to those that ask, also where nine are good and one is bad', async () => {
    const [known, ...fresh] = texts(9);
    await post(known!);
    const ids = [known!, ...fresh].map((text) => (JSON.parse(text) as { eventID: string }).eventID);
    const lines = [known!, ...fresh.slice(0, 4), '{"broken', ...fresh.slice(4), fresh[0]!];
    const { status, body } = await post(lines.join('\n'), undefined, '?results=each');
    expect(status).toBe(200);
    expect(body).toMatchObject({ received: 11, stored: 8, duplicates: 2, rejected: 1 });
    const stored = (index: number, id: string) => ({ index, outcome: 'STORED', id, reason: null });
    expect(body.results).toEqual([
      { index: 0, outcome: 'DUPLICATE', id: ids[0], reason: null },
      ...ids.slice(1, 5).map((id, at) => stored(at + 1, id)),
      { index: 5, outcome: 'REJECTED', id: null, reason: 'the record is not a JSON object' },
      ...ids.slice(5).map((id, at) => stored(at + 6, id)),
      { index: 10, outcome: 'DUPLICATE', id: ids[1], reason: null },
    ]);
    expect((await post(known!)).body).not.toHaveProperty('results');
    expect((await post(known!, undefined, '?results=all')).status).toBe(400);
    const many = `[${Array.from({ length: 10_001 }, () => '{}').join(',')}]`;
    expect((await post(many, undefined, '?results=each')).status).toBe(400);
  });

  test('tells what was dropped, one by one', async () => {
    const { createSource } = await admin.run<{
      createSource: { source: { id: string }; ingestToken: string };
    }>(
      'mutation { createSource(input: { name: "dropping", httpPush: {}, dropFilter: { eventNames: ["Noise"] } }) { source { id } ingestToken } }',
    );
    const noise = newRecord({ eventName: 'Noise' });
    const { body } = await post(
      `${JSON.stringify(noise)}\n${texts(1)[0]}`,
      { authorization: `Bearer ${createSource.ingestToken}` },
      '?results=each',
      createSource.source.id,
    );
    expect(body).toMatchObject({ received: 2, stored: 1, dropped: 1 });
    expect(body.results).toMatchObject([{ outcome: 'DROPPED', id: noise.eventID }, { outcome: 'STORED' }]);
  });

  test('gathers small bodies of many shapes, and answers each with its own outcomes', async () => {
    const answers = await Promise.all(
      shapes.map(async ([, wrap], index) => {
        const records = texts(2);
        const wanted = records.map((text) => (JSON.parse(text) as { eventID: string }).eventID);
        const { body } = await post(wrap(records), undefined, index % 2 === 0 ? '?results=each' : '');
        return { body, wanted, asked: index % 2 === 0 };
      }),
    );
    for (const { body, wanted, asked } of answers) {
      const found = (body.results as { id: string }[] | undefined)?.map(({ id }) => id);
      expect(found).toEqual(asked ? wanted.slice(0, Number(body.received)) : undefined);
      expect(body.stored).toBe(body.received);
    }
  });

  describe('to Firehose', () => {
    const headers = (token = source.token) => ({
      'content-type': 'application/json',
      'x-amz-firehose-protocol-version': '1.0',
      'x-amz-firehose-request-id': FIREHOSE_ID,
      'x-amz-firehose-access-key': token,
    });

    test('answers in its format, with its access key as the token, and quarantines what is broken', async () => {
      const before = await countersOf(app, source.id);
      const {
        status,
        headers: sent,
        body,
      } = await post(gzipSync(firehose(...texts(2), 'broken')), headers());
      expect(status).toBe(200);
      expect(sent.get('content-type')).toMatch(/^application\/json/);
      expect(body).toEqual({ requestId: FIREHOSE_ID, timestamp: expect.any(Number) });
      const after = await countersOf(app, source.id);
      expect([after.stored - before.stored, after.rejected - before.rejected]).toEqual([2, 1]);
    });

    test('tells failures in its format as well', async () => {
      const failures: [number, Promise<Answer>][] = [
        [400, post('{"hello":1}', headers())],
        [401, post(firehose(...texts(1)), headers('x'.repeat(40)))],
        [413, post(Buffer.alloc(8 * 1024 * 1024 + 1, 0x20), headers())],
      ];
      for (const [expected, failing] of failures) {
        const { status, body } = await failing;
        expect(status).toBe(expected);
        expect(body).toEqual({
          requestId: FIREHOSE_ID,
          timestamp: expect.any(Number),
          errorMessage: expect.stringMatching(/\w+/),
        });
        expect(String(body.errorMessage).length).toBeLessThanOrEqual(8_192);
      }
    });
  });

  describe('to SNS', () => {
    const confirmation = (url: string, topic = TOPIC) =>
      sns('You have chosen to subscribe', {
        Type: 'SubscriptionConfirmation',
        TopicArn: topic,
        Token: 'x',
        SubscribeURL: url,
      });

    test('shows a subscription to the operator, calls no URL of it, and forgets it once the topic delivers', async () => {
      const called: string[] = [];
      const web = createServer((request, response) => {
        called.push(String(request.url));
        response.end();
      }).listen(0, '127.0.0.1');
      await once(web, 'listening');
      const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/?Action=ConfirmSubscription&Token=x`;
      const headers = {
        'content-type': 'text/plain; charset=UTF-8',
        'x-amz-sns-message-type': 'SubscriptionConfirmation',
        authorization: `Basic ${Buffer.from(`sns:${source.token}`).toString('base64')}`,
      };
      expect(await pending()).toBeNull();
      const { status, body } = await post(
        confirmation('https://example.com/first', `${TOPIC}-other`),
        headers,
      );
      expect([status, body.subscription]).toEqual([200, 'PENDING']);
      await post(confirmation(url), headers);
      expect(await pending()).toEqual({ topicArn: TOPIC, subscribeUrl: url, at: expect.any(String) });

      await post(sns(texts(1)[0]!, { TopicArn: `${TOPIC}-other` }), headers);
      expect(await pending()).toMatchObject({ topicArn: TOPIC });
      const delivered = await post(sns(texts(1)[0]!), {
        ...headers,
        'x-amz-sns-message-type': 'Notification',
      });
      expect(delivered.body).toMatchObject({ received: 1, stored: 1 });
      expect(await pending()).toBeNull();
      expect(called).toEqual([]);
      web.closeAllConnections();
      web.close();
    });

    test('asks for the password of its URL as it needs to be asked', async () => {
      const body = sns(texts(1)[0]!);
      const asked = await post(body, { 'x-amz-sns-message-type': 'Notification' });
      expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
        401,
        'Basic realm="TrailGraph"',
      ]);
      expect((await post(body, {})).headers.get('www-authenticate')).toBe('Bearer');
    });
  });

  test('is opened by the token wherever a sender can put it, and by nothing else', async () => {
    const body = () => texts(1)[0]!;
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`,
    });
    const query = (token: string) => `?token=${encodeURIComponent(token)}`;
    const opens = [
      await post(body()),
      await post(body(), basic(source.token)),
      await post(body(), { 'x-amz-firehose-access-key': source.token }),
      await post(body(), {}, query(source.token)),
      await post(body(), { authorization: `Bearer ${admin.token}` }),
    ];
    expect(opens.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const wrong = 'w'.repeat(43);
    const closed = [
      await post(body(), {}),
      await post(body(), { authorization: `Bearer ${wrong}` }),
      await post(body(), { authorization: source.token }),
      await post(body(), basic(wrong)),
      await post(body(), { authorization: `Basic ${source.token}` }),
      await post(body(), { 'x-amz-firehose-access-key': wrong }),
      await post(body(), {}, query(wrong)),
      await post(body(), {}, `${query(source.token)}&token=${wrong}`),
      // What a person logs in with does not belong into URLs.
      await post(body(), {}, query(admin.token!)),
      await post(body(), basic(admin.token!)),
      // The wrong one counts where two are shown.
      await post(body(), { authorization: `Bearer ${wrong}` }, query(source.token)),
      await post(body(), undefined, '', randomUUID()),
    ];
    expect(closed.map(({ status }) => status)).toEqual(closed.map(() => 401));
    const said = JSON.stringify(closed);
    for (const secret of [source.token, wrong, admin.token!]) {
      expect(said).not.toContain(secret);
      expect(logLines.join('')).not.toContain(secret);
    }
  });

  test('takes each line of docs/push.md as it is written there', async () => {
    const docs = readFileSync(join(__dirname, '../docs/push.md'), 'utf8');
    const block = /```sh\n([\s\S]*?)```/.exec(docs)![1]!;
    const lines = await createPushSource(admin);
    const { stdout } = await promisify(execFile)('sh', ['-c', block], {
      env: { PATH: process.env.PATH, DOOR: `${app.url}/ingest/${lines.id}`, TOKEN: lines.token },
      timeout: 30_000,
    });
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers).toHaveLength(10);
    expect(answers[8]).toEqual({ requestId: 'r-1', timestamp: expect.any(Number) });
    expect(answers[9]?.results).toMatchObject([{ outcome: 'DUPLICATE' }, { outcome: 'REJECTED' }]);
    expect(await countersOf(app, lines.id)).toEqual({
      received: 13,
      stored: 1,
      duplicates: 11,
      dropped: 0,
      rejected: 1,
    });
  });

  test('leaves a ledger that is whole', async () => {
    const { received, stored, duplicates, dropped, rejected } = await countersOf(app, source.id);
    expect(received).toBe(stored + duplicates + dropped + rejected);
    // One more by the source that drops, and one by the lines of the documentation.
    expect(await storedIds(app)).toHaveLength(stored + 2);
    await expectConsistent(app);
  });
});
