import type { CrashPoint } from '../src/pipeline/crash-points';
import { eventually } from './support/eventually';
import { countersOf, drained, expectConsistent, storedIds } from './support/ledger';
import { idsOfAll, MINUTE, recordsAt, SECOND, timesUpTo } from './support/lookup-poller';
import { LookupServer } from './support/lookup-server';
import { createLookupSource, statusOf, stored } from './support/lookup-sources';
import { startTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const sorted = (ids: string[]): string[] => [...ids].sort();
const recent = (): number => Math.floor(Date.now() / SECOND) * SECOND - 2 * MINUTE;

describe('a worker that is killed while it reads LookupEvents', () => {
  const CRASHES: (CrashPoint | `${CrashPoint}:${number}`)[] = [
    'page-fetched',
    'page-fetched:3',
    'page-in-ledger',
    'page-in-ledger:2',
    'object-downloaded',
    'events-inserted',
    'before-commit',
    'after-commit',
  ];

  test.each(CRASHES)(
    'at %s leaves every event stored once, and counters that reconcile',
    async (crashAt) => {
      const server = await LookupServer.start({ pageSize: 30, throttle: null });
      cleanups.push(() => server.close());
      const app = await startTrailGraph({ settings: { ROLE: 'api', TRAILGRAPH_LEASE_SECONDS: '1' } });
      cleanups.push(() => app.stop());
      const admin = await app.admin();
      const crew = new WorkerCrew(app.environment);
      cleanups.push(() => crew.killAll());
      const records = recordsAt(timesUpTo(recent(), 100, SECOND));
      server.add('us-east-1', records);
      const doomed = crew.start(crashAt);
      const id = await createLookupSource(app, admin, server);
      expect(await doomed.ended(40_000)).toEqual({ code: null, signal: 'SIGKILL' });
      const late = recordsAt([recent() - 30 * MINUTE]);
      server.add('us-east-1', late);
      crew.start();
      await stored(app, 100 + 1, 90_000);
      await eventually(async () => (await statusOf(admin, id)).health === 'HEALTHY', 'the source is healthy');
      await drained(app);
      expect(await storedIds(app)).toEqual(sorted(idsOfAll([...records, ...late])));
      const { received, stored: fresh, duplicates, dropped, rejected } = await countersOf(app, id);
      expect({ fresh, dropped, rejected }).toEqual({ fresh: 101, dropped: 0, rejected: 0 });
      expect(received).toBe(fresh + duplicates);
      await expectConsistent(app);
    },
    90_000,
  );
});
