import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { recordsOf } from '../src/cli/ingest/file-records';
import { LineSplitter } from '../src/domain/envelopes/line-splitter';
import { readNotification } from '../src/domain/envelopes/notification';
import { recordTexts } from '../src/domain/envelopes/record-texts';
import { notifyingTopic, readSubscriptionMessage } from '../src/domain/envelopes/sns-message';
import { UnknownShape } from '../src/domain/envelopes/unknown-shape';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Exact texts of records: what JSON.stringify of the parsed record would change, or trip over, is among them. */
const ONE = '{"eventVersion":"1.10","eventTime":"2026-01-02T03:04:05Z","eventName":"A","n":9007199254740993}';
const TWO =
  '{ "eventVersion" : "1.08", "eventTime":"2026-01-02T03:04:06Z","s":"\\u00e9 }{ \\" [ \\\\","detail":{},"e":1.0e2 }';
const RECORDS = [ONE, TWO];

const LIMIT = { maxInflatedBytes: 64 * 1024 * 1024 };
const textsOf = (body: Buffer | string, limit = LIMIT): string[] =>
  [...recordTexts(Buffer.from(body), limit)].flat().map((text) => text.toString('utf8'));

const sns = (message: string): string =>
  JSON.stringify({
    Type: 'Notification',
    MessageId: 'b0a7',
    TopicArn: 'arn:aws:sns:eu-west-1:111122223333:trail',
    Message: message,
    Timestamp: '2026-01-02T03:04:05.000Z',
    SignatureVersion: '1',
  });
const eventBridge = (detail: string, type = 'AWS API Call via CloudTrail'): string =>
  `{"version":"0","id":"6f2f","detail-type":"${type}","source":"aws.ec2","account":"111122223333","region":"eu-west-1","resources":[],"detail":${detail}}`;
const firehose = (...data: (string | Buffer)[]): string =>
  JSON.stringify({
    requestId: 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f',
    timestamp: 1_578_090_901_599,
    records: data.map((one) => ({ data: Buffer.from(one).toString('base64') })),
  });
const logs = (messages: string[], messageType = 'DATA_MESSAGE'): string =>
  JSON.stringify({
    messageType,
    owner: '111122223333',
    logGroup: 'CloudTrail',
    logStream: 'x',
    subscriptionFilters: ['all'],
    logEvents: messages.map((message, index) => ({ id: String(index), timestamp: 1, message })),
  });
const file = (records = RECORDS): string => `{"Records":[${records.join(',')}]}`;

