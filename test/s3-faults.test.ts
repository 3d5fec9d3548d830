import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { eventually } from './support/eventually';
import { type FaultyS3, startFaultyS3 } from './support/faulty-s3';
import type { GraphqlClient } from './support/graphql-client';
import { countersOf, demoRecords, expectConsistent, idsOf, ledger } from './support/ledger';
import { metricsText } from './support/live-state';
import { logFile, logKey, makeBucketSource } from './support/log-files';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const BUSY = { status: 503, code: 'SlowDown' };
const DENIED = { status: 403, code: 'AccessDenied' };
const TEN_MINUTES = Array.from({ length: 10 }, (_, n) => `2024-03-05T10:0${n}Z`);

describe('a bucket that is read through the whole application', () => {
  let app: TestTrailGraph;
  let server: S3Server;
  let proxy: FaultyS3;
  let admin: GraphqlClient;
  let buckets = 0;
  let seed = 0;

  beforeAll(async () => {
    [server, app] = await Promise.all([startS3Server(), startTrailGraph()]);
    proxy = await startFaultyS3(server.endpoint);
    admin = await app.admin();
  }, 600_000);
  afterAll(async () => {
    await app?.stop();
    await proxy?.close();
    await server?.close();
  });
  beforeEach(() => {
    proxy.fault = () => null;
    proxy.seen.length = 0;
  });
  afterEach(() => expectConsistent(app));

  async function bucketOf(keys: string[], each = 3): Promise<{ bucket: string; ids: string[] }> {
    const bucket = `faults-${++buckets}`;
    await server.makeBucket(bucket);
    const ids: string[] = [];
    for (const key of keys) {
      const records = demoRecords(++seed, 0, each);
      await server.put(bucket, key, logFile(records));
      ids.push(...idsOf(records));
    }
    return { bucket, ids };
  }

  const read = (bucket: string, s3: Record<string, unknown> = {}): Promise<string> =>
    makeBucketSource(admin, proxy, { bucket, ...s3 });
  const storedOf = (sourceId: string) => ledger(app).events.distinct('_id', { sourceId });
  const statesOf = (sourceId: string) =>
    ledger(app)
      .batches.find({ sourceId })
      .sort({ reference: 1 })
      .map(({ state }) => state)
      .toArray();

  async function expectAllStored(sourceId: string, ids: string[]): Promise<void> {
    await eventually(
      async () => (await countersOf(app, sourceId)).received >= ids.length,
      'all is read',
      60_000,
    );
    await app.drain();
    expect(await storedOf(sourceId)).toEqual([...ids].sort());
    expect(await countersOf(app, sourceId)).toMatchObject({
      received: ids.length,
      stored: ids.length,
      duplicates: 0,
    });
  }

  async function statusOf(sourceId: string): Promise<{ health: string; lastError: string; remedy: string }> {
    const { source } = await admin.run<{
      source: { status: { health: string; lastError: string; remedy: string } };
    }>('query ($id: ID!) { source(id: $id) { status { health lastError remedy } } }', { id: sourceId });
    return source.status;
  }

  it('asks it to slow down in bursts, for listings and for objects, and loses nothing', async () => {
    const { bucket, ids } = await bucketOf(TEN_MINUTES.map((time) => logKey(time)));
    let listings = 0;
    const tries = new Map<string, number>();
    // More in a row than the SDK tries by itself.
    proxy.fault = ({ key, listed }) => {
      if (listed !== null) return ++listings <= 5 ? BUSY : null;
      const tried = (tries.get(key) ?? 0) + 1;
      tries.set(key, tried);
      return tried <= 4 ? BUSY : null;
    };
    const sourceId = await read(bucket, { pollIntervalSeconds: 5 });
    await expectAllStored(sourceId, ids);
    expect(await statesOf(sourceId)).toEqual(Array.from({ length: 10 }, () => 'DONE'));
  }, 240_000);

  it('cuts each connection at 50 % once, and loses nothing', async () => {
    const { bucket, ids } = await bucketOf(
      TEN_MINUTES.map((time) => logKey(time)),
      1_100,
    );
    const cut = new Set<string>();
    proxy.fault = ({ key }) => {
      if (key === '' || cut.has(key)) return null;
      cut.add(key);
      return 'cut';
    };
    const sourceId = await read(bucket);
    await expectAllStored(sourceId, ids);
    expect(cut.size).toBe(10);
  }, 240_000);

  it('denies one object of ten, which keeps none of the others, and is read once it is allowed', async () => {
    const keys = TEN_MINUTES.map((time) => logKey(time));
    const { bucket, ids } = await bucketOf(keys);
    proxy.fault = ({ key }) => (key === keys[3] ? DENIED : null);
    const sourceId = await read(bucket);
    await eventually(
      async () => (await countersOf(app, sourceId)).stored === 27,
      'the nine others are stored',
    );
    await eventually(
      async () => (await statesOf(sourceId)).filter((state) => state === 'DONE').length === 9,
      'the nine others are settled',
    );
    const denied = await ledger(app).batches.findOne({ sourceId, state: 'PENDING' });
    expect(denied).toMatchObject({
      reference: `s3://${bucket}/${keys[3]}`,
      crashes: 0,
      error: expect.stringContaining(`reading from s3://${bucket} is denied`),
    });
    proxy.fault = () => null;
    await ledger(app).batches.updateOne({ _id: denied!._id, token: null }, { $set: { dueAt: new Date() } });
    await expectAllStored(sourceId, ids);
  }, 240_000);

  it('has lost an object since the listing, and holds one that is truncated: each ends as what it is', async () => {
    const keys = TEN_MINUTES.slice(0, 3).map((time) => logKey(time));
    const { bucket, ids } = await bucketOf(keys.slice(0, 2));
    const records = demoRecords(++seed, 0, 3);
    const whole = gzipSync(JSON.stringify({ Records: records }), { level: 0 });
    await server.put(bucket, keys[2]!, whole.subarray(0, whole.length - 100));
    let deleted: Promise<unknown> | null = null;
    proxy.fault = ({ key }) => {
      if (key !== keys[1] || deleted) return null;
      deleted = server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      return BUSY;
    };
    const sourceId = await read(bucket);
    await eventually(async () => (await statesOf(sourceId)).length === 3, 'the bucket is listed');
    await app.drain();
    expect(await statesOf(sourceId)).toEqual(['DONE', 'FAILED', 'QUARANTINED']);
    const settled = await ledger(app).batches.find({ sourceId }).sort({ reference: 1 }).toArray();
    const errors = settled.map(({ error }) => error);
    expect(errors).toEqual([
      null,
      'the object is gone',
      expect.stringMatching(/^the gzip data is broken after \d+ bytes: unexpected end of file$/),
    ]);
    expect(await storedOf(sourceId)).toEqual([...ids.slice(0, 3), ...idsOf(records.slice(0, 2))].sort());
  }, 240_000);

  it('may not be listed, and is read on by itself once it may', async () => {
    const { bucket, ids } = await bucketOf([logKey('2024-03-05T10:00Z')]);
    proxy.fault = ({ listed }) => (listed === null ? null : DENIED);
    const sourceId = await read(bucket, { pollIntervalSeconds: 5 });
    await eventually(async () => (await statusOf(sourceId)).health === 'FAILING', 'the source says so');
    expect(await statusOf(sourceId)).toMatchObject({
      lastError: expect.stringContaining(`listing s3://${bucket} is denied`),
      remedy: expect.stringContaining('"s3:ListBucket"'),
    });
    proxy.fault = () => null;
    await expectAllStored(sourceId, ids);
    await eventually(async () => (await statusOf(sourceId)).health === 'HEALTHY', 'it is healthy again');
  }, 240_000);

  it.each([
    ['with the id of the organization', { organizationId: 'o-exampleorgid' }],
    ['without it', {}],
  ])(
    'is that of an organization, %s, under a prefix, with Insights; its siblings are never listed',
    async (_, s3) => {
      const root = 'security/logs/AWSLogs/o-exampleorgid/';
      const accounts = ['111122223333', '444455556666'];
      const logs = accounts.flatMap((account) => [
        logKey('2024-03-05T10:00Z', { root, account }),
        logKey('2024-03-05T10:05Z', { root, account, region: 'eu-west-1' }),
        logKey('2024-03-05T10:10Z', { root, account, folder: 'CloudTrail-Insight' }),
      ]);
      const { bucket, ids } = await bucketOf(logs);
      await server.put(bucket, logKey('2024-03-05T10:00Z', { root, folder: 'CloudTrail-Digest' }), 'x');
      await server.put(bucket, `${root}111122223333/Config/us-east-1/2024/3/5/ConfigHistory/x.json.gz`, 'x');
      await server.put(bucket, `${root}111122223333/elasticloadbalancing/us-east-1/2024/03/05/x.log.gz`, 'x');
      const sourceId = await read(bucket, { prefix: 'security/logs', ...s3 });
      await expectAllStored(sourceId, ids);
      const listed = proxy.seen
        .flatMap((request) => request.listed ?? [])
        .filter((prefix) => prefix.startsWith(root));
      expect(listed.length).toBeGreaterThan(0);
      expect(listed.filter((prefix) => /Digest|Config|elasticloadbalancing/.test(prefix))).toEqual([]);
      expect(await statusOf(sourceId)).toMatchObject({ health: 'HEALTHY', lastError: null });
    },
    60_000,
  );

  it('holds things that are no log files: they are counted by what they are, and read never', async () => {
    const skipped = async (reason: string): Promise<number> => {
      const line = new RegExp(`^trailgraph_s3_objects_skipped_total{reason="${reason}"} (\\d+)$`, 'm');
      return Number(line.exec(await metricsText(app))?.[1] ?? 0);
    };
    const reasons = ['folder_marker', 'digest', 'misdated', 'unknown_name'];
    const before = await Promise.all(reasons.map(skipped));
    const log = logKey('2024-03-05T10:00Z');
    const folder = log.slice(0, log.lastIndexOf('/') + 1);
    const { bucket, ids } = await bucketOf([log]);
    const digest = logKey('2024-03-05T10:00Z', { folder: 'CloudTrail-Digest' });
    await server.put(bucket, folder, '');
    await server.put(bucket, `${folder}${digest.slice(digest.lastIndexOf('/') + 1)}`, 'x');
    await server.put(bucket, log.replace('/2024/03/05/', '/2020/03/05/'), 'x');
    await server.put(bucket, `${folder}notes.txt`, 'x');
    await server.put(bucket, `${log}.tmp`, 'x');
    const sourceId = await read(bucket);
    await expectAllStored(sourceId, ids);
    await eventually(async () => (await skipped('unknown_name')) > before[3]!, 'the metric is counted');
    const after = await Promise.all(reasons.map(skipped));
    expect(after.map((count, n) => count - before[n]!)).toEqual([1, 1, 1, 2]);
    expect(proxy.seen.filter(({ key }) => key !== '').map(({ key }) => key)).toEqual([log]);
  });

  it('begins at startAt, and finds what comes late and out of the order of its keys', async () => {
    const { bucket, ids } = await bucketOf([
      logKey('2024-03-04T23:59Z'),
      logKey('2024-03-05T12:00Z', { n: 5 }),
    ]);
    const sourceId = await read(bucket, { startAt: '2024-03-05T00:00:00Z' });
    await expectAllStored(sourceId, ids.slice(3));
    const late = [logKey('2024-03-05T12:00Z', { n: 1 }), logKey('2024-03-05T10:30Z')];
    const more: string[] = [];
    for (const key of late) {
      const records = demoRecords(++seed, 0, 2);
      await server.put(bucket, key, logFile(records));
      more.push(...idsOf(records));
    }
    await admin.run('mutation ($id: ID!) { fetchNow(sourceId: $id) { id } }', { id: sourceId });
    await expectAllStored(sourceId, [...ids.slice(3), ...more]);
  });
});

