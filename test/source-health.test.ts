import fc from 'fast-check';
import type { Commit } from '../src/domain/commit';
import { heard, NO_RHYTHM, type Rhythm, silenceLimitMs } from '../src/domain/rhythm';
import { NO_COUNTS, type Source } from '../src/domain/source';
import { healthOf, lagOf, silenceOf, spelled } from '../src/domain/source-health';
import { Folder } from '../src/pipeline/folder';
import { SourceWatch } from '../src/pipeline/source-watch';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, ledger, type PushSource, push } from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5);

/** Hears of something new at each of the times, in milliseconds from the start. */
const learned = (times: number[]): Rhythm =>
  times.reduce((rhythm, ms) => heard(rhythm, new Date(START + ms)), { ...NO_RHYTHM } as Rhythm);

/** Every so often, for so long. */
const every = (ms: number, forMs: number, from = 0): number[] =>
  Array.from({ length: Math.floor(forMs / ms) }, (_, index) => from + index * ms);

/** A source as far as its health needs it. */
const source = (over: Partial<Source>): Source =>
  ({
    _id: 'src_1',
    kind: 'HTTP_PUSH',
    state: 'ACTIVE',
    status: { health: 'UNKNOWN', lastError: null, lastErrorAt: null, remedy: null, lastSuccessAt: null },
    concern: null,
    ...over,
  }) as Source;

describe('what is usual', () => {
  test('is not known before ten gaps and an hour', () => {
    expect(silenceLimitMs(learned(every(MINUTE, HOUR)))).toBeNull();
    expect(silenceLimitMs(learned(every(10 * MINUTE, 90 * MINUTE)))).toBeNull();
    expect(silenceLimitMs(learned(every(10 * MINUTE, 120 * MINUTE)))).not.toBeNull();
  });

  test('makes a quarter of an hour too long for what comes every minute, and no less for what comes at once', () => {
    expect(silenceLimitMs(learned(every(MINUTE, 5 * HOUR)))).toBe(15 * MINUTE);
    expect(silenceLimitMs(learned(every(200, 2 * HOUR)))).toBe(15 * MINUTE);
  });

  test('remembers quiet nights, so that the next one is no news', () => {
    const days = Array.from({ length: 7 }, (_, day) => every(5 * MINUTE, 9 * HOUR, day * DAY)).flat();
    const rhythm = learned(days);
    expect(silenceLimitMs(rhythm)!).toBeGreaterThan(15 * HOUR);
    expect(silenceLimitMs(rhythm)!).toBeLessThan(32 * HOUR);
  });

  test('is not taken from years that were read at once', () => {
    // A first walk that commits all the time for six hours, then a quiet account.
    const walk = every(2_000, 6 * HOUR);
    const rhythm = learned([...walk, ...every(12 * MINUTE, 3 * HOUR, 6 * HOUR)]);
    expect(silenceLimitMs(rhythm)!).toBeGreaterThan(20 * MINUTE);
  });

  test('is not learned from an outage: the next one is told of as well', () => {
    const steady = every(4 * MINUTE, 6 * HOUR);
    const before = silenceLimitMs(learned(steady))!;
    const outage = 6 * HOUR + 5 * DAY;
    const after = silenceLimitMs(learned([...steady, outage, ...every(4 * MINUTE, 12 * HOUR, outage)]))!;
    expect(before).toBeLessThan(HOUR);
    expect(after).toBeLessThanOrEqual(2 * before);
  });

  test('never calls silent what comes as it came, whatever the pace (seed is printed on failure)', () => {
    const paces = fc.integer({ min: 1_000, max: 6 * HOUR });
    fc.assert(
      fc.property(
        paces,
        fc.array(fc.double({ min: 0.3, max: 1.7, noNaN: true }), { minLength: 60, maxLength: 200 }),
        (pace, jitter) => {
          let at = START;
          let rhythm: Rhythm = { ...NO_RHYTHM };
          for (const factor of jitter) {
            at += Math.round(pace * factor);
            const limit = silenceLimitMs(rhythm);
            const gap = rhythm.lastAt ? at - rhythm.lastAt.getTime() : 0;
            if (limit !== null) expect(gap).toBeLessThanOrEqual(limit);
            rhythm = heard(rhythm, new Date(at));
          }
        },
      ),
    );
  });
});

