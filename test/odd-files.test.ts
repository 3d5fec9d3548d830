import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { addCounts, type Counters, NO_COUNTS } from '../src/domain/source';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { expectConsistent } from './support/ledger';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Batch extends Counters {
  id: string;
  reference: string;
  state: string;
  attempts: number;
  error: string | null;
}

const BUCKET = 'odd-files';
const FOLDER = 'AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/02';
const COUNTERS = 'received stored duplicates dropped rejected';
const MIB = 1024 * 1024;

function record(over: Record<string, unknown> = {}): string {
  return JSON.stringify({
    eventVersion: '1.10',
    eventID: randomUUID(),
    eventTime: '2026-01-02T03:04:05Z',
    eventName: 'StartInstances',
    ...over,
  });
}

const recordsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => record({ apiVersion: String(n) }));
const fileOf = (records: string[]): string => `{"Records":[${records.join(',')}]}`;

/** A gzip file that ends in the middle of the record with this index: its blocks are not compressed. */
function cutAt(records: string[], index: number): Buffer {
  const text = fileOf(records);
  const before = text.indexOf(records[index]!) + 20;
  return gzipSync(text.slice(0, before), { level: 0 }).subarray(0, -8);
}

function damaged(file: Buffer): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt32LE((copy.readUInt32LE(copy.length - 8) ^ 1) >>> 0, copy.length - 8);
  return copy;
}