describe('a bucket of years', () => {
  it('is walked on after its worker was killed in the middle, and each file is read once', async () => {
    const server = await startS3Server();
    const app = await startTrailGraph({ settings: { ROLE: 'api' } });
    const crew = new WorkerCrew(app.environment);
    const proxy = await startFaultyS3(server.endpoint);
    try {
      const bucket = 'years';
      await server.makeBucket(bucket);
      const files = 1_100; // More than a page of a listing.
      const body = logFile(demoRecords(1, 0, 1));
      const start = Date.parse('2021-01-01T00:00Z');
      const keys = Array.from({ length: files }, (_, n) =>
        logKey(`${new Date(start + n * 86_400_000).toISOString().slice(0, 16)}Z`),
      );
      const rest = keys.values();
      const put = async (): Promise<void> => {
        for (const key of rest) await server.put(bucket, key, body);
      };
      await Promise.all(Array.from({ length: 8 }, put));
      const admin = await app.admin();
      const doomed = crew.start('object-downloaded:100');
      const sourceId = await makeBucketSource(admin, proxy, { bucket });
      expect(await doomed.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
      crew.start();
      const { batches } = ledger(app);
      await eventually(
        async () => (await batches.countDocuments({ sourceId, state: 'DONE' })) === files,
        'all files are read',
        90_000,
      );
      expect(await batches.countDocuments()).toBe(files);
      await expectConsistent(app);
    } finally {
      await crew.killAll();
      await proxy.close();
      await app.stop();
      await server.close();
    }
  }, 600_000);
});
