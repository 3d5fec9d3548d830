import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { MongoClient } from 'mongodb';
import type { Batch, BatchState } from '../src/domain/batch';
import { NO_COUNTS } from '../src/domain/source';
import { BatchStore } from '../src/store/batches';
import { StoreClock } from '../src/store/clock';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 0x7fffffff);
/** Machine after machine is tried until this has passed. */
const WITHIN_MS = process.env.CHAOS === 'long' ? 60_000 : 6_000;
const WORKERS = [0, 1, 2];
const IDS = ['a', 'b', 'c'];
/** Longer than the test: time passes only where the test says so. */
const LEASE_MS = 3_600_000;

/** What is to be true of a batch. */
interface Expected {
  state: BatchState;
  /** The claim that may write; null while nobody's may. */
  token: string | null;
  due: boolean;
  attempts: number;
  crashes: number;
  stored: number;
}

interface Model {
  batches: Map<string, Expected>;
}

/** What each worker believes to hold: a worker that slept believes it long after it is true. */
interface Real {
  store: BatchStore;
  /** Has the leases, or the waits, of batches run out. */
  lapse(ids: string[]): Promise<void>;
  all(): Promise<Map<string, Batch>>;
  believes: Map<string, string>;
}

type Command = fc.AsyncCommand<Model, Real>;
const key = (worker: number, id: string): string => `${worker} ${id}`;

/** Whatever was done: the ledger says what the model says, of every batch. */
async function agree(model: Model, real: Real): Promise<void> {
  const batches = await real.all();
  expect([...batches.keys()].sort()).toEqual([...model.batches.keys()].sort());
  for (const [id, expected] of model.batches) {
    const found = batches.get(id);
    expect(found).toMatchObject({
      state: expected.state,
      token: expected.token,
      attempts: expected.attempts,
      crashes: expected.crashes,
      stored: expected.stored,
    });
    expect(found!.dueAt === null).toBe(expected.state !== 'PENDING');
    expect(found!.doneAt === null).toBe(expected.state === 'PENDING');
  }
}

/** A command of one batch and one worker, whose whole effect the model foretells. */
function command(
  name: string,
  check: (model: Readonly<Model>) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
): Command {
  return {
    check,
    run: async (model, real) => {
      await run(model, real);
      await agree(model, real);
      // The clocks of the database and of this process may be some milliseconds apart: what is due is so to both.
      await real.lapse([...model.batches].flatMap(([id, batch]) => (isDue(batch) ? [id] : [])));
    },
    toString: () => name,
  };
}

/** A claim that the store granted is one that the model allows, and takes the right of every claim before it. */
function granted(model: Model, real: Real, worker: number, claimed: Batch & { token: string }): void {
  const batch = model.batches.get(claimed._id)!;
  expect({ state: batch.state, due: batch.due }).toEqual({ state: 'PENDING', due: true });
  batch.crashes += batch.token === null ? 0 : 1;
  batch.attempts += 1;
  batch.token = claimed.token;
  batch.due = false;
  real.believes.set(key(worker, claimed._id), claimed.token);
}

const isDue = ({ state, due }: Expected): boolean => state === 'PENDING' && due;

const add = (id: string): Command =>
  command(
    `add ${id}`,
    () => true,
    async (model, real) => {
      const batch = { _id: id, sourceId: 's', sourceKind: 'HTTP_PUSH' as const, reference: id };
      const added = await real.store.add([{ ...batch, payload: Buffer.from('{"Records":[]}') }]);
      expect(added).toEqual(model.batches.has(id) ? [] : [id]);
      if (added.length > 0)
        model.batches.set(id, {
          state: 'PENDING',
          token: null,
          due: true,
          attempts: 0,
          crashes: 0,
          stored: 0,
        });
    },
  );

const claimAtOnce = (workers: number[], id: string): Command =>
  command(
    `${workers.join(', ')} claim ${id}`,
    (model) => model.batches.has(id),
    async (model, real) => {
      const due = isDue(model.batches.get(id)!);
      const claims = await Promise.all(workers.map(() => real.store.claim({ id }, LEASE_MS)));
      expect(claims.filter((claimed) => claimed !== null)).toHaveLength(due ? 1 : 0);
      for (const [index, claimed] of claims.entries())
        if (claimed) granted(model, real, workers[index]!, claimed);
    },
  );

const claimAny = (workers: number[]): Command =>
  command(
    `${workers.join(', ')} claim what is due`,
    () => true,
    async (model, real) => {
      const due = [...model.batches.values()].filter(isDue).length;
      const claims = await Promise.all(workers.map(() => real.store.claim('live', LEASE_MS)));
      const taken = claims.flatMap((claimed) => claimed?._id ?? []);
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken).toHaveLength(Math.min(due, workers.length));
      for (const [index, claimed] of claims.entries())
        if (claimed) granted(model, real, workers[index]!, claimed);
    },
  );

/** A write by what a worker believes to hold: done if, and only if, that is still so. */
const write = (
  what: string,
  worker: number,
  id: string,
  act: (store: BatchStore, token: string) => Promise<boolean>,
  effect: (batch: Expected) => void,
): Command =>
  command(
    `${worker} ${what} ${id}`,
    (model) => model.batches.has(id),
    async (model, real) => {
      const token = real.believes.get(key(worker, id));
      if (token === undefined) return;
      const batch = model.batches.get(id)!;
      const holds = batch.state === 'PENDING' && batch.token === token;
      expect(await act(real.store, token)).toBe(holds);
      if (holds) effect(batch);
    },
  );

