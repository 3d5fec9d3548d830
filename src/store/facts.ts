import type { Collection, Db, Filter } from 'mongodb';
import type { Commit } from '../domain/commit';
import { SLICE_STRIDE, type StoredEvent } from '../domain/event';
import type { EventFilter } from '../domain/filter';
import { FACT_FIELDS, type Fact, factOf } from '../domain/stats/dimension';
import type { Ranges } from '../domain/stats/ranges';
import { QUERY_MS } from './connection';
import { scanMatch, type UnfinishedRun } from './event-scan';

/** An event as statistics see it, and the commit that counts it. */
export interface CommittedFact {
  n: number;
  fact: Fact;
}

type FactEvent = Pick<StoredEvent, '_id' | 'run' | 'pos' | 'takenFrom' | 'takenPos'> & StoredEvent;

const PROJECTION = Object.fromEntries(
  ['run', 'pos', 'takenFrom', 'takenPos', ...FACT_FIELDS].map((field) => [field, 1]),
);
const IDS_A_QUERY = 2_000;

/** Reads what commits added, as statistics see it. */
export class FactStore {
  private readonly collection: Collection<StoredEvent>;

  constructor(db: Db) {
    this.collection = db.collection<StoredEvent>('enriched_events');
  }

  /**
   * The events that these commits counted as stored: each event in one commit of all, that of the run which stored it
   * first, also where another run has taken it over since. Those that retention has removed are left out.
   */
  async of(commits: Commit[]): Promise<CommittedFact[]> {
    const events = await this.events(commits.flatMap(({ ids }) => ids));
    const silent = commits.filter((commit) => commit.silent);
    const taken = await this.takenFrom(silent.map(({ run }) => run));
    return commits.flatMap((commit) => {
      const ids = new Set(commit.ids);
      const own = commit.ids.map((id) => events.get(id)).filter((event) => storedBy(event) === commit.run);
      const late = taken.filter(
        ({ _id, takenFrom, takenPos = 0 }) =>
          takenFrom === commit.run && Math.floor(takenPos / SLICE_STRIDE) === commit.slice && !ids.has(_id),
      );
      return [...own, ...late].map((event) => ({ n: commit._id, fact: factOf(event!) }));
    });
  }

  /**
   * The events of these stretches of time that match, where there are at most `limit`; else null.
   * @param slices those that are stored but not committed are left out
   */
  async between(
    filter: EventFilter | null,
    ranges: Ranges,
    slices: readonly UnfinishedRun[],
    limit: number,
  ): Promise<Fact[] | null> {
    if (ranges.length === 0) return [];
    const found = await this.collection
      .find(scanMatch(filter, ranges) as Filter<StoredEvent>, {
        projection: PROJECTION,
        maxTimeMS: QUERY_MS,
        batchSize: limit + 1,
      })
      .limit(limit + 1)
      .toArray();
    if (found.length > limit) return null;
    const unfinished = new Map(slices.map(({ run, slices: committed }) => [run, committed]));
    return found.filter((event) => isCommitted(event, unfinished)).map(factOf);
  }

  private async events(ids: string[]): Promise<Map<string, FactEvent>> {
    const found = new Map<string, FactEvent>();
    for (let at = 0; at < ids.length; at += IDS_A_QUERY) {
      const some = await this.collection
        .find(
          { _id: { $in: ids.slice(at, at + IDS_A_QUERY) } },
          { projection: PROJECTION, maxTimeMS: QUERY_MS, batchSize: IDS_A_QUERY },
        )
        .toArray();
      for (const event of some) found.set(event._id, event);
    }
    return found;
  }

  private async takenFrom(runs: string[]): Promise<FactEvent[]> {
    if (runs.length === 0) return [];
    return this.collection
      .find({ takenFrom: { $in: runs } }, { projection: PROJECTION, maxTimeMS: QUERY_MS })
      .toArray();
  }
}

/** One that was taken over from a silent run stands at its old place until it is committed at its new one. */
function isCommitted(
  { run, pos, takenFrom }: StoredEvent,
  unfinished: Map<string, readonly number[]>,
): boolean {
  const committed = unfinished.get(run);
  return !committed || takenFrom !== undefined || committed.includes(Math.floor(pos / SLICE_STRIDE));
}

const storedBy = (event: FactEvent | undefined): string | undefined => event?.takenFrom ?? event?.run;
