import { type Collection, type Db, type Filter, MongoBulkWriteError, type UpdateFilter } from 'mongodb';
import type { PageKey } from '../domain/cursor';
import { deliveryConditions } from '../domain/delivery-filter';
import type { DeliveryFilter } from '../domain/replay';
import { type Delivery, type DeliveryAttempt, type DeliveryState, KEPT_ATTEMPTS } from '../domain/webhook';
import type { StoreClock } from './clock';
import { DUPLICATE_KEY, QUERY_MS } from './connection';
import { type Page, type PageRequest, readPage } from './page';

/** What an attempt made of a delivery. */
export interface AttemptOutcome {
  id: string;
  state: DeliveryState;
  attempt: DeliveryAttempt;
  /** Null in a final state. */
  nextAttemptInMs: number | null;
  /** It was the last one, which somebody is to be told of. */
  exhausted?: boolean;
  /** The attempt counts for nothing in the schedule; `last` is the place of the one that it takes the place of. */
  unspent?: { last: number | null };
}

/** An attempt has begun of which nothing was written yet, and whoever made it may still be at it. */
const UNDER_WAY = {
  $and: [
    { $eq: ['$state', 'PENDING'] },
    { $gt: ['$nextAttemptAt', '$$NOW'] },
    { $gt: ['$attemptCount', { $ifNull: [{ $last: '$attempts.number' }, 0] }] },
  ],
};

