import type { Collection, Db } from 'mongodb';
import { fencingToken, isDuplicateKey } from './connection';

interface LeaseDocument {
  _id: string;
  token: string;
  until: Date;
}

/** Named leases for what one process does for all: sweeping, folding. */
export class LeaseStore {
  private readonly collection: Collection<LeaseDocument>;
  private readonly token = fencingToken();

  constructor(db: Db) {
    this.collection = db.collection<LeaseDocument>('leases');
  }

  /** Takes or extends a lease. @returns whether this process holds it now */
  async hold(name: string, leaseMs: number): Promise<boolean> {
    const free = {
      $or: [{ $eq: ['$token', this.token] }, { $lte: [{ $ifNull: ['$until', new Date(0)] }, '$$NOW'] }],
    };
    try {
      const result = await this.collection.findOneAndUpdate(
        { _id: name },
        [
          {
            $set: {
              token: { $cond: [free, this.token, '$token'] },
              until: { $cond: [free, { $add: ['$$NOW', leaseMs] }, '$until'] },
            },
          },
        ],
        { upsert: true, returnDocument: 'after' },
      );
      return result?.token === this.token;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** Whether any process holds it now. */
  async isHeld(name: string): Promise<boolean> {
    const held = await this.collection.findOne({ _id: name, $expr: { $gt: ['$until', '$$NOW'] } });
    return held !== null;
  }

  async release(name: string): Promise<void> {
    await this.collection.deleteOne({ _id: name, token: this.token });
  }
}
