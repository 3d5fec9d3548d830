import type { Collection, Db, Filter } from 'mongodb';
import type { Batch, BatchState } from '../domain/batch';
import type { PageKey } from '../domain/cursor';
import { OF_NO_BACKFILL, WITHOUT_PAYLOAD } from './batches';
import { QUERY_MS } from './connection';
import { type Page, type PageRequest, readPage } from './page';

/** A batch that failed so often and is tried again is worth telling of. */
const TRIES_TO_WORRY = 3;
const PLACES_LOOKED_AT = 20_000;
const MOST_PLACES = 100;

/** What the ledger says of a source as a whole; what befalls a single batch is in `batches.ts`. */
export class SourceBatches {
  private readonly collection: Collection<Batch>;

  constructor(db: Db) {
    this.collection = db.collection<Batch>('batches');
  }

  /** Newest first, without the bytes that ride along: a page of those may have a gigabyte. */
  page(sourceId: string, states: BatchState[] | null, page: PageRequest): Promise<Page<Batch>> {
    const filter: Filter<Batch> = { sourceId, ...(states?.length ? { state: { $in: states } } : {}) };
    return readPage<Batch>(this.collection, filter, {
      field: 'createdAt',
      descending: true,
      page,
      keyOf: (batch): PageKey => ({ value: batch.createdAt.getTime(), id: batch._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
      projection: WITHOUT_PAYLOAD,
    });
  }

  /** How many batches of a part of a source are not settled. */
  unsettled(sourceId: string, partition: string): Promise<number> {
    return this.collection.countDocuments({ sourceId, partition, state: 'PENDING' }, { maxTimeMS: QUERY_MS });
  }

  /** How many batches of a source are not settled, those of backfills aside. Counted up to `limit`. */
  unsettledLive(sourceId: string, limit: number): Promise<number> {
    return this.collection.countDocuments(
      { sourceId, state: 'PENDING', ...OF_NO_BACKFILL },
      { limit, maxTimeMS: QUERY_MS },
    );
  }

  /**
   * When the oldest of what is not settled was delivered, by source: checkpoints stay before it. Backfills are left
   * out, since what they fetch is old by design. A source that has nothing unsettled is absent.
   * @param sourceId only this one
   */
  async oldestUnsettled(sourceId?: string): Promise<Map<string, Date>> {
    const found = await this.collection
      .aggregate<{ _id: string; oldest: Date }>(
        [
          { $match: { ...(sourceId ? { sourceId } : {}), state: 'PENDING', ...OF_NO_BACKFILL } },
          {
            $group: {
              _id: '$sourceId',
              oldest: { $min: { $ifNull: ['$object.lastModified', '$createdAt'] } },
            },
          },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return new Map(found.map(({ _id, oldest }) => [_id, oldest]));
  }

  /** What could not be read since a time, or is tried again and again, by source, with the newest error. */
  async unread(since: Date): Promise<Map<string, { count: number; error: string; at: Date }>> {
    const error = { $type: 'string' };
    const found = await this.collection
      .aggregate<{ _id: string; count: number; error: string; at: Date }>(
        [
          {
            $match: {
              $or: [
                { state: { $in: ['FAILED', 'QUARANTINED'] }, error, doneAt: { $gte: since } },
                { state: 'PENDING', error, doneAt: null, attempts: { $gte: TRIES_TO_WORRY } },
              ],
            },
          },
          { $set: { at: { $ifNull: ['$doneAt', '$createdAt'] } } },
          {
            $group: {
              _id: '$sourceId',
              count: { $sum: 1 },
              newest: { $max: { at: '$at', error: '$error' } },
            },
          },
          { $project: { count: 1, error: '$newest.error', at: '$newest.at' } },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return new Map(found.map(({ _id, ...unread }) => [_id, unread]));
  }

  /** Buckets, and what stands before AWSLogs/, that the newest object batches of a source have named. */
  async trailPlaces(sourceId: string): Promise<{ bucket: string; prefix: string | null }[]> {
    const found = await this.collection
      .aggregate<{ _id: { bucket: string; before: string } }>(
        [
          { $match: { sourceId } },
          { $sort: { createdAt: -1, _id: -1 } },
          { $limit: PLACES_LOOKED_AT },
          { $match: { 'object.key': { $regex: '(^|/)AWSLogs/' } } },
          {
            $group: {
              _id: {
                bucket: '$object.bucket',
                before: { $first: { $split: ['$object.key', 'AWSLogs/'] } },
              },
            },
          },
          { $limit: MOST_PLACES },
        ],
        { maxTimeMS: QUERY_MS },
      )
      .toArray();
    return found.map(({ _id: { bucket, before } }) => ({
      bucket,
      prefix: before.replace(/\/$/, '') || null,
    }));
  }
}
