import { Binary, type Collection, type Db, type Filter, MongoBulkWriteError } from 'mongodb';
import type { Batch, BatchState, NewBatch, PartResult } from '../domain/batch';
import { type Counters, NO_COUNTS } from '../domain/source';
import type { StoreClock } from './clock';
import { DUPLICATE_KEY, DURABLE, fencingToken, QUERY_MS } from './connection';

/** How a batch ended. */
export interface Settlement extends Counters {
  state: Exclude<BatchState, 'PENDING'>;
  error: string | null;
  partResults?: PartResult[];
}

/** A batch as somebody holds it: writes of its result name the token. */
export type ClaimedBatch = Batch & { token: string };

/** Live work goes before that of backfills. */
export type Lane = 'live' | 'backfill';

/** Also where the field is absent, as it always is. */
export const OF_NO_BACKFILL = { backfillId: null } as unknown as Filter<Batch>;

const IN_LANE: Record<Lane, Filter<Batch>> = {
  live: OF_NO_BACKFILL,
  backfill: { backfillId: { $exists: true } },
};

/** A process claims a few at a time; with more, leases that run out tell. */
const MOST_DOUBTFUL = 1_000;

/** The bytes that ride along are for whoever works on them. */
export const WITHOUT_PAYLOAD = { payload: 0 } as const;

/**
 * The ledger of fetched work. A batch is PENDING until it is settled; whoever claims it holds a lease: a fencing token
 * and `dueAt`, the moment at which it runs out. All lease times are the database's (`$$NOW`).
 */
