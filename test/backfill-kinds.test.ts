import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { backfillIn, startBackfill } from './support/backfills';
import { eventually } from './support/eventually';
import { countersOf, demoRecords, expectConsistent, idsOf, ledger, storedIds } from './support/ledger';
import { HOUR, idsOfAll, recordsAt, SECOND } from './support/lookup-poller';
import { LookupServer } from './support/lookup-server';
import { createLookupSource, stored } from './support/lookup-sources';
import { startS3Server } from './support/s3-server';
import { makeQueueSource, QueueServer, s3Event } from './support/trail-queue';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ACCOUNT = '111122223333';
const DAY = 24 * HOUR;
const iso = (time: number): string => new Date(time).toISOString();

describe('a backfill', () => {
  let app: TestTrailGraph;
  const cleanups: (() => Promise<void> | void)[] = [];

  beforeEach(async () => {
    app = await startTrailGraph();
    cleanups.push(() => app.stop());
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  test('of LookupEvents stores what happened before the source was made, in every Region, without alerting anybody', async () => {
    const server = await LookupServer.start();
    cleanups.push(() => server.close());
    const admin = await app.admin();
    const now = Math.floor(Date.now() / SECOND) * SECOND;
    const past = recordsAt([2, 20, 45, 70].map((hours) => now - hours * HOUR));
    const [before, ...within] = [recordsAt([now - 10 * DAY]), past.slice(0, 3), past.slice(3)];
    server.add('us-east-1', [...before, ...within[0]!]);
    server.add('eu-west-1', within[1]!);
    const sourceId = await createLookupSource(app, admin, server, { regions: ['us-east-1', 'eu-west-1'] });
    const { id } = await startBackfill(admin, { sourceId, from: iso(now - 5 * DAY), to: iso(now) });
    expect(await backfillIn(admin, id, 'DONE')).toMatchObject({
      percent: 100,
      stored: 4,
      duplicates: 0,
      error: null,
    });
    await stored(app, 4);
    expect(await storedIds(app)).toEqual(idsOfAll(past).sort());
    const silent = await ledger(app).events.countDocuments({ silent: true });
    expect(silent).toBe(4);
    await expectConsistent(app);
    const older = startBackfill(admin, { sourceId, from: iso(now - 120 * DAY), to: iso(now) });
    await expect(older.then(({ id: late }) => backfillIn(admin, late, 'FAILED'))).resolves.toMatchObject({
      error: expect.stringContaining('90 days'),
    });
  }, 240_000);

  test('of a queue walks the trails that its messages have named, and leaves out what it has read', async () => {
    const server = await startS3Server();
    cleanups.push(() => server.close());
    const queues = new QueueServer(server);
    cleanups.push(() => queues.close());
    const bucket = `told-${randomBytes(4).toString('hex')}`;
    await server.makeBucket(bucket);
    const queue = await queues.makeQueue(bucket);
    const admin = await app.admin();
    const sourceId = await makeQueueSource(app, server, queue.url);
    const nothing = await startBackfill(admin, { sourceId, from: iso(0), to: iso(Date.now()) });
    expect(await backfillIn(admin, nothing.id, 'FAILED')).toMatchObject({
      error: expect.any(String),
      remedy: expect.any(String),
    });

    const key = (day: string): string =>
      `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/2026/01/${day}/${ACCOUNT}_CloudTrail_us-east-1_202601${day}T0300Z_${randomBytes(8).toString('hex')}.json.gz`;
    const files = ['02', '03', '04'].map((day, index) => ({
      key: key(day),
      records: demoRecords(9, index * 5, 5),
    }));
    for (const { key: name, records } of files)
      await server.put(bucket, name, gzipSync(JSON.stringify({ Records: records })));
    await queue.send(
      s3Event({ bucket, key: files[2]!.key, etag: await server.etagOf(bucket, files[2]!.key) }),
    );
    await eventually(
      async () => (await countersOf(app, sourceId)).stored === 5,
      'the one that was told is stored',
    );

    const { id } = await startBackfill(admin, {
      sourceId,
      from: '2026-01-01T00:00:00Z',
      to: '2026-02-01T00:00:00Z',
    });
    expect(await backfillIn(admin, id, 'DONE')).toMatchObject({ stored: 10, duplicates: 0, percent: 100 });
    expect(await storedIds(app)).toEqual(idsOf(files.flatMap(({ records }) => records)).sort());
    expect(await countersOf(app, sourceId)).toMatchObject({ received: 15, stored: 15, duplicates: 0 });
    await expectConsistent(app);
  }, 240_000);
});
