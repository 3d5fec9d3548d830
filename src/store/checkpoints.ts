import type { Collection, Db } from 'mongodb';
import { QUERY_MS } from './connection';

interface CheckpointDocument {
  _id: string;
  sourceId: string;
  epoch: number;
  partition: string;
  cursor: Record<string, unknown>;
}

/** How far each part of a source (an account and Region) was read. */
export class CheckpointStore {
  private readonly collection: Collection<CheckpointDocument>;

  constructor(db: Db) {
    this.collection = db.collection<CheckpointDocument>('checkpoints');
  }

  async get(sourceId: string, epoch: number, partition: string): Promise<Record<string, unknown> | null> {
    const found = await this.collection.findOne(
      { _id: key(sourceId, epoch, partition) },
      { maxTimeMS: QUERY_MS },
    );
    return found?.cursor ?? null;
  }

  async set(
    sourceId: string,
    epoch: number,
    partition: string,
    cursor: Record<string, unknown>,
  ): Promise<void> {
    await this.collection.updateOne(
      { _id: key(sourceId, epoch, partition) },
      { $set: { sourceId, epoch, partition, cursor } },
      { upsert: true },
    );
  }
}

function key(sourceId: string, epoch: number, partition: string): string {
  return `${sourceId}:${epoch}:${partition}`;
}
