import { WebSocket } from 'ws';
import { TrailGraphClient } from '../src/client/trailgraph-client';
import {
  BACKFILL_FIELDS,
  type BackfillAnswer,
  backfillIn,
  changeBackfill,
  readBackfill,
  startBackfill,
} from './support/backfills';
import { eventually } from './support/eventually';
import { type FaultyS3, startFaultyS3 } from './support/faulty-s3';
import type { GraphqlClient } from './support/graphql-client';
import { countersOf, demoRecords, expectConsistent, idsOf, ledger } from './support/ledger';
import { LiveClient } from './support/live-client';
import { opened } from './support/live-state';
import { logFile, logKey, makeBucketSource } from './support/log-files';
import { type S3Server, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WebhookReceiver } from './support/webhook-receiver';

/** Nothing of the trail is read by live fetching before this. */
const NEVER = '2090-01-01T00:00:00Z';
const BUSY = { status: 503, code: 'SlowDown' };
const RANGE = { from: '2024-03-05T06:00:00Z', to: '2024-03-06T12:00:00Z' };

describe('a backfill of a bucket', () => {
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
  afterEach(() => expectConsistent(app));

  /** A bucket with a file of some records for each key. */
  async function bucketOf(keys: string[], each = 3): Promise<{ bucket: string; ids: string[][] }> {
    const bucket = `backfill-${++buckets}`;
    await server.makeBucket(bucket);
    const ids: string[][] = [];
    for (const key of keys) {
      const records = demoRecords(++seed, 0, each);
      await server.put(bucket, key, logFile(records));
      ids.push(idsOf(records));
    }
    return { bucket, ids };
  }

  const sourceOn = (bucket: string, s3: Record<string, unknown> = {}): Promise<string> =>
    makeBucketSource(admin, proxy, { bucket, startAt: NEVER, ...s3 });

  /** In the order of the ids. */
  const silenceOf = async (ids: string[]) => {
    const found = await ledger(app)
      .events.find({ _id: { $in: ids } })
      .toArray();
    const silent = new Map(found.map((event) => [event._id, event.silent === true]));
    return ids.map((id) => silent.get(id));
  };

  it('stores whole files from the day of `from` to a day after `to`, of all accounts, Regions and kinds, once', async () => {
    const org = 'AWSLogs/o-exampleorgid/';
    const inside = [
      logKey('2024-03-05T00:00Z'),
      logKey('2024-03-06T11:59Z'),
      logKey('2024-03-07T23:59Z'),
      logKey('2024-03-05T09:00Z', { region: 'eu-west-1' }),
      logKey('2024-03-05T09:00Z', { root: org, account: '444455556666' }),
      logKey('2024-03-06T09:00Z', { folder: 'CloudTrail-Insight' }),
    ];
    const outside = [logKey('2024-03-04T23:59Z'), logKey('2024-03-08T00:00Z'), logKey('2023-12-31T00:00Z')];
    const { bucket, ids } = await bucketOf([...inside, ...outside]);
    const sourceId = await sourceOn(bucket);
    const started = await startBackfill(admin, { sourceId, ...RANGE });
    expect(started).toMatchObject({ state: 'RUNNING', deliver: false, percent: 0, batchesTotal: null });
    const done = await backfillIn(admin, started.id, 'DONE');
    expect(done).toEqual({
      id: started.id,
      state: 'DONE',
      deliver: false,
      percent: 100,
      batchesDone: 6,
      batchesTotal: 6,
      received: 18,
      stored: 18,
      duplicates: 0,
      position: '2024-03-06T12:00:00.000Z',
      etaSeconds: null,
      error: null,
      remedy: null,
      doneAt: expect.any(String),
    });
    const stored = await ledger(app).events.distinct('_id', { sourceId });
    expect(stored).toEqual(ids.slice(0, inside.length).flat().sort());
    expect(await countersOf(app, sourceId)).toMatchObject({ received: 18, stored: 18 });

    const again = await startBackfill(admin, { sourceId, ...RANGE });
    expect(await backfillIn(admin, again.id, 'DONE')).toMatchObject({
      batchesDone: 6,
      received: 18,
      stored: 0,
      duplicates: 18,
    });
    const { source } = await admin.run<{
      source: { backfills: { nodes: { id: string; stored: number }[] } };
    }>('query ($id: ID!) { source(id: $id) { backfills { nodes { id stored } } } }', { id: sourceId });
    expect(source.backfills.nodes).toEqual([
      { id: again.id, stored: 0 },
      { id: started.id, stored: 18 },
    ]);
  });

  it('leaves out what live fetching has stored, which counts as walked', async () => {
    const { bucket } = await bucketOf([logKey('2024-03-05T09:00Z'), logKey('2024-03-06T09:00Z')]);
    const sourceId = await sourceOn(bucket, { startAt: '2024-03-06T00:00:00Z' });
    await eventually(
      async () => (await countersOf(app, sourceId)).stored === 3,
      'the later file is read by live fetching',
    );
    const { id } = await startBackfill(admin, { sourceId, ...RANGE });
    expect(await backfillIn(admin, id, 'DONE')).toMatchObject({
      batchesDone: 2,
      batchesTotal: 2,
      received: 3,
      stored: 3,
      duplicates: 0,
    });
    expect(await ledger(app).batches.countDocuments({ sourceId })).toBe(2);
  });

  it('is not heard of by webhooks and subscriptions, nor replayed to them, unless it delivers', async () => {
    const receiver = new WebhookReceiver();
    const url = await receiver.start();
    const { bucket, ids } = await bucketOf([logKey('2024-03-05T09:00Z'), logKey('2024-03-10T09:00Z')]);
    const sourceId = await sourceOn(bucket);
    const { createWebhook } = await admin.run<{ createWebhook: { secret: string } }>(
      'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { secret } }',
      { input: { name: 'hears', url, sourceIds: [sourceId] } },
    );
    receiver.trust(createWebhook.secret);
    const filter = { sourceIds: [sourceId] };
    const live = new LiveClient({ url: app.url, token: admin.token!, filter });
    await opened(app, 1);
    const silent = await startBackfill(admin, { sourceId, ...RANGE });
    await backfillIn(admin, silent.id, 'DONE');
    const told = await startBackfill(admin, {
      sourceId,
      from: '2024-03-10T00:00:00Z',
      to: '2024-03-11T00:00:00Z',
      deliver: true,
    });
    await backfillIn(admin, told.id, 'DONE');

    const heard = () => receiver.received.flatMap(({ eventIds }) => eventIds).sort();
    await eventually(() => heard().length >= 3 && live.ids.length >= 3, 'the second one is heard of');
    expect(heard()).toEqual([...ids[1]!].sort());
    expect([...live.ids].sort()).toEqual([...ids[1]!].sort());
    const { event } = await admin.run<{ event: { cursor: string } }>(
      'query ($id: ID!) { event(id: $id) { cursor } }',
      { id: ids[0]![0] },
    );
    const replay = new LiveClient({ url: app.url, token: admin.token!, filter, after: event.cursor });
    await eventually(() => replay.ids.length >= 3, 'what came since is replayed');
    expect([...replay.ids].sort()).toEqual([...ids[1]!].sort());
    live.stop();
    replay.stop();
    await receiver.stop();
    expect(await silenceOf(ids.flat())).toEqual([true, true, true, false, false, false]);
  });

  it('is followed by a subscription from its start to its end, which then completes', async () => {
    const { bucket } = await bucketOf([logKey('2024-03-05T09:00Z'), logKey('2024-03-06T09:00Z')]);
    const sourceId = await sourceOn(bucket);
    const { id } = await startBackfill(admin, { sourceId, ...RANGE });
    const seen: BackfillAnswer[] = [];
    const client = new TrailGraphClient({ url: app.url, token: admin.token!, webSocketImpl: WebSocket });
    const query = `subscription ($id: ID!) { backfillProgress(id: $id) { ${BACKFILL_FIELDS} } }`;
    const follow = (of: string): AsyncIterableIterator<{ backfillProgress: BackfillAnswer }> =>
      client.subscribe(query, { id: of });
    for await (const { backfillProgress } of follow(id)) seen.push(backfillProgress);
    expect(seen.at(-1)).toEqual(await readBackfill(admin, id));
    expect(seen.at(-1)).toMatchObject({ state: 'DONE', percent: 100, stored: 6 });
    const percents = seen.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));

    await expect(follow('bf_none').next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    client.close();
  });

  it('that is paused walks no further, stores what stands in the ledger, and goes on when it is resumed', async () => {
    const { bucket } = await bucketOf([logKey('2024-03-05T09:00Z'), logKey('2024-03-06T09:00Z')]);
    const sourceId = await sourceOn(bucket);
    proxy.fault = ({ listed }) => (listed?.includes('/2024/03/06') ? BUSY : null);
    const { id } = await startBackfill(admin, { sourceId, ...RANGE });
    await eventually(
      async () => (await readBackfill(admin, id)).error?.includes('slow down') === true,
      'the backfill says what it waits for',
    );
    expect(await changeBackfill(admin, 'pauseBackfill', id)).toMatchObject({ state: 'PAUSED' });
    expect(await changeBackfill(admin, 'pauseBackfill', id)).toMatchObject({ state: 'PAUSED', stored: 0 });
    proxy.fault = () => null;
    await eventually(
      async () => (await app.core.backfills.get(id))?.dueAt === null,
      'nobody is at it any more',
    );
    expect(await changeBackfill(admin, 'resumeBackfill', id)).toMatchObject({
      state: 'RUNNING',
      error: null,
    });
    expect(await backfillIn(admin, id, 'DONE')).toMatchObject({ batchesDone: 2, stored: 6 });
    const refused = await admin.raw('mutation ($id: ID!) { pauseBackfill(id: $id) { id } }', { id });
    expect(refused.errors?.[0]).toMatchObject({
      message: 'The backfill is DONE: it can not become PAUSED.',
      extensions: { code: 'CONFLICT' },
    });
    const nowhere = await admin.raw('mutation { cancelBackfill(id: "bf_none") { id } }');
    expect(nowhere.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });

  it.each(['cancelBackfill', 'deleteSource'] as const)(
    '%s ends it with what of it is not read yet, and keeps what is',
    async (ending) => {
      const keys = ['2024-03-05T09:00Z', '2024-03-05T10:00Z', '2024-03-05T11:00Z'].map((time) =>
        logKey(time),
      );
      const { bucket } = await bucketOf(keys);
      const sourceId = await sourceOn(bucket);
      proxy.fault = ({ key }) => (key === '' || key === keys[0] ? null : BUSY);
      const { id } = await startBackfill(admin, { sourceId, ...RANGE });
      await eventually(async () => {
        const { state, batchesTotal, batchesDone, stored } = await readBackfill(admin, id);
        return state === 'RUNNING' && batchesTotal === 3 && batchesDone === 1 && stored === 3;
      }, 'one of three files is stored');
      if (ending === 'cancelBackfill') await changeBackfill(admin, 'cancelBackfill', id);
      else await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: sourceId });
      await backfillIn(admin, id, 'CANCELLED');
      await app.drain();
      proxy.fault = () => null;
      expect(await readBackfill(admin, id)).toMatchObject({
        state: 'CANCELLED',
        batchesDone: 3,
        received: 3,
        stored: 3,
        error: ending === 'deleteSource' ? 'the source was deleted' : null,
        doneAt: expect.any(String),
      });
      const states = await ledger(app)
        .batches.find({ sourceId })
        .map(({ state }) => state)
        .toArray();
      expect(states.sort()).toEqual(['CANCELLED', 'CANCELLED', 'DONE']);
    },
  );

  it('that can not read its source fails with the remedy, and goes on when it is resumed', async () => {
    const bucket = `backfill-${++buckets}`;
    const sourceId = await sourceOn(bucket);
    const { id } = await startBackfill(admin, { sourceId, ...RANGE });
    expect(await backfillIn(admin, id, 'FAILED')).toMatchObject({
      error: expect.stringContaining(`the bucket "${bucket}" does not exist`),
      remedy: expect.stringContaining("Check the bucket's name"),
      doneAt: expect.any(String),
    });
    await server.makeBucket(bucket);
    await server.put(bucket, logKey('2024-03-05T09:00Z'), logFile(demoRecords(++seed, 0, 2)));
    expect(await changeBackfill(admin, 'resumeBackfill', id)).toMatchObject({ error: null, doneAt: null });
    expect(await backfillIn(admin, id, 'DONE')).toMatchObject({ stored: 2, error: null, remedy: null });
  });

  it('is refused for a range that is none and for sources without a past, and to those who may only read', async () => {
    const { bucket } = await bucketOf([]);
    const sourceId = await sourceOn(bucket);
    const mutation = 'mutation ($input: StartBackfillInput!) { startBackfill(input: $input) { id } }';
    const start = async (input: object) => (await admin.raw(mutation, { input })).errors?.[0];
    expect(await start({ sourceId, from: RANGE.to, to: RANGE.from })).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT', fields: [{ path: ['input', 'to'] }] },
    });
    expect(await start({ sourceId, from: NEVER, to: '2091-01-01T00:00:00Z' })).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT', fields: [{ path: ['input', 'from'] }] },
    });
    expect(await start({ sourceId: 'direct', ...RANGE })).toMatchObject({
      message: expect.stringContaining('records are pushed to it'),
      extensions: { code: 'BAD_USER_INPUT', fields: [{ path: ['input', 'sourceId'] }] },
    });
    expect(await start({ sourceId: 'src_none', ...RANGE })).toMatchObject({
      extensions: { code: 'NOT_FOUND' },
    });
    const anonymous = await app.anonymous.raw(mutation, { input: { sourceId, ...RANGE } });
    expect(anonymous.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
