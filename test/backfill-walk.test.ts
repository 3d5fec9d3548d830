import { type Backfill, etaSeconds, fractionDone, NO_BACKFILL_COUNTS } from '../src/domain/backfill';
import type { NewBatch } from '../src/domain/batch';
import { Retryable } from '../src/domain/errors';
import type { RangePage, RangeRequest } from '../src/domain/fetched';
import { BackfillRunner, MOST_UNSETTLED } from '../src/pipeline/backfill-runner';
import { backfillIn, startBackfill } from './support/backfills';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { demoRecords, ledger } from './support/ledger';
import { logFile, logKey } from './support/log-files';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const RANGE = { from: new Date('2024-03-01T00:00Z'), to: new Date('2024-03-11T00:00Z') };
const PAGE = 400;
const PAGES = 10;

/** A walk of made-up batches, with the real stores: nobody works on them but the test. */
describe('the walk of a backfill', () => {
  let app: TestTrailGraph;
  let asked: number[] = [];
  let failAt = -1;
  let backfills = 0;
  let sourceId: string;
  const never = new AbortController().signal;

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    const source = await app.core.sources.create({ _id: 'src_1', name: 'trail', kind: 'LOOKUP_EVENTS' });
    sourceId = source._id;
  });
  beforeEach(() => {
    asked = [];
    failAt = -1;
  });
  afterAll(() => app.stop());

  async function* pages(request: RangeRequest): AsyncGenerator<RangePage, void> {
    for (let n = Number(request.position?.n ?? 0); n < PAGES; n++) {
      if (n === failAt) throw new Retryable('come back later', { retryAfterMs: 0 });
      asked.push(n);
      const batches = Array.from(
        { length: PAGE },
        (_, i): NewBatch => ({
          _id: `page_${n}_${i}`,
          sourceId,
          sourceKind: 'LOOKUP_EVENTS',
          reference: `page ${n}`,
          partition: '111122223333/us-east-1',
        }),
      );
      const through = new Date(RANGE.from.getTime() + n * 86_400_000);
      yield { batches, position: { n: n + 1 }, walked: (n + 1) / PAGES, through };
    }
  }

  const runner = (): BackfillRunner =>
    new BackfillRunner({
      ...app.core.stores(),
      ranges: { LOOKUP_EVENTS: pages },
      crash: () => undefined,
      log: app.core.log,
      leaseMs: 3_000,
    });
  const create = (): Promise<Backfill> =>
    app.core.backfills.create({
      _id: `bf_${++backfills}`,
      sourceId,
      sourceKind: 'LOOKUP_EVENTS',
      epoch: 1,
      ...RANGE,
      deliver: false,
    });
  const step = async (id: string): Promise<Backfill> => {
    await app.core.store.db
      .collection<Backfill>('backfills')
      .updateOne({ _id: id }, { $set: { dueAt: new Date() } });
    await runner().run(id, never);
    return (await app.core.backfills.get(id))!;
  };
  const settle = (id: string, limit = 100_000) =>
    ledger(app)
      .batches.find({ backfillId: id, state: 'PENDING' })
      .limit(limit)
      .map(({ _id }) => _id)
      .toArray()
      .then((ids) =>
        ledger(app).batches.updateMany(
          { _id: { $in: ids } },
          { $set: { state: 'DONE', received: 2, stored: 1, duplicates: 1, doneAt: new Date(), dueAt: null } },
        ),
      );
  const statusOf = async (id: string) =>
    (await app.core.backfills.statuses([(await app.core.backfills.get(id))!]))[0]!;

  it('waits while a thousand of its batches are unsettled, and ends with counts that are the sums of all', async () => {
    const { _id: id } = await create();
    await step(id);
    expect(asked).toEqual([0, 1, 2]);
    const pending = (await statusOf(id)).counts.pending;
    expect(pending).toBe(3 * PAGE);
    expect(pending - MOST_UNSETTLED).toBeLessThan(PAGE);
    await step(id);
    await settle(id, 600);
    await step(id);
    expect(asked).toEqual([0, 1, 2]);
    await settle(id, 400);
    for (let steps = 0; (await step(id)).state !== 'DONE'; steps++) {
      expect((await statusOf(id)).counts.pending).toBeLessThan(MOST_UNSETTLED + PAGE);
      if (steps > 20) throw new Error('it does not come to its end');
      await settle(id);
    }
    expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const last = await step(id);
    expect(last).toMatchObject({ foldedPages: PAGES + 1, dueAt: null, token: null });
    const all = PAGE * PAGES;
    expect(last.folded).toEqual({
      batches: all,
      pending: 0,
      received: 2 * all,
      stored: all,
      duplicates: all,
    });
    const batch = await ledger(app).batches.findOne({ backfillId: id });
    expect(batch).toMatchObject({ silent: true, backfillId: id });
    expect(batch).not.toHaveProperty('partition');
  });

  it('is done by one worker at a time, however many ask', async () => {
    const { _id: id } = await create();
    await Promise.all(Array.from({ length: 4 }, () => runner().run(id, never)));
    expect(asked).toEqual([0, 1, 2]);
    expect(await ledger(app).batches.countDocuments({ backfillId: id })).toBe(3 * PAGE);
  });

  it('goes on after the last page that was kept where the source asks for patience', async () => {
    const { _id: id } = await create();
    failAt = 1;
    expect(await step(id)).toMatchObject({ state: 'RUNNING', error: 'come back later', pages: 1 });
    failAt = -1;
    await settle(id);
    expect(await step(id)).toMatchObject({ error: null, pages: 4 });
    expect(asked).toEqual([0, 1, 2, 3]);
  });

  it('is at an end where the source has come to read something else', async () => {
    const { _id: id } = await create();
    await app.core.sources.update(sourceId, { epoch: 2 });
    expect(await step(id)).toMatchObject({
      state: 'FAILED',
      error: 'the source reads another bucket or queue than when the backfill began',
      remedy: 'Start a new backfill for what it reads now.',
    });
    await app.core.sources.update(sourceId, { epoch: 1 });
  });

  it('tells how much is done and how long the rest will take from what was walked and settled', async () => {
    const backfill = await create();
    const at = new Date(backfill.createdAt.getTime() + 60_000);
    const status = (walked: number, batches: number, pending: number) => ({
      backfill: { ...backfill, walked },
      counts: { ...NO_BACKFILL_COUNTS, batches, pending },
    });
    expect(fractionDone(status(0, 0, 0))).toBe(0);
    expect(etaSeconds(status(0, 0, 0), at)).toBeNull();
    expect(fractionDone(status(0.5, 1_000, 500))).toBe(0.25);
    expect(etaSeconds(status(0.5, 1_000, 500), at)).toBe(180);
    expect(
      etaSeconds({ ...status(0.5, 1_000, 500), backfill: { ...backfill, state: 'PAUSED' } }, at),
    ).toBeNull();
  });
});

