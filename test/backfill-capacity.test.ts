import { randomUUID } from 'node:crypto';
import { backfillIn, readBackfill, startBackfill } from './support/backfills';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, drained, ledger, push } from './support/ledger';
import { logFile, logKey, makeBucketSource } from './support/log-files';
import { newRecord } from './support/pushing';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const WITHIN_MS = 180_000;
const BUCKET = 'past';
/** Both slots of a worker are taken by files that take it seconds each. */
const FILES = 4;
const RECORDS_A_FILE = 20_000;
const RANGE = { from: '2024-03-05T00:00:00Z', to: '2024-03-06T00:00:00Z' };
const NEVER = '2090-01-01T00:00:00Z';

describe('a big backfill', () => {
  let server: S3Server;
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let crew: WorkerCrew;

  beforeAll(async () => {
    server = await startS3Server();
    await server.makeBucket(BUCKET);
    for (let n = 0; n < FILES; n++) {
      const records = Array.from({ length: RECORDS_A_FILE }, () => newRecord());
      await server.put(BUCKET, logKey(`2024-03-05T1${n}:00Z`), logFile(records));
    }
  }, 600_000);
  beforeEach(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    admin = await app.admin();
    crew = new WorkerCrew(app.environment);
  });
  afterEach(async () => {
    await crew.killAll();
    await app.stop();
  });
  afterAll(() => server?.close());

  test(
    'leaves live pushes to be answered within 4 s, in the middle of its files',
    async () => {
      const pushed = await createPushSource(admin);
      const sourceId = await makeBucketSource(admin, server, { bucket: BUCKET, startAt: NEVER });
      crew.start();
      const { id } = await startBackfill(admin, { sourceId, ...RANGE });
      await eventually(
        async () => (await ledger(app).commits.countDocuments({ sourceId })) > 2,
        'its files are being read',
        45_000,
      );
      const tookMs: number[] = [];
      let pushes = 0;
      for (; (await readBackfill(admin, id)).batchesDone < FILES; pushes++) {
        const began = performance.now();
        expect(await push(app, pushed, [newRecord(), newRecord()])).toBe(200); // 503 after 4 s
        tookMs.push(performance.now() - began);
      }
      const worst = Math.round(Math.max(...tookMs));
      process.stdout.write(`${pushes} pushes beside a backfill, the slowest answered after ${worst} ms\n`);
      expect(pushes).toBeGreaterThanOrEqual(5);
      expect(await backfillIn(admin, id, 'DONE')).toMatchObject({ stored: FILES * RECORDS_A_FILE });
      expect(await ledger(app).events.countDocuments()).toBe(FILES * RECORDS_A_FILE + pushes * 2);
    },
    WITHIN_MS,
  );

  test(
    'is begun once no live work waits, by as many slots as there are',
    async () => {
      const pushed = await createPushSource(admin);
      const LIVE = 12;
      const PAST = 6;
      const payloadOf = (count: number): Buffer =>
        Buffer.from(JSON.stringify({ Records: Array.from({ length: count }, () => newRecord()) }));
      const base = { sourceId: pushed.id, sourceKind: 'HTTP_PUSH' as const, reference: 'test' };
      // Those of the backfill are older, and wait in front.
      for (let n = 0; n < PAST; n++) {
        await app.core.batches.add([
          {
            ...base,
            _id: `bf_test_${randomUUID()}`,
            payload: payloadOf(3_000),
            backfillId: 'bf_test',
            backfillPage: 1,
            silent: true,
          },
        ]);
      }
      await app.core.batches.add(
        Array.from({ length: LIVE }, () => ({ ...base, _id: randomUUID(), payload: payloadOf(500) })),
      );
      crew.start();
      await drained(app);
      const batches = await ledger(app).batches.find().toArray();
      const doneAt = (backfill: boolean): number[] =>
        batches
          .filter(({ backfillId }) => (backfillId !== undefined) === backfill)
          .map((batch) => batch.doneAt!.getTime());
      const firstOfPast = Math.min(...doneAt(true));
      // One slot may take the first of the backfill while the other ends the last live one.
      expect(doneAt(false).filter((time) => time > firstOfPast).length).toBeLessThanOrEqual(1);
      expect(batches.map(({ state }) => state)).toEqual(Array.from({ length: LIVE + PAST }, () => 'DONE'));
    },
    WITHIN_MS,
  );
});
