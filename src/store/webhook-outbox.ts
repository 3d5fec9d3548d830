import type { Collection, Db } from 'mongodb';
import type { OperationalEvent } from '../domain/operational-event';
import type { Webhook } from '../domain/webhook';
import { QUERY_MS } from './connection';
import { whole } from './documents/whole-webhook';
import { VISIBLE } from './visible';

const MAX_OUTBOX = 50;

/** What befell webhooks and is not told of yet. It stands in their documents, written together with the change. */
export class WebhookOutboxStore {
  private readonly collection: Collection<Webhook>;

  constructor(db: Db) {
    this.collection = db.collection<Webhook>('webhooks');
  }

  /** Those to which something happened that is not told of yet. */
  async withOutbox(limit: number): Promise<Webhook[]> {
    const found = this.collection.find({ 'outbox.id': { $gt: '' }, ...VISIBLE }, { maxTimeMS: QUERY_MS });
    return (await found.limit(limit).toArray()).map(whole);
  }

  /** Takes what was told of. @returns false where that was done already */
  async toldOf(id: string, eventId: string): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id: id, 'outbox.id': eventId },
      { $pull: { outbox: { id: eventId } } },
    );
    return result.modifiedCount === 1;
  }

  /** Keeps that deliveries were given up. @returns false where that was done less than `everyMs` ago */
  async noteExhausted(id: string, happened: OperationalEvent, everyMs: number): Promise<boolean> {
    const before = new Date(happened.at.getTime() - everyMs);
    const result = await this.collection.updateOne(
      { _id: id, ...VISIBLE, $or: [{ exhaustedToldAt: null }, { exhaustedToldAt: { $lte: before } }] },
      { $set: { exhaustedToldAt: happened.at }, $push: { outbox: kept(happened) } },
    );
    return result.modifiedCount === 1;
  }

  /** Webhooks that hear of what befalls others. */
  async hearers(limit: number): Promise<Webhook[]> {
    const found = this.collection.find({ events: 'OPERATIONAL', ...VISIBLE }, { maxTimeMS: QUERY_MS });
    return (await found.limit(limit).toArray()).map(whole);
  }
}

/** What waits to be told of is bounded: beyond that the oldest goes. */
export function kept(happened: OperationalEvent): { $each: OperationalEvent[]; $slice: number } {
  return { $each: [happened], $slice: -MAX_OUTBOX };
}
