import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import {
  countersOf,
  createPushSource,
  drained,
  expectConsistent,
  ledger,
  type PushSource,
  push,
  pushApart,
} from './support/ledger';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const noise = (count: number) => Array.from({ length: count }, () => newRecord({ eventName: 'Noise' }));
const wanted = (count: number) => Array.from({ length: count }, () => newRecord());

async function dropNoise(admin: GraphqlClient, { id }: PushSource, on: boolean): Promise<void> {
  await admin.run(
    'mutation ($id: ID!, $filter: EventFilter) { updateSource(id: $id, input: { dropFilter: $filter }) { id } }',
    { id, filter: on ? { eventNames: ['Noise'] } : null },
  );
}

describe('a drop filter', () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function started(settings: Record<string, string> = {}) {
    const app: TestTrailGraph = await startTrailGraph({ settings });
    cleanups.push(() => app.stop());
    const admin = await app.admin();
    return { app, admin, source: await createPushSource(admin) };
  }

  test('drops and counts what matches, from the next batch on after it changed', async () => {
    const { app, admin, source } = await started();
    await push(app, source, [...noise(2), ...wanted(3)]);
    await dropNoise(admin, source, true);
    const known = wanted(1);
    await push(app, source, [...noise(4), ...wanted(5), ...known, ...known, { eventID: 'no time' }]);
    await dropNoise(admin, source, false);
    await push(app, source, noise(6));
    expect(await countersOf(app, source.id)).toEqual({
      received: 5 + 12 + 6,
      stored: 5 + 6 + 6,
      duplicates: 1,
      dropped: 4,
      rejected: 1,
    });
    expect(await ledger(app).events.countDocuments({ sourceId: source.id, eventName: 'Noise' })).toBe(8);
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toContain('trailgraph_events_dropped_total{kind="HTTP_PUSH"} 4\n');
    await expectConsistent(app);
  });

  test('takes nothing back that its run has stored: a worker that was killed before the commit dropped nothing', async () => {
    const { app, admin, source } = await started({ ROLE: 'api' });
    const crew = new WorkerCrew(app.environment);
    cleanups.push(() => crew.killAll());
    const { statuses } = await pushApart(app, source, [[...noise(30), ...wanted(20)]]);
    const killed = crew.start('events-inserted');
    expect((await killed.ended(30_000)).signal).toBe('SIGKILL');
    const stored = await ledger(app).events.find().sort({ _id: 1 }).toArray();
    expect(stored).toHaveLength(50);
    await dropNoise(admin, source, true);
    crew.start();
    await drained(app);
    await statuses;
    expect(await ledger(app).events.find().sort({ _id: 1 }).toArray()).toEqual(stored);
    expect(await countersOf(app, source.id)).toEqual({
      received: 50,
      stored: 50,
      duplicates: 0,
      dropped: 0,
      rejected: 0,
    });
    await expectConsistent(app);
  });

  test('may change while records come: each is stored or dropped, and the counters tell which', async () => {
    const { app, admin, source } = await started();
    const bodies = Array.from({ length: 40 }, () => [...noise(5), ...wanted(5)]);
    const statuses: number[] = [];
    const pushing = Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        for (const body of bodies.filter((_, index) => index % 4 === lane))
          statuses.push(await push(app, source, body));
      }),
    );
    for (let change = 0; change < 30; change++) await dropNoise(admin, source, change % 2 === 0);
    await pushing;
    await eventually(async () => (await app.core.batches.pendingCount()) === 0, 'all are settled');
    expect(statuses).toEqual(bodies.map(() => 200));
    const counters = await countersOf(app, source.id);
    expect(counters).toMatchObject({ received: 400, duplicates: 0, rejected: 0 });
    expect(counters.stored + counters.dropped).toBe(400);
    const kept = { sourceId: source.id, eventName: 'Noise' };
    expect(await ledger(app).events.countDocuments(kept)).toBe(200 - counters.dropped);
    await expectConsistent(app);
  });
});
