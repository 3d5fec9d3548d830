import type { Collection, Db } from 'mongodb';
import type { Sealed } from '../domain/source';
import { isDuplicateKey, QUERY_MS } from './connection';

/** A key that signs access tokens, its private half sealed. */
export interface SealedSigningKey {
  /** The key's number: the first one is `signing-1`, whoever makes it. */
  _id: string;
  kid: string;
  publicJwk: object;
  privateJwk: Sealed;
  createdAt: Date;
}

/** The keys that sign access tokens; `auth/signing-keys.ts` seals and opens them. */
export class SigningKeyStore {
  private readonly collection: Collection<SealedSigningKey>;

  constructor(db: Db) {
    this.collection = db.collection<SealedSigningKey>('signing_keys');
  }

  all(): Promise<SealedSigningKey[]> {
    return this.collection.find({}, { maxTimeMS: QUERY_MS }).sort({ createdAt: 1 }).toArray();
  }

  /** Inserts the key, unless another process was first. */
  async add(key: SealedSigningKey): Promise<void> {
    try {
      await this.collection.insertOne(key);
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  }

  async remove(id: string): Promise<void> {
    await this.collection.deleteOne({ _id: id });
  }
}
