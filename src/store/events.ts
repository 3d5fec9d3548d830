import type { Collection, Db, WithoutId } from 'mongodb';
import { MongoBulkWriteError } from 'mongodb';
import type { PageKey } from '../domain/cursor';
import type { StoredEvent } from '../domain/event';
import type { EventFilter } from '../domain/filter';
import { DUPLICATE_KEY, QUERY_MS } from './connection';
import { filterQuery } from './filter-query';
import type { Page, PageRequest } from './page';
import { readPage } from './page';

/** Who stored an event. */
export type Owner = Pick<StoredEvent, '_id' | 'run' | 'pos' | 'silent' | 'takenFrom' | 'takenPos'>;

/** An event that a silent run stored, and its place in the run that takes it over. */
export interface TakeOver {
  owner: Owner;
  pos: number;
}

const OWNER_FIELDS = { _id: 1, run: 1, pos: 1, silent: 1, takenFrom: 1, takenPos: 1 } as const;

export type EventOrderField = 'eventTime' | 'ingestedAt';

/** The collection `enriched_events`: each event once. */
export class EventStore {
  private readonly collection: Collection<StoredEvent>;

  constructor(db: Db) {
    // Views over the read buffer would keep the whole network packet alive as long as one address does.
    this.collection = db.collection<StoredEvent>('enriched_events', { promoteBuffers: true });
  }

  /** Which of the ids are stored, and by which run. One query for a whole slice. */
  async owners(ids: string[]): Promise<Map<string, Owner>> {
    const found = await this.collection
      .find({ _id: { $in: ids } }, { projection: OWNER_FIELDS, maxTimeMS: QUERY_MS })
      .toArray();
    return new Map(found.map((event) => [event._id, event as Owner]));
  }

  /**
   * Gives events of silent runs to a run that is heard of: each by compare-and-set of its run and silence, all in one
   * round trip. Who comes second takes nothing.
   * @returns the ids of those that the run has now
   */
  async takeOver(run: string, takeOvers: TakeOver[]): Promise<Set<string>> {
    if (takeOvers.length === 0) return new Set();
    const { matchedCount } = await this.collection.bulkWrite(
      takeOvers.map(({ owner, pos }) => ({
        updateOne: {
          filter: { _id: owner._id, run: owner.run, silent: true },
          update: {
            $set: { run, pos, takenFrom: owner.run, takenPos: owner.pos },
            $unset: { silent: true },
          },
        },
      })),
      { ordered: false },
    );
    const ids = takeOvers.map(({ owner }) => owner._id);
    if (matchedCount === ids.length) return new Set(ids);
    const owners = await this.owners(ids);
    const has = ({ owner, pos }: TakeOver): boolean => {
      const now = owners.get(owner._id);
      return now?.run === run && now.pos === pos;
    };
    return new Set(takeOvers.filter(has).map(({ owner }) => owner._id));
  }

  /**
   * Inserts what is not there yet.
   * @returns the ids that were there already
   * @throws whatever else the database said: some of the events may have been inserted
   */
  async insert(events: StoredEvent[]): Promise<Set<string>> {
    const there = new Set<string>();
    if (events.length === 0) return there;
    try {
      await this.collection.insertMany(events as WithoutId<StoredEvent>[] as never, { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
      for (const failure of failures) {
        if (failure.code !== DUPLICATE_KEY) throw error;
        there.add(events[failure.index]!._id);
      }
      if (failures.length === 0) throw error;
    }
    return there;
  }

  /** Gives events that a run stored other places in it. */
  async place(run: string, places: { id: string; pos: number }[]): Promise<void> {
    await this.collection.bulkWrite(
      places.map(({ id, pos }) => ({ updateOne: { filter: { _id: id, run }, update: { $set: { pos } } } })),
      { ordered: false },
    );
  }

  /** The events that carry a run, in the order of their positions: those that it stored since then, or took over. */
  async ownedBy(run: string, since: Date): Promise<Owner[]> {
    const options = { projection: OWNER_FIELDS, maxTimeMS: QUERY_MS };
    const [stored, taken] = await Promise.all([
      this.collection
        .find({ ingestedAt: { $gte: since }, run, takenFrom: { $exists: false } }, options)
        .toArray(),
      this.collection.find({ run, takenFrom: { $exists: true } }, options).toArray(),
    ]);
    return [...stored, ...taken].sort((a, b) => a.pos - b.pos);
  }

  /** The events that a run stored silently and others took over since. */
  takenFrom(run: string): Promise<Owner[]> {
    return this.collection
      .find({ takenFrom: run }, { projection: OWNER_FIELDS, maxTimeMS: QUERY_MS })
      .toArray();
  }

  /** The events of a commit, in order; those that retention has removed are left out. */
  async ofRun(run: string, ids: string[], afterPos = -1): Promise<StoredEvent[]> {
    if (ids.length === 0) return [];
    const events = await this.collection.find({ _id: { $in: ids } }, { maxTimeMS: QUERY_MS }).toArray();
    return events.filter((event) => event.run === run && event.pos > afterPos).sort((a, b) => a.pos - b.pos);
  }

  /** The events with these ids, in the order of the ids. */
  async byIds(ids: string[]): Promise<StoredEvent[]> {
    const events = await this.collection.find({ _id: { $in: ids } }, { maxTimeMS: QUERY_MS }).toArray();
    const byId = new Map(events.map((event) => [event._id, event]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  get(id: string): Promise<StoredEvent | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  /** A page of the events that match, by time and then by id. */
  page(
    filter: EventFilter | null,
    order: { field: EventOrderField; descending: boolean },
    page: PageRequest,
  ): Promise<Page<StoredEvent>> {
    return readPage(this.collection, filterQuery(filter), {
      field: order.field,
      descending: order.descending,
      page,
      keyOf: (event): PageKey => ({ value: event[order.field].getTime(), id: event._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
    });
  }

  count(filter: EventFilter | null, limit: number): Promise<number> {
    return this.collection.countDocuments(filterQuery(filter), { limit, maxTimeMS: QUERY_MS });
  }
}
