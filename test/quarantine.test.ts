import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { QuarantinedRecord } from '../src/store/quarantine';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import {
  createPushSource,
  expectConsistent,
  ledger,
  type PushSource,
  push,
  storedIds,
} from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const RETRY = `mutation ($ids: [ID!]!) {
  retryQuarantined(ids: $ids) { received stored duplicates dropped rejected { index reason } }
}`;
const RETRY_BATCH = 'mutation ($id: ID!) { retryBatch(id: $id) { id state attempts error received } }';
const LIST = `query ($first: Int, $after: String, $sourceId: ID, $limit: Int) {
  quarantine(first: $first, after: $after, sourceId: $sourceId) {
    totalCount(limit: $limit)
    nodes { id sourceId batchId position reason text createdAt }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Listed {
  quarantine: {
    totalCount: number;
    nodes: { id: string; batchId: string; position: number; reason: string; text: string }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}

const NO_TIME = 'the record has no readable eventTime';
const INCOMPLETE = 'its text is not kept whole: have its batch tried again (retryBatch)';
const NO_RECORD = 'its text is not one record: have its batch tried again (retryBatch)';

let app: TestTrailGraph;
let admin: GraphqlClient;
beforeAll(async () => {
  app = await startTrailGraph();
  admin = await app.admin();
});
afterAll(() => app.stop());

const entries = () => app.core.store.db.collection<QuarantinedRecord>('quarantine');

/** What an earlier version could not keep. */
async function quarantined(source: PushSource, texts: string[]): Promise<string[]> {
  const batchId = `push_${randomUUID()}`;
  const records = texts.map((text, position) => ({
    _id: `${batchId}:${position}`,
    sourceId: source.id,
    batchId,
    position,
    reason: 'an earlier version could not read it',
    text,
    createdAt: new Date(1_760_000_000_000 + position),
  }));
  await app.core.quarantine.add(records);
  return records.map(({ _id }) => _id);
}

async function retry(ids: string[]): Promise<Record<string, unknown>> {
  return (await admin.run<{ retryQuarantined: Record<string, unknown> }>(RETRY, { ids })).retryQuarantined;
}

interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

describe('what could not be kept', () => {
  test('is listed newest first, by source, in pages, with its text and why', async () => {
    const source = await createPushSource(admin);
    const other = await createPushSource(admin);
    await push(app, other, [{ eventID: 'elsewhere' }]);
    for (const eventID of ['a', 'b', 'c']) await push(app, source, [newRecord(), { eventID }]);
    const seen: Listed['quarantine']['nodes'] = [];
    let after: string | null = null;
    do {
      const { quarantine }: Listed = await admin.run<Listed>(LIST, {
        first: 2,
        after,
        sourceId: source.id,
        limit: 2,
      });
      expect(quarantine.totalCount).toBe(2);
      seen.push(...quarantine.nodes);
      after = quarantine.pageInfo.hasNextPage ? quarantine.pageInfo.endCursor : null;
    } while (after);
    expect(seen.map(({ text }) => text)).toEqual(['{"eventID":"c"}', '{"eventID":"b"}', '{"eventID":"a"}']);
    for (const entry of seen)
      expect(entry).toMatchObject({ position: 1, reason: NO_TIME, sourceId: source.id });
    const { quarantinedRecord } = await admin.run<{ quarantinedRecord: object }>(
      'query ($id: ID!) { quarantinedRecord(id: $id) { id text } }',
      { id: seen[1]!.id },
    );
    expect(quarantinedRecord).toEqual({ id: seen[1]!.id, text: '{"eventID":"b"}' });
    const { quarantine: all } = await admin.run<Listed>(LIST);
    expect(all.totalCount).toBe(4);
  });

  test('comes in shorter pages where its texts are long: 16 MiB at a time', async () => {
    const sourceId = 'src_of_long_texts';
    const text = 'x'.repeat(1024 * 1024);
    const entries = Array.from({ length: 40 }, (_, position) => ({
      _id: `long:${String(position).padStart(2, '0')}`,
      ...{ sourceId, batchId: 'long', position, reason: 'too long', text, createdAt: new Date() },
    }));
    await app.core.quarantine.add(entries);
    const pages: number[] = [];
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { quarantine }: { quarantine: { nodes: { id: string }[]; pageInfo: PageInfo } } = await admin.run(
        `query ($after: String, $sourceId: ID) { quarantine(first: 200, after: $after, sourceId: $sourceId) {
          nodes { id } pageInfo { hasNextPage endCursor }
        } }`,
        { after, sourceId },
      );
      pages.push(quarantine.nodes.length);
      seen.push(...quarantine.nodes.map(({ id }) => id));
      ({ hasNextPage: more, endCursor: after } = quarantine.pageInfo);
    }
    expect(pages).toEqual([16, 16, 8]);
    expect(new Set(seen).size).toBe(40);
    await app.core.quarantine.remove(entries.map(({ _id }) => _id));
  });

  test('leaves quarantine once it is stored, or was meanwhile; what is rejected again keeps one entry', async () => {
    const [source, second] = [await createPushSource(admin), await createPushSource(admin)];
    const known = newRecord();
    await push(app, source, [known]);
    const fresh = newRecord();
    const ids = await quarantined(source, [
      JSON.stringify(known),
      '{"eventID":"timeless"}',
      JSON.stringify(fresh),
      `{"eventID":"${'x'.repeat(1024 * 1024)}`,
      'no record, {"twice":1}',
    ]);
    const [elsewhere] = await quarantined(second, [JSON.stringify(newRecord())]);
    const asked = [elsewhere!, ...ids];
    expect(await retry(asked)).toEqual({
      received: 6,
      stored: 2,
      duplicates: 1,
      dropped: 0,
      rejected: [
        { index: 2, reason: NO_TIME },
        { index: 4, reason: INCOMPLETE },
        { index: 5, reason: NO_RECORD },
      ],
    });
    const left = await entries()
      .find({ sourceId: { $in: [source.id, second.id] } })
      .sort({ position: 1 })
      .toArray();
    expect(left.map(({ _id, reason }) => [_id, reason])).toEqual([
      [ids[1], NO_TIME],
      [ids[3], 'an earlier version could not read it'],
      [ids[4], 'an earlier version could not read it'],
    ]);
    expect(await storedIds(app)).toEqual(expect.arrayContaining([known.eventID, fresh.eventID]));
    // Again: still one entry each, and what is gone is unknown.
    expect(await retry([ids[1]!, ids[1]!])).toMatchObject({ received: 1, rejected: [{ index: 0 }] });
    expect(await entries().countDocuments({ sourceId: source.id })).toBe(3);
    const { errors } = await admin.raw(RETRY, { ids: [ids[1], ids[0], 'nothing'] });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [
        { path: ['ids', 1], message: `there is no quarantined record ${ids[0]}` },
        { path: ['ids', 2], message: 'there is no quarantined record nothing' },
      ],
    });
    await expectConsistent(app);
  });

  test('is dropped where the drop filter says so now', async () => {
    const source = await createPushSource(admin);
    const ids = await quarantined(source, [
      JSON.stringify(newRecord({ eventName: 'Noise' })),
      JSON.stringify(newRecord()),
    ]);
    await admin.run(
      'mutation ($id: ID!) { updateSource(id: $id, input: { dropFilter: { eventNames: ["Noise"] } }) { id } }',
      { id: source.id },
    );
    expect(await retry(ids)).toEqual({ received: 2, stored: 1, duplicates: 0, dropped: 1, rejected: [] });
    expect(await entries().countDocuments({ sourceId: source.id })).toBe(0);
  });

  test('stays where its source is paused or deleted, which the answer says', async () => {
    const source = await createPushSource(admin);
    const ids = await quarantined(source, [JSON.stringify(newRecord())]);
    await admin.run('mutation ($id: ID!) { pauseSource(id: $id) { id } }', { id: source.id });
    const paused = await admin.raw(RETRY, { ids });
    expect(paused.errors?.[0]).toMatchObject({
      message: `The source ${source.id} is paused: resume it first.`,
      extensions: { code: 'CONFLICT' },
    });
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: source.id });
    const deleted = await admin.raw(RETRY, { ids });
    expect(deleted.errors?.[0]).toMatchObject({
      message: `The source ${source.id} was deleted: what it could not keep stays in quarantine.`,
      extensions: { code: 'CONFLICT' },
    });
    expect(await entries().countDocuments({ sourceId: source.id })).toBe(1);
  });

  test('is tried again a thousand at a time, no more, and more than one batch holds', async () => {
    const source = await createPushSource(admin);
    const filler = 'x'.repeat(9_000);
    const ids = await quarantined(
      source,
      Array.from({ length: 1_000 }, () => JSON.stringify(newRecord({ requestParameters: { filler } }))),
    );
    const tooMany = await admin.raw(RETRY, { ids: [...ids, 'one more'] });
    expect(tooMany.errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['ids'], message: 'must name at most 1000 records' }],
    });
    expect(await retry(ids)).toEqual({
      received: 1_000,
      stored: 1_000,
      duplicates: 0,
      dropped: 0,
      rejected: [],
    });
    expect(await entries().countDocuments({ sourceId: source.id })).toBe(0);
    expect(await ledger(app).batches.countDocuments({ sourceId: source.id })).toBe(3);
  });

  test('tells webhooks nothing that a silent backfill fetched', async () => {
    const source = await createPushSource(admin);
    const [id] = await quarantined(source, [JSON.stringify(newRecord())]);
    await entries().updateOne({ _id: id! }, { $set: { silent: true } });
    expect(await retry([id!])).toMatchObject({ stored: 1 });
    const [commit] = await ledger(app).commits.find({ sourceId: source.id }).toArray();
    expect(commit).toMatchObject({ stored: 1, silent: true });
  });
});

