import type { Collection, Db } from 'mongodb';
import { type CellPlace, cellId, type Level } from '../domain/stats/cells';
import { ROLLUP_VERSION, type Tallied } from '../domain/stats/dimension';
import type { Tally } from '../domain/stats/tally';
import { isDuplicateKey, QUERY_MS } from './connection';
import { ROLLUP_READ_KEYS } from './indexes';

/** One building of the rollups: all of its cells carry its number. */
export interface RollupGeneration {
  _id: number;
  /** What is tallied, and how: another program may know other dimensions. */
  version: number;
  /** Every commit up to this one is in the cells; a cell may be further. */
  through: number;
  /** Whether it has caught up once; the newest that has is the one that is read. */
  ready: boolean;
  /** What was stored before this is counted no more, however long retention is by now. */
  countedSince: Date;
}

/** The events of one hour or day that were stored in one hour or day. */
export interface RollupCell extends Tally {
  _id: string;
  generation: number;
  level: Level;
  time: Date;
  ingestedAt: Date;
  /** The last commit that is counted in it. */
  through: number;
}

/** What is asked for of the cells of a stretch of time. */
export interface CellQuery {
  level: Level;
  /** Begins of cells, the second exclusive; in milliseconds. */
  ranges: readonly [number, number][];
  /** Stored in a cell that begins at or after this. */
  storedFrom: number;
  /** And before this. */
  storedTo?: number;
  dimensions: readonly Tallied[];
}

/** The counts of events by hour and by day, and how far they go. */
export class RollupStore {
  private readonly cells: Collection<RollupCell>;
  private readonly generations: Collection<RollupGeneration>;

  constructor(db: Db) {
    this.cells = db.collection<RollupCell>('rollups');
    this.generations = db.collection<RollupGeneration>('rollup_generations');
  }

  /** The generation to read and to go on folding; null while none is ready. */
  current(): Promise<RollupGeneration | null> {
    return this.newest(true);
  }

  /** The generation that is being built, where there is one. */
  building(): Promise<RollupGeneration | null> {
    return this.newest(false);
  }

  async get(generation: number): Promise<RollupGeneration | null> {
    return this.generations.findOne({ _id: generation }, { maxTimeMS: QUERY_MS });
  }

  /** Begins a generation, or finds the one that was begun. */
  async begin(): Promise<RollupGeneration> {
    for (;;) {
      const building = await this.building();
      if (building) return building;
      const [last] = await this.generations.find().sort({ _id: -1 }).limit(1).toArray();
      const begun: RollupGeneration = {
        _id: (last?._id ?? 0) + 1,
        version: ROLLUP_VERSION,
        through: 0,
        ready: false,
        countedSince: new Date(0),
      };
      try {
        await this.generations.insertOne(begun);
        return begun;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    }
  }

  /** Remembers that everything up to a commit is in the cells. @returns false where somebody else did */
  async advance(generation: number, from: number, through: number): Promise<boolean> {
    const { matchedCount } = await this.generations.updateOne(
      { _id: generation, through: from },
      { $set: { through } },
    );
    return matchedCount === 1;
  }

  /** From now on this generation is read; older ones go, and what they left out stays left out. */
  async finish(generation: number): Promise<void> {
    const older = await this.generations
      .find({ _id: { $lt: generation }, version: { $lte: ROLLUP_VERSION } }, { maxTimeMS: QUERY_MS })
      .toArray();
    const countedSince = new Date(Math.max(0, ...older.map((each) => each.countedSince.getTime())));
    await this.generations.updateOne({ _id: generation }, { $set: { ready: true }, $max: { countedSince } });
    const gone = older.map(({ _id }) => _id);
    await this.generations.deleteMany({ _id: { $in: gone } });
    await this.cells.deleteMany({ generation: { $in: gone } });
  }

  /** Counts nothing that was stored before this, ever again. */
  async raiseCountedSince(generation: number, since: Date): Promise<void> {
    await this.generations.updateOne({ _id: generation }, { $max: { countedSince: since } });
  }

  async cellsAt(generation: number, places: readonly CellPlace[]): Promise<Map<string, RollupCell>> {
    const ids = places.map((place) => cellId(generation, place));
    const found = await this.cells.find({ _id: { $in: ids } }, { maxTimeMS: QUERY_MS }).toArray();
    return new Map(found.map((cell) => [cell._id, cell]));
  }

  /**
   * Writes cells over what they were when they were read.
   * @param cells each with the `through` that was read; null where there was none
   * @returns false where somebody else wrote one meanwhile: those that were written stand
   */
  async write(cells: readonly { cell: RollupCell; read: number | null }[]): Promise<boolean> {
    if (cells.length === 0) return true;
    try {
      const { insertedCount, matchedCount } = await this.cells.bulkWrite(
        cells.map(({ cell, read }) => {
          if (read === null) return { insertOne: { document: cell } };
          return { replaceOne: { filter: { _id: cell._id, through: read }, replacement: cell } };
        }),
        { ordered: false },
      );
      return insertedCount + matchedCount === cells.length;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** The cells of a stretch of time, with the tallies of these dimensions alone. */
  read(generation: number, query: CellQuery): Promise<RollupCell[]> {
    const { level, ranges, storedFrom, storedTo, dimensions } = query;
    if (ranges.length === 0) return Promise.resolve([]);
    const stored = { $gte: new Date(storedFrom), ...(storedTo ? { $lt: new Date(storedTo) } : {}) };
    const of = ranges.map(([from, to]) => ({
      generation,
      level,
      time: { $gte: new Date(from), $lt: new Date(to) },
      ingestedAt: stored,
    }));
    const wanted = Object.fromEntries(dimensions.map((dimension) => [`dimensions.${dimension}`, 1]));
    const projection = { time: 1, ingestedAt: 1, level: 1, through: 1, count: 1, failures: 1, ...wanted };
    return this.cells
      .find(of.length === 1 ? of[0]! : { $or: of }, { projection, maxTimeMS: QUERY_MS, batchSize: 5_000 })
      .hint(ROLLUP_READ_KEYS)
      .toArray() as Promise<RollupCell[]>;
  }

  private newest(ready: boolean): Promise<RollupGeneration | null> {
    return this.generations.findOne(
      { version: ROLLUP_VERSION, ready },
      { sort: { _id: -1 }, maxTimeMS: QUERY_MS },
    );
  }
}
