import type { Collection, Db } from 'mongodb';
import type { Delivery, Webhook } from '../domain/webhook';
import { QUERY_MS } from './connection';

/** What of the deliveries waits, over all webhooks. */
export class DueDeliveries {
  private readonly deliveries: Collection<Delivery>;
  private readonly webhooks: Collection<Webhook>;

  constructor(db: Db) {
    this.deliveries = db.collection<Delivery>('deliveries');
    this.webhooks = db.collection<Webhook>('webhooks');
  }

  /** Deliveries that are neither delivered nor given up: keys of an index are counted. */
  pending(): Promise<number> {
    return this.deliveries.countDocuments({ state: 'PENDING' }, { maxTimeMS: QUERY_MS });
  }

  /** For how long, in seconds, the delivery that waits longest could have been sent; 0 where none waits. One look-up a webhook. */
  async oldestDueSeconds(): Promise<number> {
    const [found] = await this.webhooks
      .aggregate<{ ms: number }>(
        [
          { $match: { state: 'ACTIVE', deletedAt: null } },
          { $project: { _id: 1 } },
          {
            $lookup: {
              from: 'deliveries',
              localField: '_id',
              foreignField: 'webhookId',
              pipeline: [
                { $match: { state: 'PENDING' } },
                { $sort: { nextAttemptAt: 1 } },
                { $limit: 1 },
                { $project: { _id: 0, nextAttemptAt: 1 } },
              ],
              as: 'next',
            },
          },
          { $unwind: '$next' },
          { $group: { _id: null, due: { $min: '$next.nextAttemptAt' } } },
          { $project: { _id: 0, ms: { $subtract: ['$$NOW', '$due'] } } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return Math.max(0, Number(found?.ms ?? 0)) / 1_000;
  }
}
