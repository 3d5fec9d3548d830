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
}
