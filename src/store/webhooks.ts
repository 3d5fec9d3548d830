import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db, Filter, UpdateFilter } from 'mongodb';
import type { Connection } from 'mongoose';
import { CLOSED_BREAKER } from '../domain/breaker';
import type { PageKey } from '../domain/cursor';
import { breakerReset, type OperationalEvent } from '../domain/operational-event';
import { emptyTally, type Tally } from '../domain/tally';
import {
  KEPT_LATENCIES,
  type Standing,
  type Webhook,
  type WebhookFormat,
  type WebhookState,
} from '../domain/webhook';
import type { StoreClock } from './clock';
import { fencingToken, QUERY_MS } from './connection';
import { WebhookDocument } from './documents/webhook-document';
import { untried, whole } from './documents/whole-webhook';
import { type Page, type PageRequest, readPage } from './page';
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

/** What a holder writes about its webhook when it lets go of it. */
export interface Release {
  /** When it wants to be looked at again although nothing is committed. */
  nextDueInMs: number | null;
  /** Set where nothing can be done before, whatever is committed. */
  heldMs?: number;
}

/** What a round of sending showed of the receiver. */
export type Marks = Pick<
  Webhook,
  'consecutiveFailures' | 'failingSince' | 'proxyOutSince' | 'heldUntil' | 'breaker'
> & {
  /** Milliseconds of the attempts that were answered. */
  latencies: number[];
};

const VISIBLE = { deletedAt: null } as const;

function wholeOrNull(webhook: Webhook | null): Webhook | null {
  return webhook ? whole(webhook) : null;
}

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

  async get(id: string): Promise<Webhook | null> {
    return wholeOrNull(await this.collection.findOne({ _id: id, ...VISIBLE }, { maxTimeMS: QUERY_MS }));
  }

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

  async delete(id: string): Promise<boolean> {
    const now = this.clock.now();
    const result = await this.collection.updateOne(
      { _id: id, ...VISIBLE },
      { $set: { deletedAt: now, updatedAt: now, state: 'PAUSED', nextDueAt: null } },
    );
    return result.matchedCount === 1;
  }

  /**
   * Active webhooks that nobody holds and that have something to look at: commits beyond their position, or a retry.
   * Those that are known to answer come first, those that fail last, however far behind they are; among each, who waited
   * longest.
   */
  async dueIds(head: number, most: Record<Standing, number>): Promise<string[]> {
    const ids: string[] = [];
    for (const standing of ['proven', 'untried', 'failing'] as const)
      ids.push(...(await this.due(head, OF_STANDING[standing], most[standing])));
    return ids;
  }

  private async due(head: number, which: Filter<Webhook>, limit: number): Promise<string[]> {
    if (limit <= 0) return [];
    const now = this.clock.now();
    const free: Filter<Webhook> = {
      ...VISIBLE,
      ...which,
      state: 'ACTIVE',
      $and: [
        { $or: [{ leaseUntil: null }, { leaseUntil: { $lte: now } }] },
        { $or: [{ heldUntil: null }, { heldUntil: { $lte: now } }] },
        { $or: [{ 'position.n': { $lt: head } }, { nextDueAt: { $ne: null, $lte: now } }] },
      ],
    };
    const due = await this.collection
      .find(free, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .sort({ lookedAt: 1 })
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
        $expr: {
          $and: [
            { $lte: [{ $ifNull: ['$leaseUntil', new Date(0)] }, '$$NOW'] },
            { $lte: [{ $ifNull: ['$heldUntil', new Date(0)] }, '$$NOW'] },
          ],
        },
      },
      [{ $set: { token, leaseUntil: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed ? { ...whole(claimed), token } : null;
  }

  /** Extends the lease. @returns the webhook as it stands now; null where it is lost, paused or deleted */
  renew(id: string, token: string, leaseMs: number): Promise<Webhook | null> {
    return this.collection.findOneAndUpdate(
      { _id: id, token, ...VISIBLE, state: 'ACTIVE' },
      [{ $set: { leaseUntil: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  /**
   * Moves the position and says what was made of the events up to there: one write, so that neither stands without the
   * other. By token.
   * @param closed tallies that this move closed
   * @returns false where the lease is lost
   */
  async move(
    id: string,
    token: string,
    { position, tally, closed }: Pick<Webhook, 'position' | 'tally'> & { closed: Tally[] },
  ): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id: id, token },
      {
        $set: { position, tally },
        ...(closed.length > 0 ? { $push: { closedTallies: { $each: closed } } } : {}),
      },
    );
    return result.matchedCount === 1;
  }

  /**
   * Writes what attempts showed of the receiver. Where an operator had it tried again while they were under way, its
   * breaker and its pause stay as that left them; where it was changed, nothing is written: they were made before.
   * @param before as the sender read it
   * @returns false where it was changed meanwhile, or the lease is lost
   */
  async mark(
    before: Webhook & { token: string },
    { latencies, ...marks }: Marks,
    happened: OperationalEvent | null = null,
  ): Promise<boolean> {
    const { _id, token, revision } = before;
    const recentMs = { $each: latencies, $slice: -KEPT_LATENCIES };
    const all = await this.collection.updateOne(
      { _id, token, revision, 'breaker.openUntil': before.breaker.openUntil },
      { $set: marks, $push: { recentMs, ...(happened ? { outbox: kept(happened) } : {}) } },
    );
    if (all.matchedCount === 1) return true;
    const { consecutiveFailures, failingSince, proxyOutSince } = marks;
    const counted = await this.collection.updateOne(
      { _id, token, revision },
      { $set: { consecutiveFailures, failingSince, proxyOutSince }, $push: { recentMs } },
    );
    return counted.matchedCount === 1;
  }

  /** Gives it up, once. */
  async disable(id: string, happened: OperationalEvent): Promise<void> {
    const stateReason = happened.reason;
    await this.collection.updateOne(
      { _id: id, ...VISIBLE, state: { $ne: 'DISABLED' } },
      {
        $set: { state: 'DISABLED', stateReason, updatedAt: this.clock.now(), nextDueAt: null },
        $push: { outbox: kept(happened) },
      },
    );
  }

  /** Where an operator has a webhook tried again. */
  private async closeBreaker(id: string): Promise<void> {
    await this.collection.updateOne(
      { _id: id, ...VISIBLE, 'breaker.openUntil': { $ne: null } },
      { $set: { 'breaker.openUntil': null }, $push: { outbox: kept(breakerReset(this.clock.now())) } },
    );
  }

  async release(id: string, token: string, { nextDueInMs, heldMs }: Release): Promise<void> {
    await this.collection.updateOne({ _id: id, token }, [
      {
        $set: {
          token: null,
          leaseUntil: null,
          lookedAt: '$$NOW',
          nextDueAt: nextDueInMs === null ? null : { $add: ['$$NOW', Math.max(0, nextDueInMs)] },
          // What the receiver asked for, or the breaker, may hold it longer.
          ...(heldMs ? { heldUntil: { $max: ['$heldUntil', { $add: ['$$NOW', heldMs] }] } } : {}),
        },
      },
    ]);
  }
}

/** As `standingOf` says it. */
const OF_STANDING: Record<Standing, Filter<Webhook>> = {
  proven: { consecutiveFailures: 0, 'recentMs.0': { $exists: true } },
  untried: { consecutiveFailures: 0, 'recentMs.0': { $exists: false } },
  failing: { consecutiveFailures: { $gt: 0 } },
};

function listed(states: WebhookState[] | null): Filter<Webhook> {
  return { ...VISIBLE, ...(states?.length ? { state: { $in: states } } : {}) };
}
