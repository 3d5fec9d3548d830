import { type Collection, type Db, type Filter, MongoBulkWriteError } from 'mongodb';
import type { PageKey } from '../domain/cursor';
import { DUPLICATE_KEY, QUERY_MS } from './connection';
import { type Page, type PageRequest, readPage } from './page';

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
  /** It came by a backfill that must not alert. */
  silent?: true;
}

/** What is told of an entry before its text is read. */
export type QuarantineHead = Pick<QuarantinedRecord, '_id' | 'sourceId' | 'silent'>;

/** Texts have up to 1 MiB: so few are read from the database at a time. */
const TEXTS_AT_A_TIME = 16;

/** Texts that one page holds. */
const PAGE_BYTES = 16 * 1024 * 1024;

type Sized = QuarantinedRecord & { bytes: number };

/** The records that could not be kept. */
export class QuarantineStore {
  private readonly collection: Collection<QuarantinedRecord>;

  constructor(db: Db) {
    this.collection = db.collection<QuarantinedRecord>('quarantine');
  }

  /** Inserts what is not there: another try of a run rejects the same records again. */
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

  /** Puts the records in the place of the entries with their ids. */
  async replace(records: QuarantinedRecord[]): Promise<void> {
    if (records.length === 0) return;
    const writes = records.map(({ _id, ...rest }) => ({
      replaceOne: { filter: { _id }, replacement: rest, upsert: true },
    }));
    await this.collection.bulkWrite(writes, { ordered: false });
  }

  /** Writes the newest reasons to the entries; one that is gone stays gone. */
  async renew(records: Pick<QuarantinedRecord, '_id' | 'reason'>[]): Promise<void> {
    if (records.length === 0) return;
    const writes = records.map(({ _id, reason }) => ({
      updateOne: { filter: { _id }, update: { $set: { reason } } },
    }));
    await this.collection.bulkWrite(writes, { ordered: false });
  }

  async remove(ids: string[]): Promise<void> {
    if (ids.length > 0) await this.collection.deleteMany({ _id: { $in: ids } });
  }

  async removePositions(batchId: string, positions: number[]): Promise<void> {
    if (positions.length > 0) await this.collection.deleteMany({ batchId, position: { $in: positions } });
  }

  get(id: string): Promise<QuarantinedRecord | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** Those of the ids that are there, without their texts. */
  async heads(ids: string[]): Promise<Map<string, QuarantineHead>> {
    const found = await this.collection
      .find({ _id: { $in: ids } }, { projection: { sourceId: 1, silent: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    return new Map(found.map((entry) => [entry._id, entry]));
  }

  /** The entries in any order, a few at a time. */
  async *withTexts(ids: string[]): AsyncGenerator<QuarantinedRecord> {
    for (let at = 0; at < ids.length; at += TEXTS_AT_A_TIME) {
      const some = ids.slice(at, at + TEXTS_AT_A_TIME);
      yield* await this.collection.find({ _id: { $in: some } }, { maxTimeMS: QUERY_MS }).toArray();
    }
  }

  /** Newest first. A page ends where its texts come to 16 MiB, with one entry at least. */
  async page(sourceId: string | null, page: PageRequest): Promise<Page<QuarantinedRecord>> {
    const sizes = await readPage<Sized>(this.collection as unknown as Collection<Sized>, listed(sourceId), {
      field: 'createdAt',
      descending: true,
      page,
      keyOf: (entry): PageKey => ({ value: entry.createdAt.getTime(), id: entry._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
      projection: { createdAt: 1, bytes: { $strLenBytes: '$text' } },
    });
    let bytes = 0;
    const fitting = sizes.items.filter(({ item }, index) => {
      bytes += item.bytes;
      return index === 0 || bytes <= PAGE_BYTES;
    });
    const ids = fitting.map(({ item }) => item._id);
    const found = await this.collection.find({ _id: { $in: ids } }, { maxTimeMS: QUERY_MS }).toArray();
    const byId = new Map(found.map((entry) => [entry._id, entry]));
    return {
      ...sizes,
      items: fitting.flatMap(({ key, item }) => {
        const entry = byId.get(item._id);
        return entry ? [{ key, item: entry }] : [];
      }),
      hasNext: sizes.hasNext || fitting.length < sizes.items.length,
    };
  }

  count(sourceId: string | null, limit: number): Promise<number> {
    return this.collection.countDocuments(listed(sourceId), { limit, maxTimeMS: QUERY_MS });
  }

  ofBatch(batchId: string, limit: number): Promise<QuarantinedRecord[]> {
    return this.collection
      .find({ batchId }, { maxTimeMS: QUERY_MS })
      .sort({ position: 1 })
      .limit(limit)
      .toArray();
  }
}

function listed(sourceId: string | null): Filter<QuarantinedRecord> {
  return sourceId === null ? {} : { sourceId };
}