/** What was, or is to be, sent to whom. */
export class DeliveryStore {
  private readonly collection: Collection<Delivery>;

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.collection = db.collection<Delivery>('deliveries');
  }

  /**
   * Inserts deliveries in their order, up to the first one that stands already.
   * @returns how many were inserted, and the one that stood: its `last` says where the position goes on
   */
  async insertInOrder(deliveries: Delivery[]): Promise<{ inserted: number; existing: Delivery | null }> {
    try {
      await this.collection.insertMany(deliveries, { ordered: true });
      return { inserted: deliveries.length, existing: null };
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failure = Array.isArray(error.writeErrors) ? error.writeErrors[0] : error.writeErrors;
      if (failure?.code !== DUPLICATE_KEY) throw error;
      const existing = await this.get(deliveries[failure.index]!._id);
      if (!existing) throw error;
      return { inserted: failure.index, existing };
    }
  }

  /** Pending deliveries that are due, oldest first. */
  due(webhookId: string, limit: number): Promise<Delivery[]> {
    return this.collection
      .find(
        { webhookId, state: 'PENDING', nextAttemptAt: { $lte: this.clock.now() } },
        { maxTimeMS: QUERY_MS },
      )
      .sort({ nextAttemptAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** The first pending deliveries in the order of the commits, due or not. */
  inOrder(webhookId: string, limit: number): Promise<Delivery[]> {
    return this.collection
      .find({ webhookId, state: 'PENDING' }, { maxTimeMS: QUERY_MS })
      .sort({ 'first.n': 1, 'first.pos': 1 })
      .limit(limit)
      .toArray();
  }

  /** When the next pending delivery is due; null where none is pending. */
  async nextDueAt(webhookId: string): Promise<Date | null> {
    const [next] = await this.collection
      .find({ webhookId, state: 'PENDING' }, { projection: { nextAttemptAt: 1 }, maxTimeMS: QUERY_MS })
      .sort({ nextAttemptAt: 1 })
      .limit(1)
      .toArray();
    return next?.nextAttemptAt ?? null;
  }

  /** Counted up to `limit`. */
  pendingCount(webhookId: string, limit: number): Promise<number> {
    return this.collection.countDocuments({ webhookId, state: 'PENDING' }, { limit, maxTimeMS: QUERY_MS });
  }

  /** The deliveries with an event, newest first. */
  ofEvent(eventId: string, limit: number): Promise<Delivery[]> {
    return this.collection
      .find({ eventIds: eventId }, { maxTimeMS: QUERY_MS })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit)
      .toArray();
  }

  countByState(webhookId: string, state: DeliveryState): Promise<number> {
    return this.collection.countDocuments({ webhookId, state }, { maxTimeMS: QUERY_MS });
  }

  /**
   * Before sending: counts the attempts and keeps others away until `untilMs` from now.
   * @returns those that are not pending any more, and so not to be sent
   */
  async begin(ids: string[], untilMs: number): Promise<string[]> {
    const { matchedCount } = await this.collection.updateMany({ _id: { $in: ids }, state: 'PENDING' }, [
      {
        $set: {
          attemptCount: { $add: ['$attemptCount', 1] },
          nextAttemptAt: { $add: ['$$NOW', untilMs] },
        },
      },
    ]);
    if (matchedCount === ids.length) return [];
    const pending = { _id: { $in: ids }, state: 'PENDING' } as const;
    const left = new Set(await this.collection.distinct('_id', pending, { maxTimeMS: QUERY_MS }));
    return ids.filter((id) => !left.has(id));
  }

  /** Takes back a begin: nothing was sent. */
  async unbegin(ids: string[]): Promise<void> {
    await this.collection.updateMany({ _id: { $in: ids }, state: 'PENDING' }, [
      { $set: { attemptCount: { $subtract: ['$attemptCount', 1] }, nextAttemptAt: '$$NOW' } },
    ]);
  }

  /** After sending: what came of it. One write for many. */
  async finish(outcomes: AttemptOutcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const now = this.clock.now();
    await this.collection.bulkWrite(
      outcomes.map((outcome) => ({
        updateOne: { filter: { _id: outcome.id, state: 'PENDING' }, update: outcomeUpdate(outcome, now) },
      })),
      { ordered: false },
    );
  }

  /** Ends a delivery whose events are gone, so that its body can't be made any more. */
  async expire(id: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, state: 'PENDING' },
      { $set: { state: 'FAILED', nextAttemptAt: null, completedAt: this.clock.now() } },
    );
  }

  async insert(delivery: Delivery): Promise<void> {
    await this.collection.insertOne(delivery);
  }

  /** Inserts those that are not there: what made them may do so again. */
  async insertMissing(deliveries: Delivery[]): Promise<void> {
    try {
      await this.collection.insertMany(deliveries, { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      if (failures.length === 0 || failures.some((failure) => failure.code !== DUPLICATE_KEY)) throw error;
    }
  }

  /**
   * The oldest failed deliveries that match, made before the replay was and after a place; with those that the replay
   * has had sent again already.
   */
  failed(
    filter: DeliveryFilter,
    replay: { _id: string; createdAt: Date },
    after: { value: number; id: string } | null,
    limit: number,
  ): Promise<Delivery[]> {
    const time = after ? new Date(after.value) : null;
    const clauses: Filter<Delivery>[] = [
      deliveryFilter({ ...filter, states: null }),
      { $or: [{ state: 'FAILED' }, { replayId: replay._id }] },
      { createdAt: { $lte: replay.createdAt, ...(time ? { $gte: time } : {}) } },
      ...(time
        ? [{ $or: [{ createdAt: { $gt: time } }, { createdAt: time, _id: { $gt: after!.id } }] }]
        : []),
    ];
    return this.collection
      .find({ $and: clauses }, { projection: { attempts: 0 }, maxTimeMS: QUERY_MS })
      .sort({ createdAt: 1, _id: 1 })
      .limit(limit)
      .toArray();
  }

  /** Has failed deliveries sent again by a replay, once, at once, each with a schedule of its own. */
  async redeliverFailed(ids: string[], replayId: string): Promise<void> {
    await this.collection.updateMany({ _id: { $in: ids }, state: 'FAILED', replayId: { $ne: replayId } }, [
      {
        $set: {
          replayId,
          state: 'PENDING',
          nextAttemptAt: '$$NOW',
          changedAt: '$$NOW',
          completedAt: null,
          attemptBase: '$attemptCount',
        },
      },
    ]);
  }

  /**
   * Has a delivery sent again, at once, with a schedule of its own. One that is under way is left to that attempt: else
   * another holder might send it beside the first.
   * @returns null where there is none
   */
  async redeliver(id: string): Promise<Delivery | null> {
    const redelivered = await this.collection.findOneAndUpdate(
      { _id: id, $expr: { $not: UNDER_WAY } },
      [
        {
          $set: {
            state: 'PENDING',
            nextAttemptAt: '$$NOW',
            changedAt: '$$NOW',
            completedAt: null,
            attemptBase: '$attemptCount',
          },
        },
      ],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return redelivered ?? this.get(id);
  }

  /** @returns null where it is not pending */
  cancel(id: string): Promise<Delivery | null> {
    return this.collection.findOneAndUpdate(
      { _id: id, state: 'PENDING' },
      { $set: { state: 'CANCELLED', nextAttemptAt: null, completedAt: this.clock.now() } },
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  /** Cancels what is pending for a webhook that is gone. */
  async cancelAll(webhookId: string): Promise<void> {
    await this.collection.updateMany(
      { webhookId, state: 'PENDING' },
      { $set: { state: 'CANCELLED', nextAttemptAt: null, completedAt: this.clock.now() } },
    );
  }

  get(id: string): Promise<Delivery | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** Newest first. */
  page(query: DeliveryFilter, page: PageRequest): Promise<Page<Delivery>> {
    return readPage(this.collection, deliveryFilter(query), {
      field: 'createdAt',
      descending: true,
      page,
      keyOf: (delivery): PageKey => ({ value: delivery.createdAt.getTime(), id: delivery._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
    });
  }

  count(query: DeliveryFilter, limit: number): Promise<number> {
    return this.collection.countDocuments(deliveryFilter(query), { limit, maxTimeMS: QUERY_MS });
  }
}

function outcomeUpdate(
  { state, attempt, nextAttemptInMs, exhausted, unspent }: AttemptOutcome,
  now: Date,
): UpdateFilter<Delivery> {
  const last = unspent?.last ?? null;
  return {
    $set: {
      state,
      nextAttemptAt: nextAttemptInMs === null ? null : new Date(now.getTime() + nextAttemptInMs),
      completedAt: state === 'PENDING' ? null : now,
      ...(state === 'PENDING' ? { changedAt: now } : {}),
      ...(exhausted ? { exhaustedAt: now } : {}),
      ...(last === null ? {} : { [`attempts.${last}`]: attempt }),
    },
    ...(last === null ? { $push: { attempts: { $each: [attempt], $slice: -KEPT_ATTEMPTS } } } : {}),
    ...(unspent ? { $inc: { attemptBase: 1 } } : {}),
  };
}

function deliveryFilter(query: DeliveryFilter): Filter<Delivery> {
  const clauses = deliveryConditions(query).map((condition) => {
    if (condition.path !== 'createdAt') return [condition.path, { $in: [...condition.anyOf] }];
    const { from, to } = condition;
    return [condition.path, { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) }];
  });
  return Object.fromEntries(clauses) as Filter<Delivery>;
}