describe('records in an envelope', () => {
  test.each<[string, string | Buffer, string[]]>([
    ['a trail file', file(), RECORDS],
    [
      'a trail file with other members and white space',
      ` {"a":[1,{"Records":[]}],\n"Records" : [ ${ONE} ,${TWO}\n] , "z":0} `,
      RECORDS,
    ],
    [
      'a trail file with a byte order mark',
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(file())]),
      RECORDS,
    ],
    ['a trail file of no records', '{"Records":[]}', []],
    ['a JSON list', `\n[${RECORDS.join(' , ')}]`, RECORDS],
    ['an empty list', '[]', []],
    ['a list of EventBridge events', `[${eventBridge(ONE)},${eventBridge(TWO)}]`, RECORDS],
    ['NDJSON', `${RECORDS.join('\n')}\n`, RECORDS],
    [
      'NDJSON with carriage returns, blank lines and no newline at its end',
      `${ONE}\r\n\r\n\n  ${TWO}`,
      RECORDS,
    ],
    ['objects one after another', RECORDS.join(''), RECORDS],
    [
      'objects one after another over several lines',
      `${ONE.replace(',', ',\n')}\n\n${TWO}`,
      [ONE.replace(',', ',\n'), TWO],
    ],
    ['NDJSON of trail files', `${file([ONE])}\n${file([TWO])}`, RECORDS],
    ['NDJSON of EventBridge events', `${eventBridge(ONE)}\n${eventBridge(TWO)}`, RECORDS],
    ['one record', ` ${TWO}\n`, [TWO]],
    ['an EventBridge event', eventBridge(TWO), [TWO]],
    ['an EventBridge event of a sign-in', eventBridge(ONE, 'AWS Console Sign In via CloudTrail'), [ONE]],
    ['an EventBridge event of Insights', eventBridge(ONE, 'AWS Insight via CloudTrail'), [ONE]],
    ['a CloudWatch Logs subscription', logs(RECORDS), RECORDS],
    [
      'a control message of CloudWatch Logs',
      logs(['CWL CONTROL MESSAGE: checking health'], 'CONTROL_MESSAGE'),
      [],
    ],
    [
      'what Lambda is given by CloudWatch Logs',
      JSON.stringify({ awslogs: { data: gzipSync(logs(RECORDS)).toString('base64') } }),
      RECORDS,
    ],
    ['Firehose, a record each', firehose(...RECORDS), RECORDS],
    ['Firehose of NDJSON', firehose(`${ONE}\n${TWO}\n`), RECORDS],
    ['Firehose of records without newlines', firehose(ONE + TWO, ' \n'), RECORDS],
    [
      'Firehose of CloudWatch Logs',
      firehose(gzipSync(logs([ONE])), gzipSync(logs(['x'], 'CONTROL_MESSAGE')), gzipSync(logs([TWO]))),
      RECORDS,
    ],
    ['Firehose of EventBridge', firehose(eventBridge(ONE), eventBridge(TWO)), RECORDS],
    [
      'Firehose whose records come first',
      `{"records":[{"data":"${Buffer.from(ONE).toString('base64')}"}],"timestamp":1,"requestId":"x"}`,
      [ONE],
    ],
    ['SNS of a trail file', sns(file()), RECORDS],
    ['SNS of EventBridge', sns(eventBridge(ONE)), [ONE]],
    ['SNS of SNS of one record', sns(sns(TWO)), [TWO]],
    ['SNS of Firehose of CloudWatch Logs of gzip', sns(firehose(gzipSync(logs(RECORDS)))), RECORDS],
  ])('%s: each is found with its exact text, plain and gzip', (_, body, expected) => {
    expect(textsOf(body)).toEqual(expected);
    expect(textsOf(gzipSync(body))).toEqual(expected);
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /nothing in it/],
    ['white space', '  \n ', /no JSON/],
    ['text', 'hello', /no JSON/],
    ['another object', '{"records":[]}', /none of the shapes/],
    ['a trail file that is cut', '{"Records":[{"eventID":"1"', /ends too early/],
    ['a trail file whose Records are no list', '{"Records":{}}', /not one list/],
    ['a record that is cut', '{"eventTime":"2026-01-02T03:04:05Z","a":{', /ends too early/],
    ['a list that is cut', `[${ONE},`, /ends too early/],
    ['an EventBridge event that is cut', eventBridge(ONE).slice(0, -1), /ends too early/],
    [
      'an EventBridge event of something else',
      eventBridge('{"bucket":{}}', 'Object Created'),
      /Object Created.*no record/,
    ],
    [
      'a question of SNS',
      sns('x').replace('"Notification"', '"SubscriptionConfirmation"'),
      /SubscriptionConfirmation/,
    ],
    ['SNS of text', sns('hello'), /no JSON/],
    [
      'SNS that is wrapped for ever',
      Array.from({ length: 9 }).reduce<string>((text) => sns(text), ONE),
      /too often/,
    ],
    [
      'gzip that is wrapped for ever',
      Array.from({ length: 9 }).reduce<Buffer>((bytes) => gzipSync(bytes), Buffer.from(ONE)),
      /too often/,
    ],
    ['gzip that is broken', gzipSync(ONE).subarray(0, 20), /inflated/],
    [
      'a notification of S3',
      '{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-01-02T03:04:05Z","s3":{}}]}',
      /S3_SQS/,
    ],
  ])('%s is of no known shape, and is told what is taken', (_, body, why) => {
    expect(() => textsOf(body)).toThrow(UnknownShape);
    expect(() => textsOf(body)).toThrow(why);
    expect(() => textsOf(body)).toThrow(/Expected CloudTrail records as/);
  });

  test('a broken one costs only itself, and never its neighbours in a list', () => {
    const broken = '{"eventTime":"2026-01-02T03:04:05Z",';
    const asText = JSON.stringify(broken.trim());
    expect(textsOf(`${ONE}\n${broken}\n${TWO}`)).toEqual([ONE, asText, TWO]);
    expect(textsOf(`${ONE}\ngarbage ]} here\n{"foo":1}\n${TWO}`)).toEqual([
      ONE,
      '"garbage ]} here"',
      '{"foo":1}',
      TWO,
    ]);
    expect(textsOf(firehose(ONE, broken, 'text', TWO))).toEqual([ONE, asText, '"text"', TWO]);
    expect(textsOf(logs([ONE, ']', TWO]))).toEqual([ONE, '"]"', TWO]);
    expect(textsOf(firehose(ONE, Buffer.from([0x1f, 0x8b, 1, 2]), TWO))).toHaveLength(3);
    for (const text of textsOf(`${ONE}\n}{\n]\n"\n${TWO}`))
      expect(() => JSON.parse(`[${text}]`)).not.toThrow();
  });

  test('gzip inside of it inflates to no more than is allowed, altogether', () => {
    const bomb = gzipSync(JSON.stringify({ eventTime: 'x'.repeat(60_000) }));
    expect(textsOf(firehose(bomb, bomb), { maxInflatedBytes: 130_000 })).toHaveLength(2);
    const [first, second] = textsOf(firehose(bomb, bomb), { maxInflatedBytes: 100_000 });
    expect(first).toMatch(/^\{"eventTime"/);
    expect(second).toMatch(/^"/);
  });

  test('a record of many megabytes is given whole, and a long one first does not hide what follows', () => {
    const long = `{"eventTime":"x","a":"${'y'.repeat(200_000)}"}`;
    expect(textsOf(`${long}\n${ONE}`)).toEqual([long, ONE]);
    const huge = `{"eventTime":"x","a":"${'y'.repeat(5_000_000)}"}`;
    expect(textsOf(huge)).toEqual([huge]);
    expect(textsOf(`{"a":"${'y'.repeat(5_000_000)}","Records":[${ONE}]}`)).toEqual([ONE]);
  });

  test(`NDJSON is split the same at whatever bytes it is cut (seed ${SEED})`, () => {
    const line = fc.oneof(
      fc.json().map((json) => `{"eventTime":"x","v":${json}}`),
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', '')),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(400)), (lines, cuts) => {
        const body = Buffer.from(lines.join('\n'));
        const whole = new LineSplitter();
        const expected = [...whole.push(body), ...whole.end()];
        const pieces = new LineSplitter();
        const found = [];
        let from = 0;
        for (const cut of [...cuts, body.length]) {
          const end = Math.min(body.length, from + cut);
          found.push(...pieces.push(Buffer.from(body.subarray(from, end))));
          from = end;
        }
        found.push(...pieces.push(body.subarray(from)), ...pieces.end());
        expect(found.map((one) => ({ ...one, bytes: one.bytes.toString() }))).toEqual(
          expected.map((one) => ({ ...one, bytes: one.bytes.toString() })),
        );
        for (const { bytes } of found) expect(JSON.parse(`[${asJson(bytes)}]`)).toHaveLength(1);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test(`whatever comes gives values that can stand in a list, or is refused (seed ${SEED})`, () => {
    const piece = fc.constantFrom(
      ONE,
      TWO,
      file(),
      eventBridge(ONE),
      logs(RECORDS),
      sns(ONE),
      firehose(ONE),
      '[',
      '{',
      '}',
      ']',
      '"',
      ',',
      '\n',
      '\\',
      '{"Records":[',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.nat(2_000), fc.boolean(), (pieces, cut, chop) => {
        const body = Buffer.from(pieces.join(''));
        const cutBody = chop ? body.subarray(0, cut) : body;
        let texts: string[];
        try {
          texts = textsOf(cutBody);
        } catch (error) {
          expect((error as Error).name).toBe('UnknownShape');
          return;
        }
        // As the ledger keeps them: no record may end the list or reach into the next one.
        const joined = `{"Records":[${[...texts, ONE].join(',')}]}`;
        expect(textsOf(joined)).toEqual([...texts, ONE]);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('a file for `trailgraph ingest`', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-shapes-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const read = async (body: string | Buffer): Promise<string[]> => {
    const path = join(folder, 'file.json');
    await writeFile(path, body);
    const found: string[] = [];
    for await (const records of recordsOf(path, () => undefined))
      for (const { bytes } of records) found.push(bytes.toString());
    return found;
  };

  test('may be a trail file, a list or NDJSON, plain or gzip', async () => {
    const ndjson = `\ufeff${RECORDS.join('\r\n')}\n`;
    for (const body of [file(), `[${RECORDS.join(',')}]`, ndjson]) {
      expect(await read(body)).toEqual(RECORDS);
      expect(await read(gzipSync(body))).toEqual(RECORDS);
    }
    expect(await read(`${ONE}\n{"broken\n${TWO}`)).toEqual([ONE, '"{\\"broken"', TWO]);
  });

  test('is none where it is one record over several lines, or nothing', async () => {
    await expect(read(ONE.replace(',', ',\n'))).rejects.toThrow('no list "Records"');
    await expect(read('')).rejects.toThrow('empty');
  });
});

/** An object that only looks like one is for JSON.parse to judge; here only its extent counts. */
function asJson(bytes: Buffer): string {
  const text = bytes.toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return '0';
  }
}

describe('a notification', () => {
  const KEY = 'AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02/a b+ü.json.gz';
  const s3Record = (
    over: object = {},
    key = encodeURIComponent(KEY).replaceAll('%2F', '/').replaceAll('%20', '+'),
  ) => ({
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'eu-west-1',
    eventTime: '2026-01-02T03:04:05.678Z',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: 'trail' }, object: { key, size: 12, eTag: 'abc', sequencer: '0' } },
    ...over,
  });
  const OBJECT = {
    bucket: 'trail',
    key: KEY,
    etag: 'abc',
    size: 12,
    at: new Date('2026-01-02T03:04:05.678Z'),
  };
  const BARE = { bucket: 'trail', key: KEY, etag: null, size: null, at: null };
  const eventOf = (...records: object[]) => JSON.stringify({ Records: records });
  const bridged = (type: string) =>
    JSON.stringify({
      version: '0',
      'detail-type': type,
      source: 'aws.s3',
      time: '2026-01-02T03:04:05.678Z',
      detail: { bucket: { name: 'trail' }, object: { key: KEY, size: 12, etag: 'abc' } },
    });

  test.each<[string, string, { objects?: object[]; skipped?: number; unknown?: number }]>([
    ['of S3', eventOf(s3Record()), { objects: [OBJECT] }],
    [
      'of S3 with ten records, all of which count',
      eventOf(...Array.from({ length: 10 }, () => s3Record())),
      { objects: Array.from({ length: 10 }, () => OBJECT) },
    ],
    ['of S3 in a later minor version', eventOf(s3Record({ eventVersion: '2.6' })), { objects: [OBJECT] }],
    ['of S3 in another major version', eventOf(s3Record({ eventVersion: '3.0' })), { unknown: 1 }],
    [
      'of MinIO',
      eventOf(s3Record({ eventSource: 'minio:s3', eventName: 's3:ObjectCreated:Put', eventVersion: '2.0' })),
      { objects: [OBJECT] },
    ],
    [
      'of an object that was removed',
      eventOf(s3Record({ eventName: 'ObjectRemoved:Delete' })),
      { skipped: 1 },
    ],
    [
      'with nine good records and a bad one',
      eventOf(...Array.from({ length: 9 }, () => s3Record()), { eventName: 'x' }),
      { objects: Array.from({ length: 9 }, () => OBJECT), unknown: 1 },
    ],
    ['with a key that is not URL-encoded', eventOf(s3Record({}, 'a%zz')), { unknown: 1 }],
    ['without a key', eventOf(s3Record({ s3: { bucket: { name: 'trail' } } })), { unknown: 1 }],
    ['with records of CloudTrail instead', file(), { unknown: 2 }],
    [
      'without ETag and size',
      eventOf(s3Record({ s3: { bucket: { name: 'trail' }, object: { key: 'a' } } })),
      { objects: [{ ...OBJECT, key: 'a', etag: null, size: null }] },
    ],
    [
      'that is a test',
      JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Time: 'x', Bucket: 'trail' }),
      { skipped: 1 },
    ],
    ['of S3 through SNS', sns(eventOf(s3Record())), { objects: [OBJECT] }],
    ['of S3 through SNS twice', sns(sns(eventOf(s3Record(), s3Record()))), { objects: [OBJECT, OBJECT] }],
    ['through SNS for ever', sns(sns(sns(sns(sns(eventOf(s3Record())))))), { unknown: 1 }],
    [
      'of CloudTrail itself',
      JSON.stringify({ s3Bucket: 'trail', s3ObjectKey: [KEY, KEY] }),
      { objects: [BARE, BARE] },
    ],
    [
      'of CloudTrail itself through SNS',
      sns(JSON.stringify({ s3Bucket: 'trail', s3ObjectKey: [KEY] })),
      { objects: [BARE] },
    ],
    [
      'of CloudTrail with a bad key among good ones',
      JSON.stringify({ s3Bucket: 'trail', s3ObjectKey: [KEY, 7] }),
      { objects: [BARE], unknown: 1 },
    ],
    ['of CloudTrail that validates a topic', sns('CloudTrail validation message.'), { skipped: 1 }],
    ['of EventBridge', bridged('Object Created'), { objects: [OBJECT] }],
    ['of EventBridge for an object that was deleted', bridged('Object Deleted'), { skipped: 1 }],
    [
      'of EventBridge for something else',
      bridged('Object Created').replace('aws.s3', 'aws.ec2'),
      { unknown: 1 },
    ],
    ['that is text', 'hello', { unknown: 1 }],
    ['that is empty', '', { unknown: 1 }],
    ['that is null', 'null', { unknown: 1 }],
    ['that is a list', '[]', { unknown: 1 }],
    ['of another shape', '{"a":1}', { unknown: 1 }],
  ])('%s', (_, text, { objects = [], skipped = 0, unknown = 0 }) => {
    const read = readNotification(text);
    expect(read.objects).toEqual(objects);
    expect(read.skipped).toHaveLength(skipped);
    expect(read.unknown).toHaveLength(unknown);
  });

  test(`never throws, whatever JSON it is (seed ${SEED})`, () => {
    const any = fc.jsonValue();
    const member = fc.constantFrom(
      'Records',
      'Type',
      'Message',
      's3Bucket',
      's3ObjectKey',
      'detail',
      'detail-type',
      'source',
      'Event',
    );
    fc.assert(
      fc.property(fc.dictionary(member, any), (message) => {
        const { objects, skipped, unknown } = readNotification(JSON.stringify(message));
        expect(
          Array.isArray(message.Records) && message.Records.length === 0
            ? 1
            : objects.length + skipped.length + unknown.length,
        ).toBeGreaterThan(0);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('a message of SNS about a subscription', () => {
  const asked = {
    Type: 'SubscriptionConfirmation',
    TopicArn: 'arn:aws:sns:eu-west-1:111122223333:trail',
    Token: 'x',
    Message: 'You have chosen to subscribe',
    SubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x',
  };

  test('is told from others by its shape, and only a web address is kept', () => {
    const read = (over: object) =>
      readSubscriptionMessage(Buffer.from(JSON.stringify({ ...asked, ...over })));
    expect(read({})).toEqual({
      type: 'SubscriptionConfirmation',
      topicArn: asked.TopicArn,
      subscribeUrl: asked.SubscribeURL,
    });
    expect(read({ Type: 'UnsubscribeConfirmation' })?.type).toBe('UnsubscribeConfirmation');
    expect(read({ Type: 'Notification' })).toBeNull();
    expect(read({ SubscribeURL: 'javascript:alert(1)' })).toBeNull();
    expect(read({ SubscribeURL: `https://x/${'y'.repeat(3_000)}` })).toBeNull();
    expect(read({ TopicArn: 'x' })).toBeNull();
    expect(readSubscriptionMessage(Buffer.from('"SubscribeURL"'))).toBeNull();
    expect(readSubscriptionMessage(Buffer.from('null "SubscribeURL"'))).toBeNull();
  });

  test('the topic of a notification is read without reading its message', () => {
    expect(notifyingTopic(Buffer.from(sns('x'.repeat(10_000))))).toBe(asked.TopicArn);
    expect(notifyingTopic(Buffer.from(JSON.stringify(asked)))).toBeNull();
    expect(notifyingTopic(Buffer.from(ONE))).toBeNull();
  });
});
