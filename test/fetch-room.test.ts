import type { NewBatch } from '../src/domain/batch';
import type { FetchedPage } from '../src/domain/fetched';
import { Fetcher } from '../src/pipeline/fetcher';
import type { SourceClient } from '../src/pipeline/source-client';
import { eventually } from './support/eventually';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const MOST = 100;
const A_PAGE = 10;
const PAGES = 40;

describe('a source that has more than the workers can follow', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    // No worker: what comes into the ledger stays there.
    app = await startTrailGraph({ settings: { ROLE: 'api' } });
  });
  afterAll(() => app?.stop());

  it('is read on as its batches are settled, and never stands in the ledger whole', async () => {
    const { core } = app;
    await core.sources.create({
      _id: 'vast',
      name: 'vast',
      kind: 'DEMO',
      demo: { eventsPerSecond: 1, seed: 1, startedAt: new Date(), firstRecord: 0 },
      nextRunAt: new Date(0),
    });
    let asked = 0;
    const client: SourceClient = {
      async *fetch(): AsyncGenerator<FetchedPage, null> {
        for (; asked < PAGES; ) {
          const batches = Array.from({ length: A_PAGE }, (_, index): NewBatch => {
            const _id = `vast:${asked}:${index}`;
            return { _id, sourceId: 'vast', sourceKind: 'DEMO', reference: _id, payload: Buffer.from('[]') };
          });
          asked++;
          yield { batches };
        }
        return null;
      },
      pollIntervalMs: () => 3_600_000,
    };
    const fetcher = new Fetcher({
      ...core.stores(),
      clients: { DEMO: client },
      hint: async () => undefined,
      now: core.now,
      crash: () => undefined,
      log: core.log,
      leaseMs: 3_000,
      mostUnsettled: MOST,
    });
    const run = fetcher.run('vast', new AbortController().signal);
    const batches = core.store.db.collection<{ _id: string }>('batches');
    const unsettled = () => core.sourceBatches.unsettledLive('vast', PAGES * A_PAGE);
    let most = 0;
    let settled = 0;
    while (settled < PAGES * A_PAGE) {
      const left = PAGES * A_PAGE - settled;
      await eventually(async () => (await unsettled()) === Math.min(MOST, left), 'the ledger is full');
      most = Math.max(most, asked * A_PAGE - settled);
      // As workers do, down to half.
      const some = await batches
        .find({ state: 'PENDING' } as object)
        .limit(MOST / 2)
        .toArray();
      const done = { $set: { state: 'DONE', dueAt: null, doneAt: new Date() } };
      await batches.updateMany({ _id: { $in: some.map(({ _id }) => _id) } }, done);
      settled += some.length;
    }
    await run;
    expect(most).toBe(MOST);
    expect(asked).toBe(PAGES);
    expect(await core.sources.get('vast')).toMatchObject({ token: null, status: { health: 'HEALTHY' } });
  }, 240_000);

  it('ends at once when it is told to stop while it waits', async () => {
    const { core } = app;
    const stop = new AbortController();
    await core.sources.create({
      _id: 'endless',
      name: 'endless',
      kind: 'DEMO',
      demo: { eventsPerSecond: 1, seed: 1, startedAt: new Date(), firstRecord: 0 },
      nextRunAt: new Date(0),
    });
    let page = 0;
    let ended = false;
    const client: SourceClient = {
      async *fetch(): AsyncGenerator<FetchedPage, null> {
        try {
          for (; ; page++) {
            const _id = `endless:${page}`;
            yield {
              batches: [
                { _id, sourceId: 'endless', sourceKind: 'DEMO', reference: _id, payload: Buffer.from('[]') },
              ],
            };
          }
        } finally {
          ended = true;
        }
      },
      pollIntervalMs: () => 3_600_000,
    };
    const fetcher = new Fetcher({
      ...core.stores(),
      clients: { DEMO: client },
      hint: async () => undefined,
      now: core.now,
      crash: () => undefined,
      log: core.log,
      leaseMs: 3_000,
      mostUnsettled: 20,
    });
    const run = fetcher.run('endless', stop.signal);
    await eventually(async () => (await core.sourceBatches.unsettledLive('endless', 100)) === 20, 'it waits');
    stop.abort();
    await run;
    expect(ended).toBe(true);
    expect(page).toBe(20 - 1);
    expect((await core.sources.get('endless'))?.token).toBeNull();
  });
});
