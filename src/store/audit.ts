import type { Collection, Db } from 'mongodb';
import type { AuditEntry } from '../domain/audit';
import type { PageKey } from '../domain/cursor';
import { type Page, type PageRequest, readPage } from './page';

/** The audit log. Entries are added and ended, never changed or taken away but by their age. */
export class AuditStore {
  private readonly collection: Collection<AuditEntry>;

  constructor(db: Db) {
    this.collection = db.collection<AuditEntry>('audit');
  }

  async insert(entry: AuditEntry): Promise<void> {
    await this.collection.insertOne(entry);
  }

  /** Writes what came of an action that was under way. */
  async end(id: string, end: Pick<AuditEntry, 'outcome' | 'error' | 'target'>): Promise<void> {
    await this.collection.updateOne({ _id: id, outcome: 'UNKNOWN' }, { $set: end });
  }

  /** Entries, newest first. */
  page(page: PageRequest): Promise<Page<AuditEntry>> {
    return readPage(
      this.collection,
      {},
      {
        field: 'at',
        descending: true,
        page,
        keyOf: (entry): PageKey => ({ value: entry.at.getTime(), id: entry._id }),
        sortValueOf: (key) => new Date(Number(key.value)),
      },
    );
  }
}
