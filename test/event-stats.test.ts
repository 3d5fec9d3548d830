import fc from 'fast-check';
import type { CloudTrailRecord, StoredEvent } from '../src/domain/event';
import type { EventFilter } from '../src/domain/filter';
import { MAX_KEYS } from '../src/domain/stats/tally';
import { StatsReader } from '../src/graphql/stats/stats-reader';
import { RollupFolder } from '../src/pipeline/rollup-folder';
import { trailgraph } from './support/command';
import { recordsIn, trail, trailKind } from './support/demo-trail';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, demoRecords, ledger, type PushSource, push } from './support/ledger';
import { inScope, MODEL_DIMENSIONS, modelStats } from './support/stats-model';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const STATS = `query ($filter: EventFilter, $by: EventDimension!, $interval: HistogramInterval, $splitBy: EventDimension) {
  eventStats(filter: $filter) {
    from to total failures
    top(by: $by, first: 20) { key count failures }
    histogram(interval: $interval, splitBy: $splitBy, splitTop: 3) { intervalSeconds series { key times counts } }
    places { latitude longitude countryCode city count failures }
  }
}`;

interface Stats {
  from: string;
  to: string;
  total: number;
  failures: number;
  top: { key: string; count: number; failures: number }[];
  histogram: {
    intervalSeconds: number;
    series: { key: string | null; times: string[]; counts: number[] }[];
  };
  places: { latitude: number; longitude: number; city: string | null; count: number; failures: number }[];
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe(`statistics (${trailKind()} trail, seed ${SEED})`, () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const trailRecords: CloudTrailRecord[] = [];
  /** How often a fold is still to end in the midst of writing, as one that is killed does. */
  let crashes = 0;
  let crashed = 0;
  let spread: CloudTrailRecord[] = [];

  beforeAll(async () => {
    app = await startTrailGraph({
      crash: (point) => {
        if (point !== 'rollup-cells-written' || crashes === 0) return;
        crashes--;
        crashed++;
        throw new Error('killed here');
      },
    });
    admin = await app.admin();
    source = await createPushSource(admin);
    const data = await trail();
    for (const object of data.objects) trailRecords.push(...(await recordsIn(object)));
    await data.remove();
    // Over 40 days, more cells than one write holds, in no order of time.
    spread = demoRecords(SEED, 0, 1_500).map((record, index) => ({
      ...record,
      eventTime: new Date(Date.UTC(2023, 5, 20) + ((index * 37) % 960) * HOUR + (index % 60) * 61_000)
        .toISOString()
        .replace(/\.\d+Z$/, 'Z'),
    }));
  }, 240_000);
  afterAll(() => app?.stop());

  const stats = async (
    filter: EventFilter | null,
    { by = 'EVENT_NAME', interval = 'AUTO', splitBy = null as string | null } = {},
  ): Promise<Stats> =>
    (await admin.run<{ eventStats: Stats }>(STATS, { filter, by, interval, splitBy })).eventStats;

  const folded = (): Promise<void> =>
    eventually(async () => {
      const [generation, head] = [await app.core.rollups.current(), await app.core.commits.head()];
      return generation?.through === head;
    }, 'the rollups have caught up');
  const stored = (): Promise<StoredEvent[]> => ledger(app).events.find().toArray();
  const allOf = (records: CloudTrailRecord[], ...names: string[]) =>
    records.filter(({ eventName }) => names.includes(eventName as string)).length;

  test('tell at once of what was stored, and the same once it is folded', async () => {
    crashes = Number.MAX_SAFE_INTEGER; // Nothing is folded yet.
    for (let at = 0; at < trailRecords.length; at += 1_000)
      expect(await push(app, source, trailRecords.slice(at, at + 1_000))).toBe(200);
    const times = trailRecords.map(({ eventTime }) => Date.parse(eventTime as string));
    const filter: EventFilter = {
      from: new Date(Math.floor(Math.min(...times) / HOUR) * HOUR),
      to: new Date(Math.floor(Math.max(...times) / HOUR + 1) * HOUR),
    };
    const ids = new Set(trailRecords.map(({ eventID }) => eventID));
    const unfolded = await stats(filter, { interval: 'HOUR' });
    expect(unfolded.total).toBe(ids.size);
    crashes = 0;
    await folded();
    expect(await stats(filter, { interval: 'HOUR' })).toEqual(unfolded);

    // Counted in the records as they are in the files.
    const names = [...new Set(trailRecords.map(({ eventName }) => eventName as string))];
    const common = names
      .map((key) => ({ key, count: allOf(trailRecords, key) }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
    expect(unfolded.top.map(({ key, count }) => ({ key, count }))).toEqual(common.slice(0, 20));
    const [series] = unfolded.histogram.series;
    expect(series!.counts).toEqual(
      series!.times.map((time) => {
        const start = Date.parse(time);
        return times.filter((at) => at >= start && at < start + HOUR).length;
      }),
    );
    expect(crashed).toBeGreaterThan(0);
  });

  test('of one key are those of the records that bear it', async () => {
    const filter = { from: new Date('2023-01-01T00:00:00Z'), to: new Date('2024-01-01T00:00:00Z') };
    for (const [name] of [['GetUser'], ['Decrypt'], ['NoSuchEvent']] as const) {
      const { total } = await stats({ ...filter, eventNames: [name] });
      expect({ name, total }).toEqual({ name, total: allOf(trailRecords, name) });
    }
    const prefixed = await stats({ ...filter, eventNames: ['Describe*'] });
    expect(prefixed.total).toBe(
      trailRecords.filter(({ eventName }) => (eventName as string)?.startsWith('Describe')).length,
    );
  });

  test('are exact whatever is asked, also when folds were killed half-way and repeated', async () => {
    crashes = 3;
    crashed = 0;
    for (let at = 0; at < spread.length; at += 500)
      expect(await push(app, source, spread.slice(at, at + 500))).toBe(200);
    await folded();
    expect(crashed).toBe(3);
    const events = await stored();
    expect(events).toHaveLength(trailRecords.length + spread.length);
    const texts = (values: string[]) => fc.subarray(values, { minLength: 1, maxLength: 3 });
    const some = (of: (event: StoredEvent) => unknown): string[] =>
      [...new Set(events.map(of).filter((value): value is string => typeof value === 'string'))].slice(0, 40);
    const filters = fc.oneof(
      fc.constant<EventFilter>({}),
      texts(some((event) => event.eventName)).map((eventNames) => ({ eventNames })),
      texts(some((event) => event.eventSource)).map((eventSources) => ({ eventSources })),
      texts(some(({ enrichment }) => enrichment.actor.name)).map((actors) => ({ actors })),
      texts(some((event) => event.sourceIPAddress)).map((addresses) => ({ addresses })),
      texts(some((event) => event.errorCode)).map((errorCodes) => ({ errorCodes, outcome: 'FAILURE' })),
      texts(some(({ enrichment }) => enrichment.geo?.countryCode)).map((countryCodes) => ({ countryCodes })),
      fc.constant<EventFilter>({ outcome: 'FAILURE' }),
      fc.constant<EventFilter>({ outcome: 'SUCCESS', eventNames: ['Get*', 'List*'] }),
      fc.constant<EventFilter>({ readOnly: true, sourceIds: [source.id] }),
      fc.constant<EventFilter>({ none: [{ eventSources: ['s3.amazonaws.com'] }] }),
      fc.constant<EventFilter>({ all: [{ eventSources: ['iam.amazonaws.com'] }] }),
      fc.constant<EventFilter>({ text: 'role' }),
    ) as fc.Arbitrary<EventFilter>;
    const begin = Date.UTC(2023, 5, 18);
    const moments = fc.oneof(
      fc.integer({ min: 0, max: 50 }).map((days) => begin + days * DAY),
      fc.integer({ min: 0, max: 50 * 24 }).map((hours) => begin + hours * HOUR),
      fc.integer({ min: 0, max: 50 * 86_400 }).map((seconds) => begin + seconds * 1_000),
    );
    const cases = fc.record({
      filter: filters,
      ends: fc.uniqueArray(moments, { minLength: 2, maxLength: 2 }),
      by: fc.constantFrom(...MODEL_DIMENSIONS),
      interval: fc.constantFrom('AUTO', 'HOUR', 'HOUR_6', 'DAY', 'WEEK'),
      splitBy: fc.option(fc.constantFrom(...MODEL_DIMENSIONS)),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ filter, ends, by, interval, splitBy }) => {
        const [from, to] = ends.sort((a, b) => a - b).map((end) => new Date(end)) as [Date, Date];
        const answer = await stats({ ...filter, from, to }, { by, interval, splitBy });
        const wanted = inScope(events, filter, from, to);
        const { total, failures, top } = answer;
        expect({ total, failures, top }).toEqual(modelStats(wanted, by, 20));
        const { series, intervalSeconds } = answer.histogram;
        const steps = (series[0]?.times ?? []).map((time) => Date.parse(time));
        const inSteps = steps.map(() => 0);
        for (const { eventTime } of steps.length > 0 ? wanted : [])
          inSteps[Math.floor((eventTime.getTime() - steps[0]!) / (intervalSeconds * 1_000))]!++;
        const sums = steps.map((_, index) => series.reduce((sum, { counts }) => sum + counts[index]!, 0));
        expect(sums).toEqual(inSteps);
        expect(sums.reduce((sum, count) => sum + count, 0)).toBe(total);
        const keyed = series.filter(({ key }) => key !== null);
        expect(keyed.map(({ key, counts }) => ({ key, count: counts.reduce((a, b) => a + b, 0) }))).toEqual(
          splitBy ? modelStats(wanted, splitBy, 3).top.map(({ key, count }) => ({ key, count })) : [],
        );
        const located = wanted.filter(({ enrichment }) => typeof enrichment.geo?.latitude === 'number');
        expect(answer.places.reduce((sum, { count }) => sum + count, 0)).toBe(located.length);
      }),
      { seed: SEED, numRuns: 100 },
    );
  }, 240_000);

  test('count each event once when two fold the same at once', async () => {
    const { commits, facts, rollups } = app.core;
    const generation = await rollups.begin();
    const folder = () => new RollupFolder({ commits, facts, rollups, crash: () => undefined });
    await Promise.all([folder().pass(generation), folder().pass(generation), folder().pass(generation)]);
    for (let more = true; more; ) more = (await folder().pass((await rollups.get(generation._id))!))!.more;
    const cells = ledger(app).db.collection<{ generation: number; level: string; count: number }>('rollups');
    for (const level of ['hour', 'day']) {
      const found = await cells.find({ generation: generation._id, level }).toArray();
      expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(trailRecords.length + spread.length);
    }
  });

  test('count by looking at the events where an hour has more keys than are kept, or odd ones', async () => {
    const records = Array.from({ length: MAX_KEYS + 100 }, (_, index) => ({
      eventTime: '2024-03-01T12:34:56Z',
      eventName: index % 2 ? 'Many' : ['Many', 'Odd'],
      sourceIPAddress: `10.${index >> 8}.${index & 255}.1`,
    }));
    for (const half of [records.slice(0, 1_050), records.slice(1_050)])
      expect(await push(app, source, half)).toBe(200);
    await folded();
    for (const hours of [1, 48]) {
      const from = new Date(Date.UTC(2024, 2, 1, hours === 1 ? 12 : 0));
      const filter = { from, to: new Date(from.getTime() + hours * HOUR) };
      const { total, top } = await stats(filter, { by: 'ADDRESS' });
      expect(total).toBe(records.length);
      expect(top).toHaveLength(20);
      expect(top[0]).toEqual({ key: '10.0.0.1', count: 1, failures: 0 });
      expect((await stats({ ...filter, addresses: ['10.8.5.1', '10.0.0.1'] })).total).toBe(2);
      // In a list a name is found by filters, but no key of the top.
      expect(await stats({ ...filter, eventNames: ['Many'] })).toMatchObject({
        total: records.length,
        top: [{ key: 'Many', count: records.length / 2, failures: 0 }],
      });
      expect((await stats({ ...filter, eventNames: ['Odd'] })).total).toBe(records.length / 2);
    }
  });

  test('leave events out before retention removes them, whichever way they are counted', async () => {
    const [event] = await ledger(app).events.find({ eventName: 'GetUser' }).limit(1).toArray();
    const storedAt = event!.ingestedAt.getTime();
    const hour = Math.floor(storedAt / HOUR) * HOUR;
    const span = { from: new Date('2023-06-01T00:00:00Z'), to: new Date('2023-08-30T00:00:00Z') };
    const { rollups, facts, scan, commits, batches } = app.core;
    const at = (now: number) =>
      new StatsReader({
        rollups,
        facts,
        scan,
        commits,
        batches,
        retentionDays: 90,
        now: () => new Date(now + 90 * DAY),
      });
    const need = { dimension: null, buckets: null };
    const totals = async (now: number) => {
      const filters: EventFilter[] = [{}, { text: '', none: [{ eventNames: ['NoSuchEvent'] }] }];
      const counted = await Promise.all(filters.map((filter) => at(now).count({ filter, ...span }, [need])));
      return counted.map(([one]) => (one!.status === 'fulfilled' ? one!.value.sum.count : one!.reason));
    };
    const events = await stored();
    const kept = (since: number) =>
      events.filter(
        ({ ingestedAt, eventTime }) =>
          ingestedAt.getTime() >= since && eventTime >= span.from && eventTime < span.to,
      ).length;
    // All of them within a day of storing, where cells of hours are read; then beyond the hour of storing.
    for (const [now, since] of [
      [hour - 1, hour],
      [hour - 2 * HOUR, hour - 2 * HOUR],
      [storedAt + 1, hour + HOUR],
    ] as const)
      expect(await totals(now)).toEqual([kept(since), kept(since)]);
    expect(kept(hour)).toBeGreaterThan(0);
  });

  test('say what to change where they can not be told', async () => {
    const far = { from: '2023-01-01T00:00:00Z', to: '2023-12-31T00:00:00Z' };
    const faults = [
      [{ filter: far, by: 'ACTOR', interval: 'MINUTE' }, 'a longer interval'],
      [{ filter: { from: '2999-01-01T00:00:00Z' }, by: 'ACTOR' }, 'future'],
      [{ filter: { from: far.to, to: far.from }, by: 'ACTOR' }, 'later than from'],
    ] as const;
    for (const [variables, message] of faults) {
      const { errors } = await admin.raw(STATS, variables);
      expect(errors?.[0]).toMatchObject({
        message: expect.stringContaining(message),
        extensions: { code: 'BAD_USER_INPUT' },
      });
    }
    expect((await app.anonymous.raw(STATS, { by: 'ACTOR' })).errors?.[0]?.extensions.code).toBe(
      'UNAUTHENTICATED',
    );
  });

  test('are built anew by trailgraph rebuild-rollups, while the server runs and answers', async () => {
    const filter = { from: new Date('2023-06-01T00:00:00Z'), to: new Date('2023-09-01T00:00:00Z') };
    const right = await stats(filter, { by: 'ACTOR' });
    const before = (await app.core.rollups.current())!._id;
    const cells = ledger(app).db.collection('rollups');
    await cells.updateMany({}, { $inc: { count: 1_000 } });
    expect((await stats(filter, { by: 'ACTOR' })).total).toBeGreaterThan(right.total);
    // One that was interrupted stands there already: it is wrong, and begun anew only by hand.
    await ledger(app)
      .db.collection<{ _id: number }>('rollup_generations')
      .deleteMany({ _id: { $gt: before } });
    await cells.deleteMany({ generation: { $gt: before } });
    const rebuilt = await trailgraph(['rebuild-rollups'], { environment: app.environment });
    expect(rebuilt).toMatchObject({ code: 0, stderr: '' });
    expect(rebuilt.stdout).toContain('were counted anew');
    expect((await app.core.rollups.current())!._id).toBeGreaterThan(before);
    expect(await stats(filter, { by: 'ACTOR' })).toEqual(right);
    expect(await cells.countDocuments({ generation: before })).toBe(0);
    // And the server goes on with them.
    expect(await push(app, source, [{ eventTime: '2023-07-01T00:00:00Z', eventName: 'After' }])).toBe(200);
    expect((await stats(filter)).total).toBe(right.total + 1);
    await folded();
    expect((await stats(filter)).total).toBe(right.total + 1);
    expect((await trailgraph(['rebuild-rollups'], { cwd: '/' })).code).toBe(2);
  });
});
