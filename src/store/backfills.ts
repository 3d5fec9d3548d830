import type { Collection, Db } from 'mongodb';
import {
  addBackfillCounts,
  type Backfill,
  type BackfillCounts,
  type BackfillState,
  type BackfillStatus,
  CANCELLED_WITH_BACKFILL,
  isFinal,
  NO_BACKFILL_COUNTS,
  type PageCounts,
} from '../domain/backfill';
import type { Batch } from '../domain/batch';
import type { PageKey } from '../domain/cursor';
import type { RangePage } from '../domain/fetched';
import type { StoreClock } from './clock';
import { fencingToken, QUERY_MS } from './connection';
import { type Page, type PageRequest, readPage } from './page';

export type NewBackfill = Pick<
  Backfill,
  '_id' | 'sourceId' | 'sourceKind' | 'epoch' | 'from' | 'to' | 'deliver'
>;

/** How a step of a backfill ends. */
export interface StepEnd {
  /** When the next step is due; null: there is none. */
  nextInMs: number | null;
  /** Where it moves on from RUNNING; somebody may have paused or cancelled it meanwhile, which stands. */
  state?: 'DONE' | 'FAILED' | 'CANCELLED';
  error?: string | null;
  remedy?: string | null;
}

/** A backfill as somebody holds it: writes of its progress name the token. */
export type ClaimedBackfill = Backfill & { token: string };

/**
 * Backfills. What is counted of them is read from their batches: pages that are settled are summed up in the backfill,
 * and of the rest there are at most so many batches as it may have unsettled.
 */
