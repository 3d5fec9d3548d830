import type { Collection, Db, Filter } from 'mongodb';
import type { Delivery } from '../domain/webhook';
import type { Tally } from '../domain/webhook-tally';
import { QUERY_MS } from './connection';

/** The deliveries as proof of what a webhook was given. */
export class DeliveredEvents {
  private readonly collection: Collection<Delivery>;

  constructor(db: Db) {
    this.collection = db.collection<Delivery>('deliveries');
  }

  /** How many different events stand in the deliveries that a webhook made of a stretch at one revision. */
  async eventsOf(webhookId: string, tally: Tally): Promise<number> {
    const { from, through, revision } = tally;
    const [found] = await this.collection
      .aggregate<{ events: number }>(
        [
          {
            $match: {
              ...madeDuring(webhookId, tally),
              revision,
              // Replays have no place in the stream: theirs is 0.
              'first.n': { $gte: Math.max(1, from.n), $lte: through.n },
              $nor: [
                { 'first.n': from.n, 'first.pos': { $lte: from.pos } },
                { 'first.n': through.n, 'first.pos': { $gt: through.pos } },
              ],
            },
          },
          { $project: { _id: 0, eventIds: 1 } },
          { $unwind: '$eventIds' },
          { $group: { _id: '$eventIds' } },
          { $count: 'events' },
        ],
        { maxTimeMS: QUERY_MS, hint: BY_TIME },
      )
      .toArray();
    return found?.events ?? 0;
  }

  /**
   * Which of the events stand in no delivery of a webhook.
   * @param made when most of their deliveries were made: there it is looked first, as an event may have gone to many
   */
  async withoutDelivery(
    webhookId: string,
    ids: readonly string[],
    made: Pick<Tally, 'madeFrom' | 'madeThrough'>,
  ): Promise<string[]> {
    const missing = new Set(ids);
    const strike = async (which: Filter<Delivery>, hint?: typeof BY_TIME): Promise<void> => {
      if (missing.size === 0) return;
      const found = this.collection.find(
        { webhookId, ...which, eventIds: { $in: [...missing] } },
        { projection: { _id: 0, eventIds: 1 }, maxTimeMS: QUERY_MS, ...(hint ? { hint } : {}) },
      );
      for await (const { eventIds } of found) for (const id of eventIds) missing.delete(id);
    };
    await strike(madeDuring(webhookId, made), BY_TIME);
    await strike({});
    return [...missing];
  }
}

/** The index by which the deliveries of a webhook are found by when they were made. */
const BY_TIME = { webhookId: 1, createdAt: -1, _id: -1 } as const;

function madeDuring(
  webhookId: string,
  { madeFrom, madeThrough }: Pick<Tally, 'madeFrom' | 'madeThrough'>,
): Filter<Delivery> {
  return { webhookId, createdAt: { $gte: madeFrom, $lte: madeThrough } };
}
