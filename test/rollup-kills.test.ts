import type { RollupCell } from '../src/store/rollups';
import { trailgraph } from './support/command';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, demoRecords, drained, ledger, type PushSource, pushApart } from './support/ledger';
import { modelStats } from './support/stats-model';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const HOUR = 3_600_000;
const SPAN = { from: '2023-06-20T00:00:00Z', to: '2023-08-01T00:00:00Z' };
const STATS = `query ($filter: EventFilter) {
  eventStats(filter: $filter) { total failures top(by: EVENT_NAME, first: 20) { key count failures } }
}`;
/** No other filter than `SPAN`, but one that counts kept by the hour can't answer. */
const BY_SCAN = { ...SPAN, none: [{ text: 'no event has this text' }] };

/** Over 40 days, in no order of time, so that a fold writes its cells in several parts. */
const records = demoRecords(11, 0, 1_600).map((record, index) => ({
  ...record,
  eventTime: new Date(Date.UTC(2023, 5, 20) + ((index * 37) % 960) * HOUR)
    .toISOString()
    .replace('.000Z', 'Z'),
}));

describe('a fold into the counts of statistics that is killed in the midst of writing', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  let crew: WorkerCrew;

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
    crew = new WorkerCrew(app.environment);
    admin = await app.admin();
    source = await createPushSource(admin);
  });
  afterAll(async () => {
    await crew?.killAll();
    await app?.stop();
  });

  const stats = async (filter: object): Promise<object> =>
    (await admin.run<{ eventStats: object }>(STATS, { filter })).eventStats;
  const cellsOf = (generation: number): Promise<RollupCell[]> =>
    ledger(app).db.collection<RollupCell>('rollups').find({ generation }).toArray();
  /** As if the time of the one who was killed had run out. */
  const endLease = async (): Promise<void> => {
    const leases = ledger(app).db.collection<{ _id: string }>('leases');
    await leases.deleteMany({ _id: /^rollups / as never });
  };
  /** Every event once, whether it is asked for by the counts, by a scan, or by looking into the cells. */
  const expectExact = async (events: number): Promise<void> => {
    const stored = await ledger(app).events.find().toArray();
    const { total, failures, top } = modelStats(stored, 'EVENT_NAME', 20);
    expect(total).toBe(events);
    expect(await stats(SPAN)).toEqual({ total, failures, top });
    expect(await stats(BY_SCAN)).toEqual({ total, failures, top });
    const { _id: generation } = (await app.core.rollups.current())!;
    const cells = await cellsOf(generation);
    for (const level of ['hour', 'day']) {
      const counted = cells.filter((cell) => cell.level === level).reduce((sum, { count }) => sum + count, 0);
      expect([level, counted]).toEqual([level, events]);
    }
  };
  const caughtUp = (): Promise<void> =>
    eventually(async () => {
      const [generation, head] = [await app.core.rollups.current(), await app.core.commits.head()];
      return generation?.through === head;
    }, 'the counts have caught up');

  test('by a worker counts no event twice, and none not at all, when the next one repeats it', async () => {
    const doomed = crew.start('rollup-cells-written:2');
    const { statuses } = await pushApart(app, source, [records.slice(0, 700), records.slice(700, 1_200)]);
    expect(await doomed.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
    const begun = ((await app.core.rollups.current()) ?? (await app.core.rollups.building()))!;
    const left = await cellsOf(begun._id);
    expect(left.length).toBeGreaterThan(0);
    // What it wrote, nobody remembers.
    expect(Math.max(...left.map(({ through }) => through))).toBeGreaterThan(begun.through);
    await endLease();
    crew.start();
    for (const status of await statuses) expect([200, 503]).toContain(status);
    await drained(app);
    await caughtUp();
    await expectExact(1_200);
  });

  test('by trailgraph rebuild-rollups leaves the figures as they are, and is gone on with by the next run', async () => {
    const before = (await app.core.rollups.current())!._id;
    const killed = await trailgraph(['rebuild-rollups'], {
      environment: { ...app.environment, TRAILGRAPH_CRASH_AT: 'rollup-cells-written:3' },
    });
    expect(killed).toMatchObject({ code: null, stdout: '' });
    const begun = (await app.core.rollups.building())!;
    expect(begun._id).toBeGreaterThan(before);
    const kept = await cellsOf(begun._id);
    expect(kept.length).toBeGreaterThan(0);
    await expectExact(1_200);

    // More comes while nobody rebuilds.
    const { statuses } = await pushApart(app, source, [records.slice(1_200)]);
    for (const status of await statuses) expect([200, 503]).toContain(status);
    await drained(app);
    await endLease();
    const resumed = await trailgraph(['rebuild-rollups'], { environment: app.environment });
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect((await app.core.rollups.current())!._id).toBe(begun._id);
    expect(await cellsOf(before)).toEqual([]);
    await caughtUp();
    await expectExact(1_600);
  });

  test('is at no place that there is not', async () => {
    const { code, stderr } = await trailgraph(['rebuild-rollups'], {
      environment: { ...app.environment, TRAILGRAPH_CRASH_AT: 'nowhere' },
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('TRAILGRAPH_CRASH_AT must be one of');
  });
});
