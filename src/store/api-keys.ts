import type { Collection, Db } from 'mongodb';
import type { ApiKey } from '../domain/api-key';
import { QUERY_MS } from './connection';

/** Keys of programs. Revoked ones stay for a while, to be seen in lists. */
export class ApiKeyStore {
  private readonly collection: Collection<ApiKey>;

  constructor(db: Db) {
    this.collection = db.collection<ApiKey>('api_keys');
  }

  async insert(key: ApiKey): Promise<void> {
    await this.collection.insertOne(key);
  }

  get(id: string): Promise<ApiKey | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  many(ids: readonly string[]): Promise<ApiKey[]> {
    return this.collection.find({ _id: { $in: [...ids] } }, { maxTimeMS: QUERY_MS }).toArray();
  }

  /** The newest, up to a limit. */
  newest(limit: number): Promise<ApiKey[]> {
    return this.collection.find({}, { maxTimeMS: QUERY_MS }).sort({ createdAt: -1 }).limit(limit).toArray();
  }

  count(): Promise<number> {
    return this.collection.countDocuments({}, { maxTimeMS: QUERY_MS });
  }

  /** @returns the key, null where there is none; one that was revoked before keeps its time */
  async revoke(id: string, now: Date): Promise<ApiKey | null> {
    await this.collection.updateOne({ _id: id, revokedAt: null }, { $set: { revokedAt: now } });
    return this.get(id);
  }

  /** Notes a use, unless one was noted since `before`. */
  async used(id: string, at: Date, before: Date): Promise<void> {
    await this.collection.updateOne(
      { _id: id, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lte: before } }] },
      { $set: { lastUsedAt: at } },
    );
  }
}
