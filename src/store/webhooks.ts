import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db, Filter, UpdateFilter } from 'mongodb';
import type { Connection } from 'mongoose';
import type { StreamPosition } from '../domain/commit';
import type { PageKey } from '../domain/cursor';
import type { Webhook, WebhookState } from '../domain/webhook';
import type { StoreClock } from './clock';
import { fencingToken, QUERY_MS } from './connection';
import { WebhookDocument } from './documents/webhook-document';
import { type Page, type PageRequest, readPage } from './page';

/** What a caller decides about a new webhook; the rest has one beginning. */
export type NewWebhook = Pick<
  Webhook,
  | '_id'
  | 'name'
  | 'url'
  | 'format'
  | 'filter'
  | 'sourceIds'
  | 'headers'
  | 'secret'
  | 'secretHint'
  | 'batchSize'
  | 'timeoutMs'
  | 'position'
>;

export type WebhookChanges = Partial<
  Pick<
    Webhook,
    | 'name'
    | 'url'
    | 'format'
    | 'filter'
    | 'sourceIds'
    | 'headers'
    | 'batchSize'
    | 'timeoutMs'
    | 'state'
    | 'stateReason'
  >
>;

/** What a holder writes about its webhook when it lets go of it. */
export interface Release {
  /** When it wants to be looked at again although nothing is committed. */
  nextDueInMs: number | null;
}

const VISIBLE = { deletedAt: null } as const;

/** Webhooks, each a reader of the commits with a position of its own, held by one holder at a time. */
export class WebhookStore {
  private readonly model;
  private readonly collection: Collection<Webhook>;

  constructor(
    connection: Connection,
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.model = connection.model('Webhook', buildSchema(WebhookDocument));
    this.collection = db.collection<Webhook>('webhooks');
  }

  async create(webhook: NewWebhook): Promise<Webhook> {
    const now = this.clock.now();
    const whole: Webhook = {
      ...webhook,
      state: 'ACTIVE',
      stateReason: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
      revision: 1,
      generation: 1,
      nextDueAt: null,
      token: null,
      leaseUntil: null,
      consecutiveFailures: 0,
      heldUntil: null,
    };
    await this.model.create(whole);
    return whole;
  }

  get(id: string): Promise<Webhook | null> {
    return this.collection.findOne({ _id: id, ...VISIBLE }, { maxTimeMS: QUERY_MS });
  }

  many(ids: readonly string[]): Promise<Webhook[]> {
    return this.collection.find({ _id: { $in: [...ids] }, ...VISIBLE }, { maxTimeMS: QUERY_MS }).toArray();
  }

  page(states: WebhookState[] | null, page: PageRequest): Promise<Page<Webhook>> {
    return readPage(this.collection, listed(states), {
      field: 'createdAt',
      descending: false,
      page,
      keyOf: (webhook): PageKey => ({ value: webhook.createdAt.getTime(), id: webhook._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
    });
  }

  count(states: WebhookState[] | null): Promise<number> {
    return this.collection.countDocuments(listed(states), { maxTimeMS: QUERY_MS });
  }

  /** Changes what is matched or sent, which counts the revision up; the holder reads it before its next chunk. */
  update(id: string, changes: WebhookChanges): Promise<Webhook | null> {
    return this.collection.findOneAndUpdate(
      { _id: id, ...VISIBLE },
      {
        $set: { ...changes, updatedAt: this.clock.now(), heldUntil: null, nextDueAt: this.clock.now() },
        $inc: { revision: 1 },
      } as UpdateFilter<Webhook>,
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  async delete(id: string): Promise<boolean> {
    const now = this.clock.now();
    const result = await this.collection.updateOne(
      { _id: id, ...VISIBLE },
      { $set: { deletedAt: now, updatedAt: now, state: 'PAUSED', nextDueAt: null } },
    );
    return result.matchedCount === 1;
  }

  /** Active webhooks that nobody holds and that have something to look at: commits beyond their position, or a retry. */
  async dueIds(head: number, limit: number): Promise<string[]> {
    const now = this.clock.now();
    const free: Filter<Webhook> = {
      ...VISIBLE,
      state: 'ACTIVE',
      $and: [
        { $or: [{ leaseUntil: null }, { leaseUntil: { $lte: now } }] },
        { $or: [{ heldUntil: null }, { heldUntil: { $lte: now } }] },
        { $or: [{ 'position.n': { $lt: head } }, { nextDueAt: { $ne: null, $lte: now } }] },
      ],
    };
    const due = await this.collection
      .find(free, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .limit(limit)
      .toArray();
    return due.map((webhook) => webhook._id);
  }

  /** Takes an active webhook that nobody holds. */
  async claim(id: string, leaseMs: number): Promise<(Webhook & { token: string }) | null> {
    const token = fencingToken();
    const claimed = await this.collection.findOneAndUpdate(
      {
        _id: id,
        ...VISIBLE,
        state: 'ACTIVE',
        $expr: { $lte: [{ $ifNull: ['$leaseUntil', new Date(0)] }, '$$NOW'] },
      },
      [{ $set: { token, leaseUntil: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed ? { ...claimed, token } : null;
  }

  /** Extends the lease. @returns the webhook as it stands now; null where it is lost, paused or deleted */
  renew(id: string, token: string, leaseMs: number): Promise<Webhook | null> {
    return this.collection.findOneAndUpdate(
      { _id: id, token, ...VISIBLE, state: 'ACTIVE' },
      [{ $set: { leaseUntil: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  /** Moves the position, by token. @returns false where the lease is lost */
  async move(id: string, token: string, position: StreamPosition): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token }, { $set: { position } });
    return result.matchedCount === 1;
  }

  /** Writes what an attempt showed of the receiver. */
  async mark(
    id: string,
    token: string,
    marks: Partial<Pick<Webhook, 'consecutiveFailures' | 'heldUntil'>>,
  ): Promise<void> {
    await this.collection.updateOne({ _id: id, token }, { $set: marks });
  }

  async disable(id: string, reason: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, ...VISIBLE },
      { $set: { state: 'DISABLED', stateReason: reason, updatedAt: this.clock.now(), nextDueAt: null } },
    );
  }

  async release(id: string, token: string, { nextDueInMs }: Release): Promise<void> {
    await this.collection.updateOne({ _id: id, token }, [
      {
        $set: {
          token: null,
          leaseUntil: null,
          nextDueAt: nextDueInMs === null ? null : { $add: ['$$NOW', Math.max(0, nextDueInMs)] },
        },
      },
    ]);
  }
}

function listed(states: WebhookState[] | null): Filter<Webhook> {
  return { ...VISIBLE, ...(states?.length ? { state: { $in: states } } : {}) };
}