describe('an odd file in a bucket', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let server: S3Server;
  let sourceId: string;
  let failOnce = false;
  let files = 0;
  /** The sum of what the batches say. */
  let settled: Counters = NO_COUNTS;

  beforeAll(async () => {
    [server, app] = await Promise.all([
      startS3Server(),
      startTrailGraph({
        crash: (point) => {
          if (point !== 'events-inserted' || !failOnce) return;
          failOnce = false;
          throw new Error('the database went away');
        },
      }),
    ]);
    admin = await app.admin();
    await server.makeBucket(BUCKET);
    const { accessKeyId, secretAccessKey } = SERVER_KEYS; // The SDK adds members of its own to the object.
    const aws = { accessKeyId, secretAccessKey, endpointUrl: server.endpoint };
    const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      { input: { name: 'odd', s3: { bucket: BUCKET }, aws } },
    );
    sourceId = createSource.source.id;
    await eventually(async () => (await status()).lastSuccessAt !== null, 'the empty bucket was read');
  }, 600_000);
  afterAll(async () => {
    await app?.stop();
    await server?.close();
  });
  afterEach(async () => {
    const { lastSuccessAt: _, ...counters } = await status();
    expect(counters).toEqual(settled);
    expect(settled.received).toBe(settled.stored + settled.duplicates + settled.dropped + settled.rejected);
  });

  async function status(): Promise<Counters & { lastSuccessAt: string | null }> {
    const { source } = await admin.run<{ source: { status: Counters & { lastSuccessAt: string | null } } }>(
      `query ($id: ID!) { source(id: $id) { status { lastSuccessAt ${COUNTERS} } } }`,
      { id: sourceId },
    );
    return source.status;
  }

  /** Puts the file into the bucket, has the source read, and waits until what came of it is settled. */
  async function read(body: string | Buffer): Promise<Batch> {
    const key = `${FOLDER}/111122223333_CloudTrail_us-east-1_20260102T0310Z_file${String(files++).padStart(12, '0')}.json.gz`;
    await server.put(BUCKET, key, body);
    await admin.run('mutation ($id: ID!) { fetchNow(sourceId: $id) { id } }', { id: sourceId });
    let found: Batch | undefined;
    await eventually(async () => {
      const { source } = await admin.run<{ source: { batches: { nodes: Batch[] } } }>(
        `query ($id: ID!) { source(id: $id) { batches(first: 5) { nodes { id reference state attempts error ${COUNTERS} } } } }`,
        { id: sourceId },
      );
      found = source.batches.nodes.find(({ reference }) => reference === `s3://${BUCKET}/${key}`);
      return found !== undefined && found.state !== 'PENDING';
    }, `${key} is settled`);
    settled = addCounts(settled, found!);
    return found!;
  }

  async function expectStored(records: string[], batch: Batch): Promise<void> {
    const ids = records.map((text) => (JSON.parse(text) as { eventID: string }).eventID);
    const events = await app.core.events.byIds(ids);
    expect(events.map(({ _id }) => _id)).toEqual(ids);
    expect(batch).toMatchObject({ stored: records.length, duplicates: 0 });
  }

  const three = (): string[] => recordsOf(3);
  type Made = { body: string | Buffer; stored: string[] };
  const whole = (records: string[], body: string | Buffer): Made => ({ body, stored: records });

  it.each<[string, () => Made]>([
    ['without a record in it', () => whole([], gzipSync('{"Records":[]}'))],
    ['of plain JSON', (r = three()) => whole(r, fileOf(r))],
    ['of plain JSON with a byte order mark', (r = three()) => whole(r, `\ufeff${fileOf(r)}`)],
    [
      'of two gzip members, which meet inside a record',
      (r = three()) =>
        whole(r, Buffer.concat([gzipSync(fileOf(r).slice(0, 200)), gzipSync(fileOf(r).slice(200))])),
    ],
    [
      'with other members beside its records, on many lines',
      (r = three()) =>
        whole(
          r,
          gzipSync(`{\n "v": {"Records": []},\n "Records": [\n  ${r.join(',\n  ')}\n ],\n "n": 1\n}\n`),
        ),
    ],
    [
      'with a record of 66 KB',
      (r = [record(), record({ requestParameters: { s: 'x'.repeat(66_000) } })]) =>
        whole(r, gzipSync(fileOf(r))),
    ],
    ['of 1,001 records, which make two slices', (r = recordsOf(1_001)) => whole(r, gzipSync(fileOf(r)))],
  ])('%s is read whole', async (_, make) => {
    const { body, stored } = make();
    const batch = await read(body);
    expect(batch).toMatchObject({ state: 'DONE', error: null, received: stored.length, rejected: 0 });
    await expectStored(stored, batch);
  });

  it.each<[string, () => Made, RegExp]>([
    ['is empty', () => whole([], Buffer.alloc(0)), /the file is empty$/],
    ['is no JSON', () => whole([], 'hello'), /unexpected "h" at byte 0 of the JSON text$/],
    ['is a list', (r = three()) => whole([], `[${r}]`), /unexpected "\[" at byte 0 of the JSON text$/],
    [
      'holds no Records',
      () => whole([], gzipSync('{"records":[]}')),
      /the JSON object has no list "Records"$/,
    ],
    [
      'is a digest by mistake',
      () => whole([], gzipSync('{"awsAccountId":"111122223333","logFiles":[]}')),
      /the JSON object has no list "Records"$/,
    ],
    [
      'is broken after a record',
      (r = three()) => whole(r.slice(0, 1), gzipSync(`{"Records":[${r[0]}}${r[1]},${r[2]}]}`)),
      /unexpected "}" at byte \d+ of the JSON text$/,
    ],
    [
      'has a text without an end',
      (r = three()) => whole(r.slice(0, 2), gzipSync(`{"Records":[${r[0]},${r[1]},${r[2]!.slice(0, -2)}]}`)),
      /the JSON text ends too early, after \d+ bytes$/,
    ],
    ['is truncated', (r = three()) => whole(r.slice(0, 2), cutAt(r, 2)), /unexpected end of file$/],
    [
      'is truncated in its third slice',
      (r = recordsOf(2_500)) => whole(r.slice(0, 2_222), cutAt(r, 2_222)),
      /^the gzip data is broken after \d+ bytes: unexpected end of file$/,
    ],
    [
      'has a wrong checksum, so that none of it can be trusted',
      (r = three()) => whole([], damaged(gzipSync(fileOf(r)))),
      /^the gzip data is broken after \d+ bytes: incorrect data check$/,
    ],
    [
      'has a wrong checksum, met after a whole slice',
      (r = recordsOf(1_500)) => whole(r.slice(0, 1_000), damaged(gzipSync(fileOf(r), { level: 0 }))),
      /^the gzip data is broken after \d+ bytes: incorrect data check$/,
    ],
    [
      'is a gzip bomb',
      (r = three()) =>
        whole(r.slice(0, 2), gzipSync(`{"Records":[${r[0]},${r[1]},${' '.repeat(40 * MIB)}${r[2]}]}`)),
      /^the file inflates by more than 200 times its size: it looks like a gzip bomb$/,
    ],
  ])('that %s is quarantined after what can be read of it is stored', async (_, make, error) => {
    const { body, stored } = make();
    const batch = await read(body);
    expect(batch).toMatchObject({ state: 'QUARANTINED', attempts: 1, received: stored.length, rejected: 0 });
    expect(batch.error).toMatch(error);
    await expectStored(stored, batch);
  });

  it.each<[string, (good: string[]) => (string | Buffer)[], number, string[]]>([
    [
      'elements that are no objects',
      ([a, b]) => [a!, 'null', '17', '"text"', '[1]', b!],
      4,
      Array.from({ length: 4 }, () => 'the record is not a JSON object'),
    ],
    [
      'bytes that are not UTF-8 in a record',
      ([a, b]) => [a!, Buffer.from(`${record({ eventName: '~' })}`.replace('~', '\xff'), 'latin1'), b!],
      1,
      ['the record is not valid UTF-8'],
    ],
    [
      'a record over 1 MiB',
      ([a, b]) => [a!, record({ requestParameters: { s: 'x'.repeat(MIB) } }), b!],
      1,
      ['the record is larger than 1048576 bytes'],
    ],
    [
      'a record without a time',
      ([a, b]) => [a!, '{"eventName":"X"}', b!],
      1,
      ['the record has no readable eventTime'],
    ],
  ])('with %s is read, and those are rejected and kept in quarantine', async (_, make, rejected, reasons) => {
    const good = recordsOf(2);
    const elements = make(good).map((element) => Buffer.from(element));
    const joined = elements.flatMap((element, n) => (n === 0 ? [element] : [Buffer.from(','), element]));
    const batch = await read(
      gzipSync(Buffer.concat([Buffer.from('{"Records":['), ...joined, Buffer.from(']}')])),
    );
    expect(batch).toMatchObject({ state: 'DONE', error: null, received: 2 + rejected, rejected });
    await expectStored(good, batch);
    const kept = await app.core.quarantine.ofBatch(batch.id, 100);
    expect(kept.map(({ position }) => position)).toEqual(reasons.map((_, n) => n + 1));
    expect(kept.map(({ reason }) => reason)).toEqual(reasons);
    for (const { position, text } of kept)
      expect(text === elements[position]!.subarray(0, MIB).toString('utf8')).toBe(true);
  });

  it('with a record that nests 10,000 deep is read whole, that record with its exact text', async () => {
    const id = randomUUID();
    const deep = `{"eventID":"${id}","eventTime":"2026-01-02T03:04:05Z","a":${'['.repeat(9_999)}${']'.repeat(9_999)}}`;
    const batch = await read(gzipSync(fileOf([deep, record()])));
    expect(batch).toMatchObject({ state: 'DONE', received: 2, stored: 2 });
    expect((await app.core.events.get(id))?.exact).toBe(deep);
  });

  it('that holds one record twice, or what another file holds, adds nothing', async () => {
    const [one, two] = recordsOf(2);
    expect(await read(gzipSync(fileOf([one!, two!, one!])))).toMatchObject({ stored: 2, duplicates: 1 });
    expect(await read(gzipSync(fileOf([two!, one!])))).toMatchObject({
      state: 'DONE',
      stored: 0,
      duplicates: 2,
    });
  });

  it('that can be read no further is quarantined only once what was read of it is stored', async () => {
    const records = recordsOf(3);
    const body = cutAt([records[0]!, 'null', records[0]!, records[1]!, records[2]!], 4);
    failOnce = true;
    const batch = await read(body);
    expect(failOnce).toBe(false);
    expect(batch).toMatchObject({
      state: 'QUARANTINED',
      attempts: 2,
      received: 4,
      stored: 2,
      duplicates: 1,
      rejected: 1,
    });
    expect(batch.error).toMatch(/unexpected end of file$/);
  });

  it('leaves a ledger that is whole', async () => {
    await expectConsistent(app);
  });
});
