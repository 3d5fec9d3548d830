import type { Collection, Db, Filter } from 'mongodb';
import type { OperationalEvent } from '../domain/operational-event';
import { KEPT_LATENCIES, type Standing, type Webhook } from '../domain/webhook';
import type { Tally } from '../domain/webhook-tally';
import type { StoreClock } from './clock';
import { fencingToken, QUERY_MS } from './connection';
import { whole } from './documents/whole-webhook';
import { VISIBLE } from './visible';
import { kept } from './webhook-outbox';

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

/** As `standingOf` says it. */
const OF_STANDING: Record<Standing, Filter<Webhook>> = {
  proven: { consecutiveFailures: 0, 'recentMs.0': { $exists: true } },
  untried: { consecutiveFailures: 0, 'recentMs.0': { $exists: false } },
  failing: { consecutiveFailures: { $gt: 0 } },
};

/** Its holder died: what it had begun to send is due at a time that it told nobody. */
const LEFT: Filter<Webhook> = { token: { $ne: null } };

/**
 * Webhooks as workers hold them, one holder at a time: by a fencing token until `leaseUntil`, in the database's time
 * (`$$NOW`). What a holder finds out about its webhook is written by that token.
 */
export class WebhookLeases {
  private readonly collection: Collection<Webhook>;

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.collection = db.collection<Webhook>('webhooks');
  }

  /**
   * Active webhooks that nobody holds and that have something to look at: commits beyond their position, a retry, or
   * what a holder left that died.
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
        { $or: [{ 'position.n': { $lt: head } }, { nextDueAt: { $ne: null, $lte: now } }, LEFT] },
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

  /** Extends the lease. @returns false where it is lost, or the webhook paused or deleted */
  async renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, ...VISIBLE, state: 'ACTIVE' }, [
      { $set: { leaseUntil: { $add: ['$$NOW', leaseMs] } } },
    ]);
    return result.matchedCount === 1;
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

  /** Lets go of it, by token. */
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
