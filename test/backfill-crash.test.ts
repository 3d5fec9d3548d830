import { NO_COUNTS } from '../src/domain/source';
import type { CrashPoint } from '../src/pipeline/crash-points';
import { backfillIn, startBackfill } from './support/backfills';
import { eventually } from './support/eventually';
import { type FaultyS3, startFaultyS3 } from './support/faulty-s3';
import {
  countersOf,
  createPushSource,
  demoRecords,
  drained,
  expectConsistent,
  idsOf,
  ledger,
  push,
  storedIds,
} from './support/ledger';
import { logFile, logKey, makeBucketSource } from './support/log-files';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const WITHIN_MS = 240_000;
const BUCKET = 'years';
/** Days apart, so that the walk comes to them on pages of their own. */
const DELIVERED = ['2023-01-01T00:05Z', '2023-08-01T00:05Z', '2024-03-20T00:05Z'];
const RANGE = { from: '2015-01-01T00:00:00Z', to: '2024-03-25T00:00:00Z' };
const RECORDS_A_FILE = 1_200;

describe('a worker that is killed', () => {
  let server: S3Server;
  let proxy: FaultyS3;
  let app: TestTrailGraph;
  let crew: WorkerCrew;
  const records = demoRecords(7, 0, DELIVERED.length * RECORDS_A_FILE);

  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startFaultyS3(server.endpoint);
    await server.makeBucket(BUCKET);
    for (const [n, time] of DELIVERED.entries()) {
      const some = records.slice(n * RECORDS_A_FILE, (n + 1) * RECORDS_A_FILE);
      await server.put(BUCKET, logKey(time), logFile(some));
    }
  }, 600_000);
  beforeEach(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    crew = new WorkerCrew(app.environment);
    proxy.seen.length = 0;
  });
  afterEach(async () => {
    await crew.killAll();
    await app.stop();
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.close();
  });

  test.each<[CrashPoint | `${CrashPoint}:${number}`, { first: number }]>([
    ['backfill-page-kept', { first: 2 }],
    ['backfill-position-moved', { first: 1 }],
    ['backfill-position-moved:2', { first: 1 }],
    ['events-inserted:2', { first: 1 }],
  ])(
    'at %s leaves a backfill of years that goes on where it was, and stores all once',
    async (crashAt, { first }) => {
      const admin = await app.admin();
      const sourceId = await makeBucketSource(admin, proxy, {
        bucket: BUCKET,
        startAt: '2090-01-01T00:00:00Z',
      });
      const { id } = await startBackfill(admin, { sourceId, ...RANGE });
      expect(await crew.start(crashAt).ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
      crew.start();
      expect(await backfillIn(admin, id, 'DONE', 90_000)).toMatchObject({
        percent: 100,
        batchesDone: 3,
        batchesTotal: 3,
        received: records.length,
        stored: records.length,
        duplicates: 0,
      });
      expect(await storedIds(app)).toEqual(idsOf(records).sort());
      expect(await ledger(app).batches.countDocuments({ sourceId })).toBe(3);
      expect(await countersOf(app, sourceId)).toMatchObject({
        received: records.length,
        stored: records.length,
      });
      await expectConsistent(app);
      const listings = (day: string) =>
        proxy.seen.filter(({ listed }) => listed?.endsWith(`/us-east-1/${day}/`)).length;
      expect(listings('2023/01/01')).toBe(first);
      expect(listings('2022/12/31')).toBe(0); // Years before the trail are stepped over.
    },
    WITHIN_MS,
  );

  test(
    'after it took over events of a silent backfill leaves them to be heard of with the live batch',
    async () => {
      const admin = await app.admin();
      const source = await createPushSource(admin);
      const some = records.slice(0, 1_500);
      const now = new Date();
      await ledger(app).batches.insertOne({
        _id: 'bf_test_1',
        ...NO_COUNTS,
        sourceId: source.id,
        sourceKind: 'HTTP_PUSH',
        reference: 'test',
        payload: Buffer.from(JSON.stringify({ Records: some })),
        backfillId: 'bf_test',
        backfillPage: 1,
        silent: true,
        run: 'silent-run',
        state: 'PENDING',
        attempts: 0,
        crashes: 0,
        token: null,
        dueAt: now,
        error: null,
        createdAt: now,
        doneAt: null,
      });
      const doomed = crew.start('taken-over');
      await eventually(
        async () => (await app.core.batches.get('bf_test_1'))?.state === 'DONE',
        'the silent batch is stored',
        45_000,
      );
      const status = push(app, source, some);
      expect(await doomed.ended(45_000)).toEqual({ code: null, signal: 'SIGKILL' });
      crew.start();
      await drained(app);
      expect([200, 503]).toContain(await status);
      await expectConsistent(app);
      const heard = (
        await ledger(app)
          .commits.find({ silent: { $exists: false } })
          .toArray()
      ).flatMap(({ ids }) => ids);
      expect(heard.sort()).toEqual(idsOf(some).sort());
      expect(await countersOf(app, source.id)).toMatchObject({
        received: 3_000,
        stored: 1_500,
        duplicates: 1_500,
      });
    },
    WITHIN_MS,
  );
});
