import type { Collection, Db } from 'mongodb';
import type { StreamPosition } from '../domain/commit';
import type { Webhook } from '../domain/webhook';
import type { Tallies, Tally } from '../domain/webhook-tally';
import { QUERY_MS } from './connection';

/** A tally as it is kept to be checked, again and again until its deliveries go. */
export interface KeptTally extends Tally {
  _id: string;
  webhookId: string;
  /** Where the webhook's position stood beyond it; null for one that is closed. */
  position: StreamPosition | null;
  /** Events that were missing when it was last checked. */
  missing: number;
  checkedAt: Date | null;
  /** When it is to be checked next. */
  dueAt: Date;
}

interface Cursor {
  _id: string;
  webhookId: string;
}

/** Of a webhook, what is read and dropped here. One that an earlier version wrote lacks the tallies. */
type WithTallies = Pick<Webhook, '_id' | 'position' | 'deletedAt'> & Partial<Tallies>;

const CURSOR = 'tallies';

/** What webhooks made of the stream, stretch by stretch, beside the webhooks themselves. */
export class TallyStore {
  private readonly collection: Collection<KeptTally>;
  private readonly meta: Collection<Cursor>;
  private readonly webhooks: Collection<WithTallies>;

  constructor(db: Db) {
    this.collection = db.collection<KeptTally>('webhook_tallies');
    this.meta = db.collection<Cursor>('meta');
    this.webhooks = db.collection<WithTallies>('webhooks');
  }

  /**
   * Takes the tallies over from the next webhooks, in a round that begins anew at its end. One that has changed since
   * the last time is due at once. Cut off anywhere, it is done again.
   */
  async fetch(limit: number): Promise<void> {
    const found = await this.webhooks
      .find(
        { _id: { $gt: await this.cursor() }, deletedAt: null },
        { projection: { position: 1, tally: 1, closedTallies: 1 }, maxTimeMS: QUERY_MS },
      )
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    await this.keep(found);
    await this.dropClosed(found);
    await this.moveCursor(found.length < limit ? '' : found.at(-1)!._id);
  }

  private async dropClosed(fetched: WithTallies[]): Promise<void> {
    const updates = fetched.flatMap(({ _id, closedTallies = [] }) => {
      if (closedTallies.length === 0) return [];
      const from = { $in: closedTallies.map((tally) => tally.from) };
      return [{ updateOne: { filter: { _id }, update: { $pull: { closedTallies: { from } } } } }];
    });
    if (updates.length > 0) await this.webhooks.bulkWrite(updates, { ordered: false });
  }

  private async keep(webhooks: WithTallies[]): Promise<void> {
    const updates = webhooks.flatMap(({ _id, position, tally, closedTallies = [] }) => [
      ...closedTallies.map((closed) => keeping(_id, closed, null)),
      ...(tally ? [keeping(_id, tally, position)] : []),
    ]);
    if (updates.length > 0) await this.collection.bulkWrite(updates, { ordered: true });
  }

  /** Those that are to be checked, who waited longest first. */
  due(limit: number): Promise<KeptTally[]> {
    return this.collection
      .find({ $expr: { $lte: ['$dueAt', '$$NOW'] } }, { maxTimeMS: QUERY_MS })
      .sort({ dueAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** Writes what a check found. Where the tally has changed meanwhile, it stays due. */
  async checked({ _id, dueAt }: KeptTally, missing: number, againInMs: number): Promise<void> {
    await this.collection.updateOne({ _id, dueAt }, [
      { $set: { missing, checkedAt: '$$NOW', dueAt: { $add: ['$$NOW', againInMs] } } },
    ]);
  }

  async drop(id: string): Promise<void> {
    await this.collection.deleteOne({ _id: id });
  }

  /** Events that are missing, by webhook. */
  async missing(webhookId?: string): Promise<Map<string, number>> {
    const found = await this.collection
      .aggregate<{ _id: string; missing: number }>(
        [
          { $match: { missing: { $gt: 0 }, ...(webhookId === undefined ? {} : { webhookId }) } },
          { $group: { _id: '$webhookId', missing: { $sum: '$missing' } } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return new Map(found.map(({ _id, missing }) => [_id, missing]));
  }

  /** The last webhook whose tallies were taken over; empty at the beginning of a round. */
  private async cursor(): Promise<string> {
    return (await this.meta.findOne({ _id: CURSOR }, { maxTimeMS: QUERY_MS }))?.webhookId ?? '';
  }

  private async moveCursor(webhookId: string): Promise<void> {
    await this.meta.updateOne({ _id: CURSOR }, { $set: { webhookId } }, { upsert: true });
  }
}

function keeping(webhookId: string, tally: Tally, position: StreamPosition | null) {
  const { from, revision } = tally;
  const _id = `${webhookId}:${from.n}.${from.pos}:${revision}`;
  const same = { $and: [{ $eq: ['$through', tally.through] }, { $eq: ['$position', position] }] };
  return {
    updateOne: {
      filter: { _id },
      update: [
        {
          $set: {
            dueAt: { $cond: [same, '$dueAt', '$$NOW'] },
            missing: { $ifNull: ['$missing', 0] },
            checkedAt: { $ifNull: ['$checkedAt', null] },
          },
        },
        // Literals: nothing of a tally is an expression.
        { $set: { webhookId, ...literal({ ...tally, position }) } },
      ],
      upsert: true,
    },
  };
}

function literal(values: object): Record<string, { $literal: unknown }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { $literal: value }]));
}
