import type { Collection, Db } from 'mongodb';
import type { Commit } from '../domain/commit';
import { Unavailable } from '../domain/errors';
import { addCounts, type Counters, NO_COUNTS } from '../domain/source';
import type { StoreClock } from './clock';
import { DURABLE, isDuplicateKey, QUERY_MS } from './connection';

interface HeadDocument {
  _id: string;
  n: number;
}

/** Each lost race means that another slice was committed, so this many in a row means that something else is wrong. */
const MAX_RACES = 500;

const HEAD_TRUSTED_MS = 60_000;

/**
 * The log of what was stored, numbered without gaps. Those who follow it read what a majority has: a commit that a
 * failover takes back gives its number to another slice, which whoever had acted on the first would never hear of.
 */
export class CommitStore {
  /** As the primary has it: for appending, and for finding what an earlier try appended. */
  private readonly log: Collection<Commit>;
  private readonly collection: Collection<Commit>;
  private readonly meta: Collection<HeadDocument>;
  private lastSeen = 0;
  private seenAt = Number.NEGATIVE_INFINITY;

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.log = db.collection<Commit>('commits');
    this.collection = db.collection<Commit>('commits', DURABLE);
    this.meta = db.collection<HeadDocument>('meta');
  }

  /**
   * Appends a slice, once: a slice that an earlier try committed is found and returned as it stands.
   * @returns the commit, and whether it is new
   */
  async append(slice: Omit<Commit, '_id' | 'at'>): Promise<{ commit: Commit; appended: boolean }> {
    // A number must never be given twice, not even after retention has removed what once bore it.
    if (performance.now() - this.seenAt > HEAD_TRUSTED_MS) await this.refreshHead();
    for (let race = 0; race < MAX_RACES; race++) {
      const commit: Commit = { _id: this.lastSeen + 1, ...slice, at: this.clock.now() };
      try {
        await this.log.insertOne(commit);
        this.lastSeen = Math.max(this.lastSeen, commit._id);
        this.seenAt = performance.now();
        return { commit, appended: true };
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        if (error.keyPattern && !('_id' in error.keyPattern)) {
          const earlier = await this.ofSlice(slice.run, slice.slice);
          if (earlier) return { commit: earlier, appended: false };
        }
        await this.refreshHead();
      }
    }
    throw new Unavailable('the commit log could not be appended to');
  }

  private async refreshHead(): Promise<void> {
    this.lastSeen = await this.newest();
    this.seenAt = performance.now();
  }

  /** The number of the newest commit; 0 before the first. Outlives commits that retention has removed. */
  head(): Promise<number> {
    return this.headOf(this.collection);
  }

  /** As `head`, with what a failover may still take back; never less than what `head` has said. */
  newest(): Promise<number> {
    return this.headOf(this.log);
  }

  private async headOf(log: Collection<Commit>): Promise<number> {
    const [last] = await log
      .find({}, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .sort({ _id: -1 })
      .limit(1)
      .toArray();
    if (last) return last._id;
    return (await this.meta.findOne({ _id: 'head' }, { maxTimeMS: QUERY_MS }))?.n ?? 0;
  }

  /** Remembers the head apart from the log. */
  async keepHead(n: number): Promise<void> {
    await this.meta.updateOne({ _id: 'head' }, { $max: { n } }, { upsert: true });
  }

  /** The oldest commit that is still there; null where the log is empty. */
  async oldest(): Promise<number | null> {
    const [first] = await this.collection
      .find({}, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .sort({ _id: 1 })
      .limit(1)
      .toArray();
    return first?._id ?? null;
  }

  ofSlice(run: string, slice: number): Promise<Commit | null> {
    return this.log.findOne({ run, slice }, { maxTimeMS: QUERY_MS });
  }

  /** The slices that a run has committed, without their ids. */
  ofRun(run: string): Promise<Commit[]> {
    return this.log
      .find({ run }, { projection: { ids: 0 }, maxTimeMS: QUERY_MS })
      .sort({ slice: 1 })
      .toArray();
  }

  /** Which slices these runs have committed; a run that has none is there with none. */
  async slicesOf(runs: string[]): Promise<Map<string, number[]>> {
    const slices = new Map<string, number[]>(runs.map((run) => [run, []]));
    if (runs.length === 0) return slices;
    const found = await this.collection
      .find({ run: { $in: runs } }, { projection: { run: 1, slice: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    for (const { run, slice } of found) slices.get(run)!.push(slice);
    return slices;
  }

  /** Commit numbers of many slices at once, keyed by `sliceKey`; a slice that is not committed is absent. */
  async numbers(slices: { run: string; slice: number }[]): Promise<Map<string, number>> {
    if (slices.length === 0) return new Map();
    const found = await this.collection
      .find({ $or: slices }, { projection: { run: 1, slice: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    return new Map(found.map((commit) => [sliceKey(commit.run, commit.slice), commit._id]));
  }

  /** Commits after n, in order. */
  after(n: number, limit: number, options: { ids?: boolean } = {}): Promise<Commit[]> {
    return this.collection
      .find(
        { _id: { $gt: n } },
        { maxTimeMS: QUERY_MS, ...(options.ids === false ? { projection: { ids: 0 } } : {}) },
      )
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
  }

  /** How many events were stored after n. */
  async storedAfter(n: number): Promise<number> {
    const [sum] = await this.collection
      .aggregate<{ stored: number }>(
        [{ $match: { _id: { $gt: n } } }, { $group: { _id: null, stored: { $sum: '$stored' } } }],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return sum?.stored ?? 0;
  }

  /** How many events were stored after n, up to another one. */
  async storedBetween(n: number, through: number): Promise<number> {
    return (await this.storedAfter(n)) - (await this.storedAfter(through));
  }

  /** The counts of a source's commits after n. */
  async countsAfter(sourceId: string, n: number): Promise<Counters> {
    const fields = Object.keys(NO_COUNTS) as (keyof Counters)[];
    const [sum] = await this.collection
      .aggregate<Counters>(
        [
          { $match: { sourceId, _id: { $gt: n } } },
          {
            $group: {
              _id: null,
              ...Object.fromEntries(fields.map((field) => [field, { $sum: `$${field}` }])),
            },
          },
          { $project: { _id: 0 } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return addCounts(sum ?? NO_COUNTS, NO_COUNTS);
  }
}

export function sliceKey(run: string, slice: number): string {
  return `${run}/${slice}`;
}
