import { buildSchema } from '@typegoose/typegoose';
import type { Collection, Db, Filter, UpdateFilter } from 'mongodb';
import type { Connection } from 'mongoose';
import type { PageKey } from '../domain/cursor';
import { Conflict } from '../domain/errors';
import { NO_RHYTHM, type Rhythm } from '../domain/rhythm';
import {
  type Counters,
  type HttpPushConfig,
  NO_COUNTS,
  type Source,
  type SourceHealth,
  type SourceKind,
  type SourceState,
} from '../domain/source';
import type { SourceConcern } from '../domain/source-health';
import type { StoreClock } from './clock';
import { fencingToken, isDuplicateKey, QUERY_MS } from './connection';
import { SourceDocument } from './documents/source-document';
import { type Page, type PageRequest, readPage } from './page';
import { VISIBLE } from './visible';

/** What a caller decides about a new source; the rest has one beginning. */
export type NewSource = Pick<Source, '_id' | 'name' | 'kind'> & Partial<Settable>;

export type SourceChanges = Partial<Settable & Pick<Source, 'name' | 'state' | 'epoch'>>;

type Settable = Pick<Source, keyof typeof NOTHING_SET>;

const NOTHING_SET = {
  aws: null,
  lookupEvents: null,
  s3: null,
  sqs: null,
  httpPush: null,
  demo: null,
  dropFilter: null,
  nextRunAt: null,
} as const;

/** A source at its beginning. */
export function wholeSource(source: NewSource, now: Date): Source {
  return {
    ...NOTHING_SET,
    ...source,
    state: 'ACTIVE',
    epoch: 1,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    status: { health: 'UNKNOWN', lastError: null, lastErrorAt: null, remedy: null, lastSuccessAt: null },
    counters: { ...NO_COUNTS },
    through: 0,
    heardAt: null,
    rhythm: { ...NO_RHYTHM },
    concern: null,
    changedAt: now,
    token: null,
  };
}

/** With every change that readers may see: by the database's clock, so that nobody who follows misses one. */
const CHANGED = { $currentDate: { changedAt: true } } as const;

/** How far a source was folded, and what else the fold goes on from. */
export interface FoldState {
  through: number;
  rhythm: Rhythm;
}

/** What a fold adds to a source. */
export interface Folded {
  counts: Counters;
  rhythm: Rhythm;
  /** When anything came last; null where nothing did. */
  heardAt: Date | null;
}

/** Sources and how they fare. Deleting one is a tombstone: its id stays taken. */
export class SourceStore {
  private readonly model;
  private readonly collection: Collection<Source>;

  constructor(
    connection: Connection,
    db: Db,
    private readonly clock: StoreClock,
  ) {
    this.model = connection.model('Source', buildSchema(SourceDocument));
    this.collection = db.collection<Source>('sources');
  }

  /** @throws Conflict where the id is, or was, in use. */
  async create(source: NewSource): Promise<Source> {
    const whole = wholeSource(source, this.clock.now());
    try {
      await this.model.create(whole);
    } catch (error) {
      if (isDuplicateKey(error))
        throw new Conflict(`A source with the id ${source._id} exists, or did: choose another id.`);
      throw error;
    }
    return whole;
  }

  get(id: string): Promise<Source | null> {
    return this.collection.findOne({ _id: id, ...VISIBLE }, { maxTimeMS: QUERY_MS });
  }

  /** Also deleted ones: work of theirs may still be under way. */
  getAny(id: string): Promise<Source | null> {
    return this.collection.findOne({ _id: id }, { maxTimeMS: QUERY_MS });
  }

  many(ids: readonly string[]): Promise<Source[]> {
    return this.collection.find({ _id: { $in: [...ids] }, ...VISIBLE }, { maxTimeMS: QUERY_MS }).toArray();
  }

  page(
    filter: { kinds?: SourceKind[] | null; states?: SourceState[] | null },
    page: PageRequest,
  ): Promise<Page<Source>> {
    return readPage(this.collection, listed(filter), {
      field: 'createdAt',
      descending: false,
      page,
      keyOf: (source): PageKey => ({ value: source.createdAt.getTime(), id: source._id }),
      sortValueOf: (key) => new Date(Number(key.value)),
    });
  }

  count(filter: { kinds?: SourceKind[] | null; states?: SourceState[] | null }): Promise<number> {
    return this.collection.countDocuments(listed(filter), { maxTimeMS: QUERY_MS });
  }