const renew = (worker: number, id: string): Command =>
  write(
    'renews',
    worker,
    id,
    (store, token) => store.renew(id, token, LEASE_MS),
    (batch) => {
      batch.due = false;
    },
  );

const release = (worker: number, id: string, delayMs: number): Command =>
  write(
    `gives back for ${delayMs} ms`,
    worker,
    id,
    (store, token) => store.release(id, token, delayMs, 'as it failed'),
    (batch) => {
      batch.token = null;
      batch.due = delayMs === 0;
    },
  );

const settle = (worker: number, id: string, state: 'DONE' | 'FAILED' | 'QUARANTINED'): Command =>
  write(
    `settles as ${state}`,
    worker,
    id,
    (store, token) =>
      store.settle(id, token, { ...NO_COUNTS, received: worker, stored: worker, state, error: null }),
    (batch) => {
      // What one worker stored stands, whatever a later one says.
      Object.assign(batch, { state, token: null, due: false, stored: worker });
    },
  );

const lapse = (id: string): Command =>
  command(
    `the lease or wait of ${id} runs out`,
    (model) => model.batches.get(id)?.state === 'PENDING',
    async (model, real) => {
      await real.lapse([id]);
      model.batches.get(id)!.due = true;
    },
  );

const die = (worker: number): Command =>
  command(
    `${worker} dies`,
    () => true,
    async (_, real) => {
      for (const id of IDS) real.believes.delete(key(worker, id));
    },
  );

const forgive = (id: string): Command =>
  command(
    `a crash of ${id} is taken back`,
    (model) => model.batches.has(id),
    async (model, real) => {
      await real.store.forgiveCrash(id);
      const batch = model.batches.get(id)!;
      if (batch.state === 'PENDING' && batch.crashes > 0) batch.crashes -= 1;
    },
  );

const retry = (id: string): Command =>
  command(
    `an operator has ${id} tried again`,
    (model) => model.batches.has(id),
    async (model, real) => {
      const batch = model.batches.get(id)!;
      const before = (await real.all()).get(id);
      // Those that failed have no bytes any more.
      const can = batch.state === 'QUARANTINED';
      const after = await real.store.retry(id);
      expect(after !== null).toBe(can);
      if (!can) return;
      expect(after!.run).not.toBe(before!.run);
      Object.assign(batch, { state: 'PENDING', token: null, due: true, attempts: 0, crashes: 0, stored: 0 });
    },
  );

const worker = fc.constantFrom(...WORKERS);
const id = fc.constantFrom(...IDS);
const several = fc.subarray(WORKERS, { minLength: 1 });
const commands = fc.commands(
  [
    fc.constantFrom(...IDS).map(add),
    fc.tuple(several, id).map(([workers, batch]) => claimAtOnce(workers, batch)),
    several.map(claimAny),
    fc.tuple(worker, id).map(([by, batch]) => renew(by, batch)),
    fc
      .tuple(worker, id, fc.constantFrom(0, LEASE_MS))
      .map(([by, batch, delayMs]) => release(by, batch, delayMs)),
    fc
      .tuple(worker, id, fc.constantFrom('DONE' as const, 'FAILED' as const, 'QUARANTINED' as const))
      .map(([by, batch, state]) => settle(by, batch, state)),
    id.map(lapse),
    worker.map(die),
    id.map(forgive),
    id.map(retry),
  ],
  { maxCommands: 40, size: 'max' },
);

describe(`the leases of batches (seed ${SEED})`, () => {
  let client: MongoClient;
  let clock: StoreClock;

  beforeAll(async () => {
    const database = `test-leases-${randomBytes(6).toString('hex')}`;
    // What is fenced is so without the journal too, which takes most of the time.
    client = new MongoClient(process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`));
    clock = await StoreClock.open(client.db());
  });
  afterAll(async () => {
    clock?.close();
    await client?.close();
  });

  async function fresh(): Promise<Real> {
    const batches = client.db().collection<Batch>('batches');
    await batches.deleteMany({});
    return {
      store: new BatchStore(client.db(), clock),
      lapse: async (ids) => {
        await batches.updateMany({ _id: { $in: ids } }, { $set: { dueAt: new Date(0) } });
      },
      all: async () => new Map((await batches.find().toArray()).map((batch) => [batch._id, batch])),
      believes: new Map(),
    };
  }

  test('have one holder at most, whose writes alone are done, whatever workers that slept come back with', async () => {
    let machines = 0;
    let failed = false;
    const until = performance.now() + WITHIN_MS;
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        // What fails is made smaller, however late it is.
        if (performance.now() > until && !failed) return;
        machines += 1;
        const before = failed;
        failed = true;
        const model: Model = { batches: new Map() };
        const real = await fresh();
        await add('a').run(model, real);
        await add('b').run(model, real);
        await fc.asyncModelRun(() => ({ model, real }), steps);
        failed = before;
      }),
      { seed: SEED, numRuns: 10_000 },
    );
    console.info(`${machines} machines were tried`);
    expect(machines).toBeGreaterThan(0);
  });
});
