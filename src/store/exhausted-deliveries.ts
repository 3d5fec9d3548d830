import type { Collection, Db } from 'mongodb';
import type { Delivery } from '../domain/webhook';
import { QUERY_MS } from './connection';

/** Deliveries of a webhook whose last attempt failed, and that nobody was told of yet. */
export interface ExhaustedDeliveries {
  webhookId: string;
  count: number;
  since: Date;
}

/** Deliveries that were given up, until that is told of. */
export class ExhaustedDeliveryStore {
  private readonly collection: Collection<Delivery>;

  constructor(db: Db) {
    this.collection = db.collection<Delivery>('deliveries');
  }

  /** By webhook, those that were given up until then. */
  untold(until: Date, limit: number): Promise<ExhaustedDeliveries[]> {
    return this.collection
      .aggregate<ExhaustedDeliveries>(
        [
          { $match: { exhaustedAt: { $lte: until } } },
          { $group: { _id: '$webhookId', count: { $sum: 1 }, since: { $min: '$exhaustedAt' } } },
          // Who has waited longest goes first.
          { $sort: { since: 1 } },
          { $limit: limit },
          { $project: { _id: 0, webhookId: '$_id', count: 1, since: 1 } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
  }

  /** The first of them. */
  async examples(webhookId: string, until: Date, limit: number): Promise<string[]> {
    const found = await this.collection
      .find({ webhookId, exhaustedAt: { $lte: until } }, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .sort({ exhaustedAt: 1 })
      .limit(limit)
      .toArray();
    return found.map(({ _id }) => _id);
  }

  /** They are told of. */
  async told(webhookId: string, until: Date): Promise<void> {
    await this.collection.updateMany(
      { webhookId, exhaustedAt: { $lte: until } },
      { $unset: { exhaustedAt: true } },
    );
  }

  /** Deliveries of operational events that are not settled, counted up to `limit`. */
  pendingOperational(webhookId: string, limit: number): Promise<number> {
    return this.collection.countDocuments(
      { webhookId, state: 'PENDING', operational: { $exists: true } },
      { limit, maxTimeMS: QUERY_MS },
    );
  }
}