describe('a batch that could not be read', () => {
  /** In the ledger as it came, before any worker saw it. */
  async function batchOf(source: PushSource, payload: Buffer): Promise<string> {
    const _id = `push_${randomUUID()}`;
    await app.core.batches.add([
      { _id, sourceId: source.id, sourceKind: 'HTTP_PUSH', reference: 'pushed', payload },
    ]);
    return _id;
  }

  const settled = (id: string, state: string): Promise<void> =>
    eventually(async () => (await app.core.batches.get(id))?.state === state, `the batch is ${state}`);

  test('is read again as a run of its own: what it stored counts as duplicates, what is new is committed', async () => {
    const source = await createPushSource(admin);
    const good = Array.from({ length: 1_500 }, () => newRecord());
    const records: unknown[] = [...good];
    records.splice(10, 0, { eventID: 'timeless-1' }, { eventID: 'timeless-2' });
    const whole = Buffer.from(JSON.stringify({ Records: records }));
    const id = await batchOf(source, gzipSync(whole).subarray(0, -4_000));
    await settled(id, 'QUARANTINED');
    const before = (await app.core.batches.get(id))!;
    expect(before.error).toMatch(/gzip data is broken/);
    expect(before.stored).toBeGreaterThan(0);
    expect(before.stored).toBeLessThan(1_500);
    expect(before.rejected).toBe(2);
    // The fault passes: the bytes are whole, and one record can be read now.
    const mended = Buffer.from(
      JSON.stringify({
        Records: records.map((record) =>
          (record as { eventID: string }).eventID === 'timeless-2' ? newRecord() : record,
        ),
      }),
    );
    await ledger(app).batches.updateOne({ _id: id }, { $set: { payload: gzipSync(mended) } });
    const { retryBatch } = await admin.run<{ retryBatch: object }>(RETRY_BATCH, { id });
    expect(retryBatch).toEqual({ id, state: 'PENDING', attempts: 0, error: null, received: 0 });
    await settled(id, 'DONE');
    const after = (await app.core.batches.get(id))!;
    expect(after.run).not.toBe(before.run);
    expect(after).toMatchObject({
      received: 1_502,
      stored: 1_501 - before.stored,
      duplicates: before.stored,
      rejected: 1,
      retries: 1,
      attempts: 1,
      crashes: 0,
    });
    const left = await entries().find({ batchId: id }).toArray();
    expect(left.map(({ position, text }) => [position, text])).toEqual([[10, '{"eventID":"timeless-1"}']]);
    await expectConsistent(app);
  });

  test('is listed without its bytes, which are kept for another try', async () => {
    const source = await createPushSource(admin);
    const id = await batchOf(source, Buffer.from('not a trail file'));
    await settled(id, 'QUARANTINED');
    const { items } = await app.core.sourceBatches.page(source.id, null, { limit: 10 });
    expect(items.map(({ item }) => [item._id, item.payload])).toEqual([[id, undefined]]);
    expect(await ledger(app).batches.findOne({ _id: id })).toHaveProperty('payload');
  });

  test('that ended its workers is read again with nothing held against it', async () => {
    const source = await createPushSource(admin);
    const batch = await batchOf(source, Buffer.from('not a trail file'));
    await settled(batch, 'QUARANTINED');
    await ledger(app).batches.updateOne(
      { _id: batch },
      { $set: { crashes: 3, payload: Buffer.from(JSON.stringify({ Records: [newRecord()] })) } },
    );
    await admin.run(RETRY_BATCH, { id: batch });
    await settled(batch, 'DONE');
    expect(await app.core.batches.get(batch)).toMatchObject({ stored: 1, crashes: 0 });
  });

  test.each([
    ['PENDING', {}, 'This batch is PENDING: it is tried again by itself.'],
    ['DONE', {}, 'This batch is DONE: there is nothing to try again.'],
    [
      'CANCELLED',
      { payload: true },
      'The bytes of this batch are no longer kept: have its source send or list them again.',
    ],
  ])('is refused where it is %s without need or means', async (state, unset, message) => {
    const source = await createPushSource(admin);
    const id = await batchOf(source, Buffer.from('{"Records":[]}'));
    await settled(id, 'DONE');
    await ledger(app).batches.updateOne(
      { _id: id },
      {
        $set: { state: state as 'DONE', dueAt: state === 'PENDING' ? new Date(Date.now() + 600_000) : null },
        $unset: unset as { payload: true },
      },
    );
    const { errors } = await admin.raw(RETRY_BATCH, { id });
    expect(errors?.[0]).toMatchObject({ message, extensions: { code: 'CONFLICT' } });
    await ledger(app).batches.deleteOne({ _id: id });
  });

  test('is refused where its source is deleted, or there is none of that id', async () => {
    const source = await createPushSource(admin);
    const id = await batchOf(source, Buffer.from('not a trail file'));
    await settled(id, 'QUARANTINED');
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: source.id });
    expect((await admin.raw(RETRY_BATCH, { id })).errors?.[0]?.extensions.code).toBe('CONFLICT');
    expect((await admin.raw(RETRY_BATCH, { id: 'nothing' })).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  });
});

