import { type Collection, type Db, MongoBulkWriteError } from 'mongodb';
import { DUPLICATE_KEY, QUERY_MS } from './connection';

/** A record that could not be kept, with its text as far as it can be shown. */
export interface QuarantinedRecord {
  /** Batch and position. */
  _id: string;
  sourceId: string;
  batchId: string;
  position: number;
  reason: string;
  text: string;
  createdAt: Date;
}

export class QuarantineStore {
  private readonly collection: Collection<QuarantinedRecord>;

  constructor(db: Db) {
    this.collection = db.collection<QuarantinedRecord>('quarantine');
  }

  /** Inserts what is not there: a retry rejects the same records again. */
  async add(records: QuarantinedRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      await this.collection.insertMany(records, { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      if (failures.length === 0 || failures.some((failure) => failure.code !== DUPLICATE_KEY)) throw error;
    }
  }

  ofBatch(batchId: string, limit: number): Promise<QuarantinedRecord[]> {
    return this.collection
      .find({ batchId }, { maxTimeMS: QUERY_MS })
      .sort({ position: 1 })
      .limit(limit)
      .toArray();
  }
}
