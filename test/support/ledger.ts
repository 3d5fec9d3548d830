import type { Batch } from '../../src/domain/batch';
import type { Commit } from '../../src/domain/commit';
import { SLICE_STRIDE, type StoredEvent } from '../../src/domain/event';
import { addCounts, type Counters, NO_COUNTS } from '../../src/domain/source';
import { demoRecord } from '../../src/sources/demo/demo-record';
import { eventually } from './eventually';
import type { GraphqlClient } from './graphql-client';
import type { TestTrailGraph } from './trailgraph';

/** Records of the demo generator, from its n-th on: the same for the same arguments, all with ids of their own. */
export function demoRecords(seed: number, from: number, count: number): { eventID: string }[] {
  return Array.from({ length: count }, (_, index) =>
    demoRecord({
      seed,
      sourceId: 'test',
      n: from + index,
      eventTime: new Date(1_750_000_000_000 + (from + index) * 1_000),
    }),
  ) as unknown as { eventID: string }[];
}

export const idsOf = (records: { eventID: string }[]): string[] => records.map(({ eventID }) => eventID);

export interface PushSource {
  id: string;
  token: string;
}

export async function createPushSource(admin: GraphqlClient): Promise<PushSource> {
  const { createSource } = await admin.run<{ createSource: { source: { id: string }; ingestToken: string } }>(
    'mutation { createSource(input: { name: "pushed", httpPush: {} }) { source { id } ingestToken } }',
  );
  return { id: createSource.source.id, token: createSource.ingestToken };
}

/** Pushes records through the door. @returns the status of the answer */
export async function push(app: TestTrailGraph, source: PushSource, records: unknown[]): Promise<number> {
  const response = await fetch(`${app.url}/ingest/${source.id}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${source.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ Records: records }),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Pushes bodies that are not gathered into one batch. @returns the statuses, once the last is in the ledger */
export async function pushApart(
  app: TestTrailGraph,
  source: PushSource,
  bodies: unknown[][],
): Promise<{ statuses: Promise<number[]> }> {
  const answers: Promise<number>[] = [];
  const before = await ledger(app).batches.countDocuments({ sourceId: source.id });
  for (const [index, body] of bodies.entries()) {
    answers.push(push(app, source, body));
    await eventually(
      async () => (await ledger(app).batches.countDocuments({ sourceId: source.id })) === before + index + 1,
      'the body stands in the ledger',
    );
  }
  return { statuses: Promise.all(answers) };
}

/** Waits until everything in the ledger is settled, by worker processes that may just be starting on a busy machine. */
export function drained(app: TestTrailGraph, withinMs = 45_000): Promise<void> {
  return eventually(
    async () => (await app.core.batches.pendingCount()) === 0,
    'the ledger is settled',
    withinMs,
  );
}

/** The collections that hold the truth. */
export function ledger(app: TestTrailGraph) {
  const { db } = app.core.store;
  return {
    db,
    batches: db.collection<Batch>('batches'),
    commits: db.collection<Commit>('commits'),
    events: db.collection<StoredEvent>('enriched_events'),
    meta: db.collection<{ _id: string; n: number }>('meta'),
  };
}

/** What a source has been counted, once the folder has come to the last commit. */
export async function countersOf(app: TestTrailGraph, sourceId: string): Promise<Counters> {
  const { sources, commits } = app.core;
  const source = await sources.getAny(sourceId);
  if (!source) throw new Error(`there is no source ${sourceId}`);
  return addCounts(source.counters, await commits.countsAfter(sourceId, source.through));
}

/**
 * Asserts what holds whatever happened: commits are numbered 1..n without a gap, every stored event stands in exactly
 * one of them under its own run and was counted as stored once, also where a live run took it over from a silent one,
 * and each batch's counts and each source's counters are the sums of its commits.
 */
export async function expectConsistent(app: TestTrailGraph): Promise<void> {
  const { commits, events, batches } = ledger(app);
  const log = await commits.find().sort({ _id: 1 }).toArray();
  expect(log.map(({ _id }) => _id)).toEqual(log.map((_, index) => index + 1));
  for (const commit of log) {
    expect(commit.received).toBe(commit.stored + commit.duplicates + commit.dropped + commit.rejected);
  }
  const projection = { _id: 1, run: 1, takenFrom: 1, takenPos: 1 };
  const stored = await events.find({}, { projection }).toArray();
  const byId = new Map(stored.map((event) => [event._id, event]));
  const committed: string[] = [];
  for (const { run, slice, ids, silent, stored: count } of log) {
    const lost = stored.filter(
      ({ takenFrom, takenPos = 0 }) => takenFrom === run && Math.floor(takenPos / SLICE_STRIDE) === slice,
    );
    const taken = ids.filter((id) => byId.get(id)?.run === run && byId.get(id)?.takenFrom !== undefined);
    if (silent) expect(new Set([...ids, ...lost.map(({ _id }) => _id)]).size).toBe(count);
    else expect(ids).toHaveLength(count + taken.length);
    const away = new Set(lost.map(({ _id }) => _id));
    committed.push(...ids.filter((id) => !away.has(id)).map((id) => `${run} ${id}`));
  }
  expect(committed.sort()).toEqual(stored.map(({ _id, run }) => `${run} ${_id}`).sort());
  expect(log.reduce((sum, commit) => sum + commit.stored, 0)).toBe(stored.length);
  // Statistics count each event in one commit.
  expect(await app.core.facts.of(log)).toHaveLength(stored.length);
  const sum = (of: Commit[]): Counters => of.reduce<Counters>((all, one) => addCounts(all, one), NO_COUNTS);
  for (const batch of await batches.find({ state: { $ne: 'PENDING' } }).toArray()) {
    expect(addCounts(batch, NO_COUNTS)).toEqual(sum(log.filter(({ run }) => run === batch.run)));
  }
  for (const sourceId of new Set(log.map((commit) => commit.sourceId))) {
    expect(await countersOf(app, sourceId)).toEqual(
      sum(log.filter((commit) => commit.sourceId === sourceId)),
    );
  }
}

/** So many bodies of so many records. */
export const bodiesOf = (seed: number, bodies: number, size: number) =>
  Array.from({ length: bodies }, (_, index) => demoRecords(seed, index * size, size));

export async function storedIds(app: TestTrailGraph): Promise<string[]> {
  const events = await ledger(app)
    .events.find({}, { projection: { _id: 1 } })
    .toArray();
  return events.map(({ _id }) => _id).sort();
}