  update(id: string, changes: SourceChanges): Promise<Source | null> {
    const now = this.clock.now();
    // A pause is no silence: what was found is void, and a gap begins anew.
    const anew = changes.state ? { concern: null, 'rhythm.lastAt': now, 'rhythm.beatAt': now } : {};
    return this.collection.findOneAndUpdate(
      { _id: id, ...VISIBLE },
      { $set: { ...changes, ...anew, updatedAt: now }, ...CHANGED } as UpdateFilter<Source>,
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
  }

  /** Replaces an ingest token, where it still is the one of that hash. */
  async replaceToken(id: string, fromHash: string, token: HttpPushConfig): Promise<void> {
    await this.collection.updateOne(
      { _id: id, 'httpPush.tokenHash': fromHash },
      { $set: { httpPush: token, updatedAt: this.clock.now() }, ...CHANGED },
    );
  }

  /** @returns whether there was one to delete */
  async delete(id: string): Promise<boolean> {
    const now = this.clock.now();
    const result = await this.collection.updateOne(
      { _id: id, ...VISIBLE },
      { $set: { deletedAt: now, updatedAt: now, nextRunAt: null, state: 'PAUSED' }, ...CHANGED },
    );
    return result.matchedCount === 1;
  }

  /** Makes a source due at once. */
  async wake(id: string): Promise<Source | null> {
    return this.update(id, { nextRunAt: this.clock.now() });
  }

  /** Active sources whose fetch is due, longest waiting first. A fetch in progress has its lease's end in `nextRunAt`. */
  async dueIds(limit: number): Promise<string[]> {
    const due = await this.collection
      .find(
        { ...VISIBLE, state: 'ACTIVE', nextRunAt: { $ne: null, $lte: this.clock.now() } },
        { projection: { _id: 1 }, maxTimeMS: QUERY_MS },
      )
      .sort({ nextRunAt: 1 })
      .limit(limit)
      .toArray();
    return due.map((source) => source._id);
  }

  /** Takes a due source for one fetch: by token, until the lease ends or `finish`. */
  async claim(id: string, leaseMs: number): Promise<(Source & { token: string }) | null> {
    const token = fencingToken();
    const claimed = await this.collection.findOneAndUpdate(
      {
        _id: id,
        ...VISIBLE,
        state: 'ACTIVE',
        nextRunAt: { $ne: null },
        $expr: { $lte: ['$nextRunAt', '$$NOW'] },
      },
      [{ $set: { token, nextRunAt: { $add: ['$$NOW', leaseMs] } } }],
      { returnDocument: 'after', maxTimeMS: QUERY_MS },
    );
    return claimed ? { ...claimed, token } : null;
  }

  /** Extends a fetch's lease. @returns false where it is lost, and where the source was paused or deleted meanwhile */
  async renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    const result = await this.collection.updateOne({ _id: id, token, ...VISIBLE, state: 'ACTIVE' }, [
      { $set: { nextRunAt: { $add: ['$$NOW', leaseMs] } } },
    ]);
    return result.matchedCount === 1;
  }

  /** Ends a fetch: its outcome and when the next is due. */
  async finish(
    id: string,
    token: string,
    status: Partial<SourceHealth>,
    nextRunInMs: number,
  ): Promise<boolean> {
    const set = Object.fromEntries(
      Object.entries(status).map(([key, value]) => [`status.${key}`, { $literal: value }]),
    );
    const result = await this.collection.updateOne({ _id: id, token }, [
      {
        $set: {
          ...set,
          token: null,
          nextRunAt: { $add: ['$$NOW', Math.max(0, nextRunInMs)] },
          changedAt: '$$NOW',
        },
      },
    ]);
    return result.matchedCount === 1;
  }

  async setStatus(id: string, status: Partial<SourceHealth>): Promise<void> {
    const set = Object.fromEntries(Object.entries(status).map(([key, value]) => [`status.${key}`, value]));
    await this.collection.updateOne({ _id: id }, { $set: set, ...CHANGED } as UpdateFilter<Source>);
  }

  /** Every active source, for the watch over them. */
  active(): AsyncIterable<Source> {
    return this.collection.find({ ...VISIBLE, state: 'ACTIVE' }, { maxTimeMS: QUERY_MS });
  }

  /** Writes what the watch found, unless the source was paused meanwhile. */
  async setConcern(id: string, concern: SourceConcern | null): Promise<void> {
    await this.collection.updateOne({ _id: id, state: 'ACTIVE' }, { $set: { concern }, ...CHANGED });
  }

  /** What changed at or after a time of the database's clock, oldest first; deleted ones are left out. */
  changedSince(since: Date, limit: number): Promise<Source[]> {
    return this.collection
      .find({ changedAt: { $gte: since }, ...VISIBLE }, { maxTimeMS: QUERY_MS })
      .sort({ changedAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** How far these sources were folded, deleted ones too. */
  async foldStates(ids: string[]): Promise<Map<string, FoldState>> {
    const found = await this.collection
      .find({ _id: { $in: ids } }, { projection: { through: 1, rhythm: 1 }, maxTimeMS: QUERY_MS })
      .toArray();
    return new Map(
      found.map(({ _id, through, rhythm }) => [_id, { through, rhythm: { ...NO_RHYTHM, ...rhythm } }]),
    );
  }

  /** Adds what the commits after `from` up to `through` amount to, once however often it is called. */
  async fold(id: string, { counts, rhythm, heardAt }: Folded, from: number, through: number): Promise<void> {
    const inc = Object.fromEntries(
      Object.entries(counts).map(([field, value]) => [`counters.${field}`, value]),
    );
    const { lastAt, beatAt, ...learned } = rhythm;
    const set = Object.fromEntries(
      Object.entries(learned).map(([field, value]) => [`rhythm.${field}`, value]),
    );
    // By $max, so that a pause that came between stands.
    const max = {
      ...(lastAt ? { 'rhythm.lastAt': lastAt } : {}),
      ...(beatAt ? { 'rhythm.beatAt': beatAt } : {}),
      ...(heardAt ? { heardAt } : {}),
    };
    await this.collection.updateOne({ _id: id, through: from }, {
      $inc: inc,
      $set: { through, ...set },
      ...(Object.keys(max).length > 0 ? { $max: max } : {}),
      ...CHANGED,
    } as UpdateFilter<Source>);
  }
}

function listed(filter: { kinds?: SourceKind[] | null; states?: SourceState[] | null }): Filter<Source> {
  return {
    ...VISIBLE,
    ...(filter.kinds?.length ? { kind: { $in: filter.kinds } } : {}),
    ...(filter.states?.length ? { state: { $in: filter.states } } : {}),
  };
}