export class BackfillStore {
  private readonly collection: Collection<Backfill>;
  private readonly batches: Collection<Batch>;

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.collection = db.collection<Backfill>('backfills');
    this.batches = db.collection<Batch>('batches');
  }

  async create(backfill: NewBackfill): Promise<Backfill> {
    const now = this.clock.now();
    const whole: Backfill = {
      ...backfill,
      state: 'RUNNING',
      position: null,
      pages: 0,
      walked: 0,
      through: null,
      walkEnded: false,
      known: 0,
      foldedPages: 0,
      folded: { ...NO_BACKFILL_COUNTS },
      paceFrom: { at: now, fraction: 0 },
      token: null,
      dueAt: now,
      error: null,
      remedy: null,
      createdAt: now,
      doneAt: null,
    };
    await this.collection.insertOne(whole);
    return whole;
  }

  get(id: string): Promise<Backfill | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  many(ids: readonly string[]): Promise<Backfill[]> {
    return this.collection.find({ _id: { $in: [...ids] } }, { maxTimeMS: QUERY_MS }).toArray();
  }

  /** How many of a source are running or paused. */
  openCount(sourceId: string): Promise<number> {
    return this.collection.countDocuments(
      { sourceId, state: { $in: ['RUNNING', 'PAUSED'] } },
      { maxTimeMS: QUERY_MS },
    );
  }

  /** Newest first. */
  page(sourceId: string, page: PageRequest): Promise<Page<Backfill>> {
    return readPage(
      this.collection,
      { sourceId },
      {
        field: 'createdAt',
        descending: true,
        page,
        keyOf: (backfill): PageKey => ({ value: backfill.createdAt.getTime(), id: backfill._id }),
        sortValueOf: (key) => new Date(Number(key.value)),
      },
    );
  }

  /** Backfills with the counts of their batches. One query for all of them. */
  async statuses(backfills: Backfill[]): Promise<BackfillStatus[]> {
    const open = backfills.filter(
      (one) => !isFinal(one) || one.dueAt !== null || one.foldedPages < one.pages,
    );
    const tails = await this.tails(open);
    return backfills.map((backfill) => ({
      backfill,
      counts: (tails.get(backfill._id) ?? []).reduce<BackfillCounts>(addBackfillCounts, backfill.folded),
    }));
  }

  /** The counts of the pages that are not folded yet, by backfill. */
  private async tails(backfills: Backfill[]): Promise<Map<string, PageCounts[]>> {
    const tails = new Map<string, PageCounts[]>();
    if (backfills.length === 0) return tails;
    const sum = (field: string) => ({ $sum: `$${field}` });
    const found = await this.batches
      .aggregate<BackfillCounts & { _id: { id: string; page: number } }>(
        [
          {
            $match: {
              $or: backfills.map(({ _id, foldedPages }) => ({
                backfillId: _id,
                backfillPage: { $gt: foldedPages },
              })),
            },
          },
          {
            $group: {
              _id: { id: '$backfillId', page: '$backfillPage' },
              batches: { $sum: 1 },
              pending: { $sum: { $cond: [{ $eq: ['$state', 'PENDING'] }, 1, 0] } },
              received: sum('received'),
              stored: sum('stored'),
              duplicates: sum('duplicates'),
            },
          },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    for (const { _id, ...counts } of found) {
      const pages = tails.get(_id.id) ?? [];
      pages.push({ ...counts, page: _id.page });
      tails.set(_id.id, pages);
    }
    return tails;
  }

  async tail(backfill: Backfill): Promise<PageCounts[]> {
    return (await this.tails([backfill])).get(backfill._id) ?? [];
  }

  /** Ids that are due, longest waiting first. */
  async dueIds(limit: number): Promise<string[]> {
    if (limit < 1) return [];
    const due = await this.collection
      .find({ dueAt: { $ne: null, $lte: this.clock.now() } }, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .sort({ dueAt: 1 })
      .limit(limit)
      .toArray();
    return due.map((backfill) => backfill._id);
  }

  /** Takes a due backfill for one step: by token, until the lease ends or `finish`. */
  async claim(id: string, leaseMs: number): Promise<ClaimedBackfill | null> {
    const token = fencingToken();
    const claimed = await this.collection.findOneAndUpdate(
      { _id: id, dueAt: { $ne: null }, $expr: { $lte: ['$dueAt', '$$NOW'] } },
      [{ $set: { token, dueAt: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed ? { ...claimed, token } : null;
  }

  /** @returns false where the lease is lost */
  async renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token }, [
      { $set: { dueAt: { $add: ['$$NOW', leaseMs] } } },
    ]);
    return result.matchedCount === 1;
  }

  /**
   * Moves the position over a page that stands in the ledger.
   * @returns the backfill as it is then; null where the lease is lost, or it is no longer RUNNING
   */
  async moveOn(
    { _id, token, pages }: ClaimedBackfill,
    { position, walked, through }: RangePage,
    known: number,
  ): Promise<Backfill | null> {
    return this.collection.findOneAndUpdate(
      { _id, token, state: 'RUNNING', pages },
      { $set: { position, walked, through, pages: pages + 1, error: null, remedy: null }, $inc: { known } },
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  async endWalk(id: string, token: string): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id: id, token, state: 'RUNNING' },
      { $set: { walkEnded: true, walked: 1, error: null, remedy: null } },
    );
    return result.matchedCount === 1;
  }

  /** Sums up pages that are settled, once however often it is called. */
  async fold(
    { _id, token, foldedPages }: ClaimedBackfill,
    page: number,
    folded: BackfillCounts,
  ): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id, token, foldedPages },
      { $set: { foldedPages: page, folded } },
    );
    return result.matchedCount === 1;
  }

  /** Ends a step. A backfill that somebody paused, resumed or cancelled meanwhile is due again at once. */
  async finish(before: ClaimedBackfill, { nextInMs, state, error, remedy }: StepEnd): Promise<void> {
    const next = nextInMs === null ? null : { $add: ['$$NOW', nextInMs] };
    const same = { $eq: ['$state', before.state] };
    const whenSame = (value: unknown, field: string) => ({ $cond: [same, value, `$${field}`] });
    const set: Record<string, unknown> = {
      token: null,
      dueAt: { $cond: [same, next, '$$NOW'] },
      ...(error === undefined ? {} : { error: whenSame({ $literal: error }, 'error') }),
      ...(remedy === undefined ? {} : { remedy: whenSame({ $literal: remedy }, 'remedy') }),
      ...(state === undefined
        ? {}
        : { state: whenSame(state, 'state'), doneAt: whenSame('$$NOW', 'doneAt') }),
    };
    await this.collection.updateOne({ _id: before._id, token: before.token }, [{ $set: set }]);
  }

  /**
   * What people decide: pause, resume, cancel. Whoever is at a step finds out at its next write.
   * @returns null where it is in none of the states `from`
   */
  async change(
    id: string,
    from: BackfillState[],
    set: Partial<Pick<Backfill, 'state' | 'doneAt' | 'error' | 'remedy' | 'paceFrom'>>,
  ): Promise<Backfill | null> {
    const literal = Object.fromEntries(Object.entries(set).map(([key, value]) => [key, { $literal: value }]));
    return this.collection.findOneAndUpdate(
      { _id: id, state: { $in: from } },
      // A step in progress keeps its lease: taking it away would have two at one walk.
      [
        {
          $set: {
            ...literal,
            dueAt: { $cond: [{ $eq: ['$token', null] }, '$$NOW', '$dueAt'] },
          },
        },
      ],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  /** Makes those of a source due, so that they notice that it is gone. */
  async wakeOf(sourceId: string): Promise<void> {
    await this.collection.updateMany({ sourceId, state: { $in: ['RUNNING', 'PAUSED'] }, token: null }, [
      { $set: { dueAt: '$$NOW' } },
    ]);
  }

  /** Cancels what nobody has begun, and makes the rest due: it commits what it has stored before it ends. */
  async cancelBatches(backfillId: string): Promise<void> {
    const now = this.clock.now();
    const untouched = { backfillId, state: 'PENDING' as const, token: null, attempts: 0 };
    await this.batches.updateMany(untouched, {
      $set: { ...CANCELLED_WITH_BACKFILL, dueAt: null, doneAt: now },
      $unset: { payload: true as const },
    });
    await this.batches.updateMany(
      { backfillId, state: 'PENDING', token: null, dueAt: { $gt: now } },
      { $set: { dueAt: now } },
    );
  }
}
