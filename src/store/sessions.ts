import type { Collection, Db } from 'mongodb';
import type { Session } from '../domain/user';
import { QUERY_MS } from './connection';

/** Sign-ins. A session is the family of its refresh tokens. */
export class SessionStore {
  private readonly collection: Collection<Session>;

  constructor(db: Db) {
    this.collection = db.collection<Session>('sessions');
  }

  async insert(session: Session): Promise<void> {
    await this.collection.insertOne(session);
  }

  get(id: string): Promise<Session | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** Replaces the refresh token, once. @returns false where somebody else did already */
  async rotate(id: string, from: string, to: string, now: Date, expiresAt: Date): Promise<boolean> {
    const result = await this.collection.updateOne(
      { _id: id, refreshHash: from, revokedAt: null },
      { $set: { refreshHash: to, previousHash: from, rotatedAt: now, expiresAt } },
    );
    return result.matchedCount === 1;
  }

  async revoke(id: string, now: Date): Promise<void> {
    await this.collection.updateOne({ _id: id, revokedAt: null }, { $set: { revokedAt: now } });
  }

  /** Ends all sessions of a user, but for one where it is named. */
  async revokeOf(userId: string, now: Date, but: string | null = null): Promise<void> {
    const others = but === null ? {} : { _id: { $ne: but } };
    await this.collection.updateMany({ userId, revokedAt: null, ...others }, { $set: { revokedAt: now } });
  }

  /** Those of these sessions that have not been ended. */
  async live(ids: readonly string[]): Promise<Set<string>> {
    const found = await this.collection
      .find({ _id: { $in: [...ids] }, revokedAt: null }, { projection: { _id: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    return new Set(found.map(({ _id }) => _id));
  }
}