describe('the health of a source', () => {
  const rhythm = learned(every(4 * MINUTE, 6 * HOUR));
  const since = rhythm.lastAt!;
  const later = new Date(since.getTime() + 3 * HOUR + 10 * MINUTE);

  test('says how long nothing came, what is usual, and what to look at', () => {
    const quiet = source({ rhythm });
    const told = healthOf({ ...quiet, concern: silenceOf(quiet, later) }, 10, later);
    expect(told).toMatchObject({
      health: 'DEGRADED',
      lastError: 'nothing came for 3 h 10 min; usually something comes every 4 min',
      remedy: expect.stringContaining('the trail is logging'),
    });
    expect(told.lastErrorAt!.getTime()).toBeGreaterThan(since.getTime());
    expect(told.lastErrorAt!.getTime()).toBeLessThan(later.getTime());
  });

  test.each([
    ['it is paused', { state: 'PAUSED' }],
    ['it is the demo', { kind: 'DEMO' }],
    ['nothing is usual yet', { rhythm: NO_RHYTHM }],
  ] as [string, Partial<Source>][])('does not speak of silence where %s', (_, over) => {
    expect(silenceOf(source({ rhythm, ...over }), later)).toBeNull();
  });

  test('tells a fetch that fails rather than batches, batches rather than a warning, a warning rather than silence', () => {
    const at = new Date(START);
    const batches = { kind: 'batches' as const, count: 2, error: 'the gzip data is broken', at };
    const silence = { kind: 'silence' as const, since: at, usualMs: MINUTE, at };
    const status = { lastError: 'own', lastErrorAt: at, remedy: 'own', lastSuccessAt: at };
    const of = (health: 'FAILING' | 'DEGRADED', concern: Source['concern']): unknown =>
      healthOf(source({ kind: 'S3_BUCKET', status: { health, ...status }, concern }), 1, at).lastError;
    expect(of('FAILING', batches)).toBe('own');
    expect(of('DEGRADED', batches)).toBe('2 batches could not be read of late: the gzip data is broken');
    expect(of('DEGRADED', silence)).toBe('own');
  });

  test.each([
    [500, '1 s'],
    [61_000, '1 min 1 s'],
    [240_000, '4 min'],
    [11_400_000, '3 h 10 min'],
    [2 * DAY + 59_000, '2 d'],
  ])('spells %d ms as %s', (ms, text) => {
    expect(spelled(ms)).toBe(text);
  });

  test('lags behind what is not settled: what is fetched also since nobody looked, what is pushed only while it waits', () => {
    const now = new Date(START + HOUR);
    const old = new Date(START);
    const looked = new Date(START + 50 * MINUTE);
    const status = { ...source({}).status, lastSuccessAt: looked };
    const fetched = source({ kind: 'S3_BUCKET', status });
    expect(lagOf(fetched, old, now)).toEqual({ checkpoint: old, lagMs: HOUR });
    expect(lagOf(fetched, null, now)).toEqual({ checkpoint: looked, lagMs: 10 * MINUTE });
    // What came since the last look says nothing of what came before it.
    expect(lagOf(fetched, new Date(START + 55 * MINUTE), now)).toEqual({
      checkpoint: looked,
      lagMs: 10 * MINUTE,
    });
    const pushed = source({ heardAt: looked });
    expect(lagOf(pushed, null, now)).toEqual({ checkpoint: looked, lagMs: null });
    expect(lagOf(pushed, old, now)).toEqual({ checkpoint: old, lagMs: HOUR });
  });
});