export class BatchStore {
  private readonly collection: Collection<Batch>;
  /** Of claims that failed and may stand all the same: the database went while it answered. */
  private readonly doubtful = new Set<string>();

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.collection = db.collection<Batch>('batches');
  }

  /** Which of the ids stand in the ledger already. */
  async known(ids: string[]): Promise<Set<string>> {
    const found = await this.collection
      .find({ _id: { $in: ids } }, { projection: { _id: 1 }, maxTimeMS: QUERY_MS, ...DURABLE })
      .toArray();
    return new Set(found.map((batch) => batch._id));
  }

  /** Which of the ids are stored already. */
  async done(ids: string[]): Promise<Set<string>> {
    const found = await this.collection
      .find({ _id: { $in: ids }, state: 'DONE' }, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    return new Set(found.map((batch) => batch._id));
  }

  /** Inserts those that are not there. @returns the ids of those that were not. */
  async add(batches: NewBatch[]): Promise<string[]> {
    if (batches.length === 0) return [];
    const now = this.clock.now();
    const documents = batches.map(
      (batch): Batch => ({
        ...batch,
        ...NO_COUNTS,
        run: fencingToken(),
        state: 'PENDING',
        attempts: 0,
        crashes: 0,
        token: null,
        dueAt: now,
        error: null,
        createdAt: now,
        doneAt: null,
      }),
    );
    const there = new Set<number>();
    try {
      await this.collection.insertMany(documents, { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      if (failures.length === 0 || failures.some((failure) => failure.code !== DUPLICATE_KEY)) throw error;
      for (const failure of failures) there.add(failure.index);
    }
    return documents.filter((_, index) => !there.has(index)).map((batch) => batch._id);
  }

  /**
   * Takes a batch that is due, by id or the one that waits longest. A claim that finds the token of an earlier one
   * counts a crash: that lease ran out.
   * @param which the id of one, or the lane in which to look
   */
  async claim(which: { id: string } | Lane, leaseMs: number): Promise<ClaimedBatch | null> {
    if (this.doubtful.size > 0) await this.takeBackDoubtful();
    const token = fencingToken();
    try {
      return await this.claimBy(token, which, leaseMs);
    } catch (error) {
      if (this.doubtful.size < MOST_DOUBTFUL) this.doubtful.add(token);
      throw error;
    }
  }

  /** Nobody works under these tokens. Left to run out, each would count as a crash. */
  private async takeBackDoubtful(): Promise<void> {
    const tokens = [...this.doubtful];
    await this.collection.updateMany({ state: 'PENDING', token: { $in: tokens } }, [
      { $set: { token: null, dueAt: '$$NOW', attempts: { $subtract: ['$attempts', 1] } } },
    ]);
    for (const token of tokens) this.doubtful.delete(token);
  }

  private async claimBy(
    token: string,
    which: { id: string } | Lane,
    leaseMs: number,
  ): Promise<ClaimedBatch | null> {
    const due: Filter<Batch> = {
      state: 'PENDING',
      dueAt: { $lte: this.clock.now() },
      $expr: { $lte: ['$dueAt', '$$NOW'] },
    };
    const claimed = await this.collection.findOneAndUpdate(
      typeof which === 'string' ? { ...due, ...IN_LANE[which] } : { _id: which.id, ...due },
      [
        {
          $set: {
            token,
            attempts: { $add: ['$attempts', 1] },
            crashes: {
              $cond: [{ $eq: [{ $ifNull: ['$token', null] }, null] }, '$crashes', { $add: ['$crashes', 1] }],
            },
            dueAt: { $add: ['$$NOW', leaseMs] },
          },
        },
      ],
      { sort: { dueAt: 1 }, returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed
      ? { ...claimed, token, ...(claimed.payload ? { payload: bytes(claimed.payload) } : {}) }
      : null;
  }

  /** The runs that were begun and are not settled, at most `limit` of them. */
  async begunRuns(limit: number): Promise<string[]> {
    const begun = await this.collection
      .find({ state: 'PENDING', attempts: { $gt: 0 } }, { projection: { run: 1 }, maxTimeMS: QUERY_MS })
      .limit(limit)
      .toArray();
    return begun.map(({ run }) => run);
  }

  /** Extends the lease. @returns false where it is lost: somebody else may hold the batch. */
  async renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, state: 'PENDING' }, [
      { $set: { dueAt: { $add: ['$$NOW', leaseMs] } } },
    ]);
    return result.matchedCount === 1;
  }

  /** Gives a batch back, to be due again after a delay. */
  async release(id: string, token: string, delayMs: number, error: string | null): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, state: 'PENDING' }, [
      { $set: { token: null, dueAt: { $add: ['$$NOW', delayMs] }, error: { $literal: error } } },
    ]);
    return result.matchedCount === 1;
  }

  /**
   * Has a settled batch tried again from the beginning, as a run of its own: what an earlier run stored counts as
   * duplicates, so that the slices which that run committed are not taken for this one's.
   * @returns null where it is none that can be tried: DONE, PENDING, or its bytes are nowhere
   */
  retry(id: string): Promise<Batch | null> {
    return this.collection.findOneAndUpdate(
      {
        _id: id,
        state: { $in: ['FAILED', 'QUARANTINED', 'CANCELLED'] },
        $or: [{ payload: { $exists: true } }, { object: { $exists: true } }],
      },
      {
        $set: {
          ...NO_COUNTS,
          run: fencingToken(),
          state: 'PENDING',
          attempts: 0,
          crashes: 0,
          token: null,
          dueAt: this.clock.now(),
          error: null,
          doneAt: null,
        },
        $inc: { retries: 1 },
        $unset: { partResults: true },
      },
      { returnDocument: 'after', projection: WITHOUT_PAYLOAD, maxTimeMS: QUERY_MS },
    );
  }

  /** Takes a crash back: the worker lived, but the database did not answer it in time. */
  async forgiveCrash(id: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, state: 'PENDING', crashes: { $gt: 0 } },
      { $inc: { crashes: -1 } },
    );
  }

  /** Writes the final state, by token. The pushed bytes go, unless somebody may want to try them again. */
  async settle(id: string, token: string, { partResults, ...settlement }: Settlement): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id: id, token, state: 'PENDING' },
      {
        $set: {
          ...settlement,
          token: null,
          dueAt: null,
          doneAt: this.clock.now(),
          ...(partResults ? { partResults } : {}),
        },
        ...(settlement.state === 'QUARANTINED' ? {} : { $unset: { payload: true as const } }),
      },
    );
    return result.matchedCount === 1;
  }

  /**
   * Raises the counts of a batch that somebody else has settled to what its run has committed by now: a worker that
   * woke late may have committed a slice after the batch was quarantined or cancelled without it. They only grow.
   */
  async raiseCounts(id: string, run: string, counts: Counters): Promise<void> {
    const { received, stored, duplicates, dropped, rejected } = counts;
    await this.collection.updateOne(
      { _id: id, run, state: { $ne: 'PENDING' } },
      { $max: { received, stored, duplicates, dropped, rejected } },
    );
  }

  /** Ids of a lane that are due, longest waiting first, for hints. */
  async dueIds(limit: number, lane: Lane): Promise<string[]> {
    const due = await this.collection
      .find(
        { state: 'PENDING', dueAt: { $lte: this.clock.now() }, ...IN_LANE[lane] },
        { projection: { _id: 1 }, maxTimeMS: QUERY_MS },
      )
      .sort({ dueAt: 1 })
      .limit(limit)
      .toArray();
    return due.map((batch) => batch._id);
  }

  get(id: string): Promise<Batch | null> {
    return this.collection.findOne({ _id: id }, { projection: WITHOUT_PAYLOAD, maxTimeMS: QUERY_MS });
  }

  /** Those of the ids that are settled. One query for all who wait. */
  settled(ids: string[]): Promise<Batch[]> {
    return this.collection
      .find(
        { _id: { $in: ids }, state: { $ne: 'PENDING' } },
        { projection: WITHOUT_PAYLOAD, maxTimeMS: QUERY_MS },
      )
      .toArray();
  }

  /** How many batches of a backfill are not settled. */
  unsettledOf(backfillId: string): Promise<number> {
    return this.collection.countDocuments({ backfillId, state: 'PENDING' }, { maxTimeMS: QUERY_MS });
  }

  /** How many are not settled, of all sources. */
  pendingCount(): Promise<number> {
    return this.collection.countDocuments({ state: 'PENDING' }, { maxTimeMS: QUERY_MS });
  }
}

function bytes(value: Uint8Array | Binary): Uint8Array {
  return value instanceof Binary ? value.buffer.subarray(0, value.position) : value;
}
