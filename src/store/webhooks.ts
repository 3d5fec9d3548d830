import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db, Filter, UpdateFilter } from 'mongodb';
import type { Connection } from 'mongoose';
import { CLOSED_BREAKER } from '../domain/breaker';
import type { PageKey } from '../domain/cursor';
import { breakerReset } from '../domain/operational-event';
import type { Webhook, WebhookFormat, WebhookState } from '../domain/webhook';
import { emptyTally } from '../domain/webhook-tally';
import type { StoreClock } from './clock';
import { QUERY_MS } from './connection';
import { WebhookDocument } from './documents/webhook-document';
import { untried, whole } from './documents/whole-webhook';
import { type Page, type PageRequest, readPage } from './page';
import { VISIBLE } from './visible';
import { kept } from './webhook-outbox';

/** What a caller decides about a new webhook; the rest has one beginning. */
export type NewWebhook = Pick<
  Webhook,
  | '_id'
  | 'name'
  | 'url'
  | 'format'
  | 'events'
  | 'filter'
  | 'sourceIds'
  | 'headers'
  | 'secret'
  | 'secretHint'
  | 'signingKey'
  | 'batchSize'
  | 'timeoutMs'
  | 'maxPerSecond'
  | 'ordered'
  | 'position'
>;

/** What an update may change. */
export type WebhookChanges = Partial<
  Pick<
    Webhook,
    | 'name'
    | 'url'
    | 'format'
    | 'events'
    | 'filter'
    | 'sourceIds'
    | 'headers'
    | 'batchSize'
    | 'timeoutMs'
    | 'maxPerSecond'
    | 'ordered'
    | 'signingKey'
    | 'state'
    | 'stateReason'
  >
>;

function wholeOrNull(webhook: Webhook | null): Webhook | null {
  return webhook ? whole(webhook) : null;
}

/**
 * Webhooks as their owners make and change them, each a reader of the commits with a position of its own. Who reads and
 * sends for them holds them by `webhook-leases.ts`.
 */
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
      since: webhook.position.n,
      revision: 1,
      generation: 1,
      tally: emptyTally(webhook.position, 1, now),
      closedTallies: [],
      nextDueAt: null,
      token: null,
      leaseUntil: null,
      ...untried(),
      heldUntil: null,
    };
    await this.model.create(whole);
    return whole;
  }

  /** @returns null where there is none, or it is deleted */
  async get(id: string): Promise<Webhook | null> {
    return wholeOrNull(await this.collection.findOne({ _id: id, ...VISIBLE }, { maxTimeMS: QUERY_MS }));
  }

  /** Those of the ids that are there, in no order. */
  async many(ids: readonly string[]): Promise<Webhook[]> {
    const found = this.collection.find({ _id: { $in: [...ids] }, ...VISIBLE }, { maxTimeMS: QUERY_MS });
    return (await found.toArray()).map(whole);
  }

  /** Those of a format that listen to exactly one of these sources, oldest first. */
  async ofOneSource(format: WebhookFormat, sourceIds: readonly string[]): Promise<Webhook[]> {
    const found = this.collection.find(
      { format, sourceIds: { $size: 1, $in: [...sourceIds] }, ...VISIBLE },
      { maxTimeMS: QUERY_MS },
    );
    return (await found.sort({ createdAt: 1 }).toArray()).map(whole);
  }

  /** Oldest first; null: in any state. */
  async page(states: WebhookState[] | null, page: PageRequest): Promise<Page<Webhook>> {
    const read = await readPage(this.collection, listed(states), {
      field: 'createdAt',
      descending: false,
      page,
      keyOf: (webhook): PageKey => ({ value: webhook.createdAt.getTime(), id: webhook._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
    });
    return { ...read, items: read.items.map(({ key, item }) => ({ key, item: whole(item) })) };
  }

  /** Every webhook, oldest first, up to a limit. */
  async all(limit: number): Promise<Webhook[]> {
    const found = this.collection.find(VISIBLE, { maxTimeMS: QUERY_MS }).sort({ createdAt: 1 }).limit(limit);
    return (await found.toArray()).map(whole);
  }

  /** How many there are in these states; null: in any. */
  count(states: WebhookState[] | null): Promise<number> {
    return this.collection.countDocuments(listed(states), { maxTimeMS: QUERY_MS });
  }

  /** Changes what is matched or sent, which counts the revision up; the holder reads it before its next chunk. */
  async update(id: string, changes: WebhookChanges): Promise<Webhook | null> {
    await this.closeBreaker(id);
    // What is changed may be what failed: it gets its chance at once.
    const fresh = { heldUntil: null, breaker: CLOSED_BREAKER, nextDueAt: this.clock.now() };
    const resumed =
      changes.state === 'ACTIVE' ? { consecutiveFailures: 0, failingSince: null, proxyOutSince: null } : {};
    return wholeOrNull(
      await this.collection.findOneAndUpdate(
        { _id: id, ...VISIBLE },
        {
          $set: { ...changes, ...fresh, ...resumed, updatedAt: this.clock.now() },
          $inc: { revision: 1 },
        } as UpdateFilter<Webhook>,
        { returnDocument: 'after', maxTimeMS: QUERY_MS },
      ),
    );
  }

  /**
   * Puts a new secret in the place of the one that stands, which goes on signing until `until`. By the secret that the
   * caller saw, so that of two rotations at once one is told so.
   * @returns null where the webhook is gone or was rotated meanwhile
   */
  async rotate(
    before: Webhook,
    secret: Pick<Webhook, 'secret' | 'secretHint' | 'oldSecrets'>,
  ): Promise<Webhook | null> {
    return wholeOrNull(
      await this.collection.findOneAndUpdate(
        { _id: before._id, ...VISIBLE, 'secret.data': before.secret.data } as Filter<Webhook>,
        { $set: { ...secret, updatedAt: this.clock.now() } },
        { returnDocument: 'after', maxTimeMS: QUERY_MS },
      ),
    );
  }

  /** Says that something is due, without disturbing what holds it back. */
  async touch(id: string): Promise<void> {
    await this.collection.updateOne({ _id: id, ...VISIBLE }, { $set: { nextDueAt: this.clock.now() } });
  }

  /** Has an active webhook looked at now, whatever holds it back. */
  async wake(id: string): Promise<void> {
    await this.closeBreaker(id);
    const set = { heldUntil: null, nextDueAt: this.clock.now() };
    await this.collection.updateOne({ _id: id, ...VISIBLE }, { $set: set } as UpdateFilter<Webhook>);
  }

  /** Hides it; what is held is let go of at the next renewal. @returns false where there was none */
  async delete(id: string): Promise<boolean> {
    const now = this.clock.now();
    const result = await this.collection.updateOne(
      { _id: id, ...VISIBLE },
      { $set: { deletedAt: now, updatedAt: now, state: 'PAUSED', nextDueAt: null } },
    );
    return result.matchedCount === 1;
  }

  /** Where an operator has a webhook tried again. */
  private async closeBreaker(id: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, ...VISIBLE, 'breaker.openUntil': { $ne: null } },
      { $set: { 'breaker.openUntil': null }, $push: { outbox: kept(breakerReset(this.clock.now())) } },
    );
  }
}

function listed(states: WebhookState[] | null): Filter<Webhook> {
  return { ...VISIBLE, ...(states?.length ? { state: { $in: states } } : {}) };
}