describe('a backfill of a queue', () => {
  let app: TestTrailGraph;
  let server: S3Server;
  let admin: GraphqlClient;
  let sourceId: string;

  beforeAll(async () => {
    [server, app] = await Promise.all([startS3Server(), startTrailGraph()]);
    admin = await app.admin();
    const { accessKeyId, secretAccessKey } = SERVER_KEYS;
    const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      {
        input: {
          name: 'queue',
          sqs: { queueUrl: `${server.endpoint}/000000000000/none` },
          aws: { accessKeyId, secretAccessKey, endpointUrl: server.endpoint },
        },
      },
    );
    sourceId = createSource.source.id;
  }, 600_000);
  afterAll(async () => {
    await app?.stop();
    await server?.close();
  });

  const range = { from: '2024-03-05T00:00:00Z', to: '2024-03-06T00:00:00Z' };

  it('has no bucket to walk before the queue has told of one', async () => {
    const { id } = await startBackfill(admin, { sourceId, ...range });
    expect(await backfillIn(admin, id, 'FAILED')).toMatchObject({
      error: expect.stringContaining('no bucket is known'),
      remedy: expect.stringContaining('S3_BUCKET'),
    });
  });

  it('walks the trails that its objects came from', async () => {
    const walked: string[] = [];
    for (const [bucket, root] of [
      ['queue-one', 'AWSLogs/'],
      ['queue-two', 'some/where/AWSLogs/'],
    ] as const) {
      const told = logKey('2024-05-05T10:00Z', { root });
      const past = logKey('2024-03-05T10:00Z', { root });
      await server.makeBucket(bucket);
      for (const key of [told, past]) await server.put(bucket, key, logFile(demoRecords(3, 0, 2)));
      await app.core.batches.add([
        {
          _id: `told_${bucket}`,
          sourceId,
          sourceKind: 'S3_SQS',
          reference: `s3://${bucket}/${told}`,
          object: { bucket, key: told, etag: null, size: null, lastModified: new Date() },
        },
      ]);
      walked.push(`s3://${bucket}/${past}`);
    }
    const { id } = await startBackfill(admin, { sourceId, ...range });
    await eventually(async () => (await app.core.backfills.get(id))?.walkEnded === true, 'all is walked');
    const references = await ledger(app).batches.distinct('reference', { backfillId: id });
    expect(references).toEqual(walked);
  });
});
