import type { Collection, Db } from 'mongodb';
import type { Delivery, DeliveryHead } from '../domain/webhook';
import { QUERY_MS } from './connection';

/** A delivery that changed, and what tells one state of it from another. */
export interface DeliveryMark {
  id: string;
  version: string;
}

/**
 * The times at which a delivery is made, settled, and put off or sent again. Each has an index; on the way of a
 * delivery that arrives at once no index is written that would not be there anyway.
 */
const TIMES = ['createdAt', 'completedAt', 'changedAt'] as const;
const MARKS_A_PAGE = 500;

/** Finds what changed among deliveries. */
export class DeliveryChangeStore {
  private readonly collection: Collection<Delivery>;

  constructor(db: Db) {
    this.collection = db.collection<Delivery>('deliveries');
  }

  /** What changed at or after a time of the database's clock, in pages. An attempt counts when it has ended. */
  async *changedSince(since: Date): AsyncGenerator<DeliveryMark[]> {
    for (const time of TIMES) {
      const found = this.collection
        .find({ [time]: { $gte: since } }, { maxTimeMS: QUERY_MS, batchSize: MARKS_A_PAGE })
        .project<Delivery>({ state: 1, attemptCount: 1, nextAttemptAt: 1, completedAt: 1 })
        .sort({ [time]: 1 });
      try {
        while (await found.hasNext()) yield found.readBufferedDocuments().map(markOf);
      } finally {
        await found.close();
      }
    }
  }

  /** Deliveries as they are now, without their attempts. */
  heads(ids: string[]): Promise<DeliveryHead[]> {
    return this.collection
      .find({ _id: { $in: ids } }, { maxTimeMS: QUERY_MS })
      .project<DeliveryHead>({ attempts: 0 })
      .toArray();
  }
}

function markOf({ _id: id, state, attemptCount, nextAttemptAt, completedAt }: Delivery): DeliveryMark {
  return { id, version: [state, attemptCount, nextAttemptAt?.getTime(), completedAt?.getTime()].join() };
}
