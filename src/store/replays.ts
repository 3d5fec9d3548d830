import type { Collection, Db } from 'mongodb';
import type { Replay } from '../domain/replay';
import type { StoreClock } from './clock';
import { fencingToken, QUERY_MS } from './connection';

export type NewReplay = Pick<Replay, '_id' | 'webhookId' | 'scope' | 'dryRun' | 'matched'>;

/** How far a replay has come. */
export type ReplayProgress = Pick<Replay, 'position' | 'sent'>;

/** Bulk redeliveries. Whoever claims one holds a lease by its token. */
export class ReplayStore {
  private readonly collection: Collection<Replay>;

  constructor(
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.collection = db.collection<Replay>('replays');
  }

  /** One that sends nothing is done as soon as it is made. */
  async create(replay: NewReplay): Promise<Replay> {
    const now = this.clock.now();
    const whole: Replay = {
      ...replay,
      state: replay.dryRun ? 'DONE' : 'RUNNING',
      sent: 0,
      position: null,
      error: null,
      createdAt: now,
      doneAt: replay.dryRun ? now : null,
      dueAt: replay.dryRun ? null : now,
      token: null,
    };
    await this.collection.insertOne(whole);
    return whole;
  }

  get(id: string): Promise<Replay | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** Newest first. */
  newest(limit: number): Promise<Replay[]> {
    return this.collection
      .find({}, { maxTimeMS: QUERY_MS })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit)
      .toArray();
  }

  /** Takes the one that has waited longest, until the lease ends. */
  async claim(leaseMs: number): Promise<(Replay & { token: string }) | null> {
    const token = fencingToken();
    const claimed = await this.collection.findOneAndUpdate(
      { state: 'RUNNING', $expr: { $lte: ['$dueAt', '$$NOW'] } },
      [{ $set: { token, dueAt: { $add: ['$$NOW', leaseMs] } } }],
      { sort: { dueAt: 1 }, returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed ? { ...claimed, token } : null;
  }

  async renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, state: 'RUNNING' }, [
      { $set: { dueAt: { $add: ['$$NOW', leaseMs] } } },
    ]);
    return result.matchedCount === 1;
  }

  /** Saves how far it has come. @returns false where it was cancelled or is held by somebody else */
  async advance(id: string, token: string, progress: ReplayProgress): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, state: 'RUNNING' }, { $set: progress });
    return result.matchedCount === 1;
  }

  /** Gives it back, to be taken up again after a while. */
  async release(id: string, token: string, delayMs: number): Promise<void> {
    await this.collection.updateOne({ _id: id, token, state: 'RUNNING' }, [
      { $set: { token: null, dueAt: { $add: ['$$NOW', delayMs] } } },
    ]);
  }

  async end(id: string, token: string, state: 'DONE' | 'FAILED', error: string | null): Promise<void> {
    await this.collection.updateOne({ _id: id, token, state: 'RUNNING' }, { $set: this.final(state, error) });
  }

  /** @returns null where it is not running */
  cancel(id: string): Promise<Replay | null> {
    return this.collection.findOneAndUpdate(
      { _id: id, state: 'RUNNING' },
      { $set: this.final('CANCELLED', null) },
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  private final(
    state: Replay['state'],
    error: string | null,
  ): Pick<Replay, 'state' | 'error' | 'doneAt' | 'dueAt' | 'token'> {
    return { state, error, doneAt: this.clock.now(), dueAt: null, token: null };
  }
}