describe('the watch over sources', () => {
  const STATUS = `query ($id: ID!) { source(id: $id) { status {
    health lastError lastErrorAt remedy lastSuccessAt lagSeconds checkpoint received stored duplicates dropped rejected
  } } }`;
  interface Status {
    health: string;
    lastError: string | null;
    remedy: string | null;
    lastSuccessAt: string | null;
    lagSeconds: number | null;
    checkpoint: string | null;
    received: number;
  }

  let app: TestTrailGraph;
  let admin: GraphqlClient;
  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
  });
  afterAll(() => app.stop());

  async function statusOf({ id }: { id: string }): Promise<Status> {
    return (await admin.run<{ source: { status: Status } }>(STATUS, { id })).source.status;
  }

  /** A look at all sources, as the sweeper's holder takes every 30 s. */
  async function look(now: () => Date = app.core.now): Promise<void> {
    const { sources, sourceBatches: batches, metrics, log } = app.core;
    await new SourceWatch({ sources, batches, metrics, log, now }).look();
  }

  /** Commits as they would stand there had something come every four minutes until `agoMs`. */
  async function cameUntil({ id }: PushSource, agoMs: number): Promise<void> {
    const head = await app.core.commits.head();
    const last = Date.now() - agoMs;
    const commits: Commit[] = Array.from({ length: 60 }, (_, index) => ({
      ...NO_COUNTS,
      _id: head + index + 1,
      run: `${id}-${index}`,
      slice: 0,
      batchId: `push_${id}_${index}`,
      sourceId: id,
      sourceKind: 'HTTP_PUSH',
      at: new Date(last - (59 - index) * 4 * MINUTE),
      received: 1,
      dropped: 1,
      ids: [],
    }));
    await ledger(app).commits.insertMany(commits);
    await folded(id);
  }

  function folded(id: string): Promise<void> {
    return eventually(async () => {
      const found = await app.core.sources.get(id);
      return found?.through === (await app.core.commits.head());
    }, 'the commits are folded');
  }

  test('knows nothing of a pushed source until something came, then that it is well', async () => {
    const pushed = await createPushSource(admin);
    expect(await statusOf(pushed)).toMatchObject({
      health: 'UNKNOWN',
      lastSuccessAt: null,
      lagSeconds: null,
      checkpoint: null,
    });
    const before = Date.now();
    await push(app, pushed, [newRecord()]);
    expect((await statusOf(pushed)).health).toBe('HEALTHY');
    await folded(pushed.id);
    const status = await statusOf(pushed);
    expect(status).toMatchObject({ health: 'HEALTHY', lastError: null, lagSeconds: null, received: 1 });
    expect(Date.parse(status.lastSuccessAt!)).toBeGreaterThan(before - 1_000);
    expect(status.checkpoint).toBe(status.lastSuccessAt);
  });

  test('finds a source that went silent, says so while it lasts, and takes it back with what comes next', async () => {
    const pushed = await createPushSource(admin);
    await cameUntil(pushed, 3 * HOUR + 10 * MINUTE);
    await look();
    expect(await statusOf(pushed)).toMatchObject({
      health: 'DEGRADED',
      lastError: 'nothing came for 3 h 10 min; usually something comes every 4 min',
      remedy: expect.stringContaining('the sender has the right URL and token'),
    });
    const { changedAt } = (await app.core.sources.get(pushed.id))!;
    await look();
    expect((await app.core.sources.get(pushed.id))!.changedAt).toEqual(changedAt);
    await push(app, pushed, [newRecord()]);
    await folded(pushed.id);
    await look();
    expect(await statusOf(pushed)).toMatchObject({ health: 'HEALTHY', lastError: null, remedy: null });
  });

  test('holds no pause against a source', async () => {
    const pushed = await createPushSource(admin);
    await cameUntil(pushed, 5 * HOUR);
    await look();
    expect((await statusOf(pushed)).health).toBe('DEGRADED');
    await admin.run('mutation ($id: ID!) { pauseSource(id: $id) { id } }', { id: pushed.id });
    expect((await statusOf(pushed)).health).toBe('HEALTHY');
    await look();
    await admin.run('mutation ($id: ID!) { resumeSource(id: $id) { id } }', { id: pushed.id });
    await look();
    expect((await statusOf(pushed)).health).toBe('HEALTHY');
    await look(() => new Date(Date.now() + 2 * HOUR));
    expect((await statusOf(pushed)).health).toBe('DEGRADED');
  });

  test('tells of batches that could not be read within the last hour, with the newest error', async () => {
    const pushed = await createPushSource(admin);
    await push(app, pushed, [newRecord()]);
    const payload = Buffer.from('not a trail file');
    for (const n of [1, 2]) {
      await app.core.batches.add([
        {
          _id: `push_unread_${n}`,
          sourceId: pushed.id,
          sourceKind: 'HTTP_PUSH',
          reference: 'pushed',
          payload,
        },
      ]);
    }
    await app.drain();
    await look();
    expect(await statusOf(pushed)).toMatchObject({
      health: 'DEGRADED',
      lastError: expect.stringMatching(/^2 batches could not be read of late: this is not a trail file/),
      remedy: expect.stringContaining('trailgraph batch retry'),
    });
    await look(() => new Date(Date.now() + 61 * MINUTE));
    expect((await statusOf(pushed)).health).toBe('HEALTHY');
  });

  test('tells of a batch that is tried again and again, and how old what waits is', async () => {
    const pushed = await createPushSource(admin);
    const old = new Date(Date.now() - 2 * HOUR);
    await ledger(app).batches.insertOne({
      ...NO_COUNTS,
      _id: 'push_tried',
      sourceId: pushed.id,
      sourceKind: 'HTTP_PUSH',
      reference: 'pushed',
      payload: Buffer.from('{"Records":[]}'),
      run: 'a-run',
      state: 'PENDING',
      attempts: 3,
      crashes: 0,
      token: null,
      dueAt: new Date(Date.now() + HOUR),
      error: 'the bucket said 503',
      createdAt: old,
      doneAt: null,
    });
    await look();
    const status = await statusOf(pushed);
    expect(status).toMatchObject({
      health: 'DEGRADED',
      lastError: 'a batch could not be read of late: the bucket said 503',
      checkpoint: old.toISOString(),
    });
    expect(status.lagSeconds).toBeGreaterThanOrEqual(7_200);
    expect(status.lagSeconds).toBeLessThan(7_300);
    const text = await (await fetch(`${app.url}/metrics`)).text();
    const lag = /^trailgraph_source_lag_seconds\{kind="HTTP_PUSH"\} ([\d.]+)$/m.exec(text)!;
    expect(Number(lag[1])).toBeGreaterThanOrEqual(7_200);
    const all = [...text.matchAll(/^trailgraph_sources\{health="(\w+)"\} (\d+)$/gm)];
    expect(Object.keys(Object.fromEntries(all.map(([, health]) => [health, 1]))).sort()).toEqual([
      'DEGRADED',
      'FAILING',
      'HEALTHY',
      'UNKNOWN',
    ]);
    const { sources } = await admin.run<{ sources: { nodes: { status: Status }[] } }>(
      '{ sources(states: [ACTIVE]) { nodes { status { health } } } }',
    );
    for (const [, health, count] of all)
      expect(Number(count)).toBe(sources.nodes.filter(({ status }) => status.health === health).length);
    await ledger(app).batches.deleteOne({ _id: 'push_tried' });
  });

  test('learns once from each commit, however often they are folded', async () => {
    const pushed = await createPushSource(admin);
    await cameUntil(pushed, MINUTE);
    const before = (await app.core.sources.get(pushed.id))!;
    expect(before.rhythm).toMatchObject({ gaps: 10, meanMs: 4 * MINUTE });
    const again = new Folder(app.core.commits, app.core.sources);
    while (await again.fold());
    const { rhythm, counters, heardAt } = (await app.core.sources.get(pushed.id))!;
    expect({ rhythm, counters, heardAt }).toEqual({
      rhythm: before.rhythm,
      counters: before.counters,
      heardAt: before.heardAt,
    });
  });
});