describe('the token of a push source', () => {
  const ROTATE =
    'mutation ($id: ID!) { rotateIngestToken(id: $id) { ingestToken source { httpPush { tokenHint } } } }';

  test('is replaced at once, and shown once', async () => {
    const source = await createPushSource(admin);
    const { rotateIngestToken } = await admin.run<{
      rotateIngestToken: { ingestToken: string; source: { httpPush: { tokenHint: string } } };
    }>(ROTATE, { id: source.id });
    const { ingestToken: token } = rotateIngestToken;
    expect(token).toMatch(/^tgi_.{43}$/);
    expect(rotateIngestToken.source.httpPush.tokenHint).toBe(token.slice(-4));
    expect(await push(app, source, [newRecord()])).toBe(401);
    expect(await push(app, { id: source.id, token }, [newRecord()])).toBe(200);
  });

  test('is refused of what has none, and of the built-in source', async () => {
    const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
      'mutation { createSource(input: { name: "demo", demo: { eventsPerSecond: 0.1 } }) { source { id } } }',
    );
    for (const id of [createSource.source.id, 'direct'])
      expect((await admin.raw(ROTATE, { id })).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: createSource.source.id });
  });
});

describe('who may', () => {
  test('look is a VIEWER, try again an OPERATOR, and nobody without a name either', async () => {
    const credentials = { email: 'viewer@example.com', password: 'correct horse battery' };
    await app.api.accounts.createUser(credentials, 'VIEWER');
    const { login } = await app.anonymous.run<{ login: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
      { input: credentials },
    );
    const viewer = app.anonymous.as(login.accessToken);
    const source = await createPushSource(admin);
    const ids = await quarantined(source, [JSON.stringify(newRecord())]);
    expect((await viewer.raw(LIST)).errors).toBeUndefined();
    expect((await app.anonymous.raw(LIST)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const mutations: [string, Record<string, unknown>][] = [
      [RETRY, { ids }],
      [RETRY_BATCH, { id: 'any' }],
      ['mutation ($id: ID!) { rotateIngestToken(id: $id) { ingestToken } }', { id: source.id }],
    ];
    for (const [query, variables] of mutations)
      expect((await viewer.raw(query, variables)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(await entries().countDocuments({ sourceId: source.id })).toBe(1);
    expect(await push(app, source, [newRecord()])).toBe(200);
  });
});
