import type { Collection, Db } from 'mongodb';
import type { Commit } from '../domain/commit';
import { SLICE_STRIDE, type StoredEvent } from '../domain/event';
import { FACT_FIELDS, type Fact, factOf } from '../domain/stats/dimension';
import { QUERY_MS } from './connection';

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

const storedBy = (event: FactEvent | undefined): string | undefined => event?.takenFrom ?? event?.run;
