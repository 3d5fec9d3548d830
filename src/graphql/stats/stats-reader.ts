import type { EventFilter } from '../../domain/filter';
import {
  type CellPlace,
  ceilTo,
  cellId,
  cellOf,
  countedSince,
  DAY_MS,
  HOUR_MS,
  type Level,
} from '../../domain/stats/cells';
import { Counts, isUnusable, type Need } from '../../domain/stats/counts';
import type { Fact, Tallied } from '../../domain/stats/dimension';
import { holds, planRanges, type RangePlan, type Ranges, refine } from '../../domain/stats/ranges';
import { type RollupFilter, rollupFilter } from '../../domain/stats/rollup-filter';
import { addFacts, type Tally } from '../../domain/stats/tally';
import type { BatchStore } from '../../store/batches';
import type { CommitStore } from '../../store/commits';
import type { EventScan, UnfinishedRun } from '../../store/event-scan';
import type { CommittedFact, FactStore } from '../../store/facts';
import type { RollupCell, RollupGeneration, RollupStore } from '../../store/rollups';

export interface StatsReaderParts {
  rollups: RollupStore;
  facts: FactStore;
  scan: EventScan;
  commits: CommitStore;
  batches: BatchStore;
  retentionDays: number;
  now: () => Date;
}

/** Which events are counted. */
export interface StatsScope {
  filter: EventFilter | null;
  from: Date;
  to: Date;
}

/** What the rollups are read with: how far they go, and what was committed since. */
interface Standing {
  generation: RollupGeneration;
  tail: CommittedFact[];
}

/** What all parts of one answer have in common. */
interface Ground {
  standing: Standing | null;
  unfinished: UnfinishedRun[];
  /** Events that were stored before this are not counted. */
  since: number;
  /** All that any of the needs counts by: cells are read once for all of them. */
  dimensions: Tallied[];
  /** What was read already, by the stretches of time. */
  read: Map<string, Promise<RollupCell[]>>;
  edges: Map<string, Promise<Fact[] | null>>;
}

interface TimedTally {
  level: Level;
  time: number;
  tally: Tally;
}

/** What is not folded yet is read event by event: beyond so many records, or commits, that takes longer than a scan. */
const TAIL_RECORDS = 20_000;
const TAIL_COMMITS = 1_000;
const BEGUN_RUNS = 1_000;
/** The rest of a time beside whole hours is less than two; so many events of it are read once for all figures. */
const EDGE_MS = 2 * HOUR_MS;
const EDGE_EVENTS = 5_000;
const REREADS = 3;

/**
 * Counts events exactly: by the rollups for whole hours and days, by what was committed since they were folded, and by
 * looking at the events themselves for the rest: parts of hours, and what keys alone can't tell.
 */
export class StatsReader {
  constructor(private readonly parts: StatsReaderParts) {}

  /** Each need by itself: one for which too many events would have to be looked at is Unavailable, the others are not. */
  async count(scope: StatsScope, needs: readonly Need[]): Promise<PromiseSettledResult<Counts>[]> {
    for (let read = 1; ; read++) {
      const ground = await this.ground(scope, needs);
      const counts = await Promise.allSettled(needs.map((need) => this.countOne(scope, need, ground)));
      const id = ground.standing?.generation._id;
      // A rebuild that ended meanwhile removes the cells that were read.
      if (id === undefined || read === REREADS || (await this.parts.rollups.get(id)) !== null) return counts;
    }
  }

  private async ground({ filter }: StatsScope, needs: readonly Need[]): Promise<Ground> {
    const { rollups, batches, commits, retentionDays, now } = this.parts;
    const generation = await rollups.current();
    const [tail, begun] = await Promise.all([
      generation ? this.tail(generation.through) : null,
      batches.begunRuns(BEGUN_RUNS),
    ]);
    const slices = await commits.slicesOf(begun);
    return {
      standing: generation && tail ? { generation, tail } : null,
      unfinished: [...slices].map(([run, of]) => ({ run, slices: of })),
      since: Math.max(countedSince(now(), retentionDays).getTime(), generation?.countedSince.getTime() ?? 0),
      dimensions: dimensionsOf(rollupFilter(filter), needs),
      read: new Map(),
      edges: new Map(),
    };
  }

  /** What was committed after n; null where that is too much. */
  private async tail(n: number): Promise<CommittedFact[] | null> {
    const { commits, facts } = this.parts;
    const some = await commits.after(n, TAIL_COMMITS, { ids: false });
    const records = some.reduce((sum, { received }) => sum + received, 0);
    if (some.length === TAIL_COMMITS || records > TAIL_RECORDS) return null;
    return some.length === 0 ? [] : facts.of(await commits.after(n, some.length));
  }

  private async countOne(scope: StatsScope, need: Need, ground: Ground): Promise<Counts> {
    const filter = rollupFilter(scope.filter);
    const coarsest = coarsestFor(need, filter);
    if (!ground.standing || !filter || !coarsest) {
      const all: RangePlan = { days: [], hours: [], rest: [[scope.from.getTime(), scope.to.getTime()]] };
      return this.addScanned(new Counts(need), scope, all, ground);
    }
    const { plan, tallies } = await this.tallies(
      planRanges(scope.from, scope.to, coarsest),
      { need, filter },
      ground.standing,
      ground,
    );
    const counts = new Counts(need);
    for (const { time, tally } of tallies) counts.addTally(time, tally, filter);
    return this.addScanned(counts, scope, plan, ground);
  }

  private async addScanned(
    counts: Counts,
    { filter }: StatsScope,
    { rest }: RangePlan,
    ground: Ground,
  ): Promise<Counts> {
    const { since, unfinished } = ground;
    const edges = await this.edges(filter, rest, ground);
    if (edges) {
      counts.addFacts(edges.filter(({ ingestedAt }) => ingestedAt.getTime() >= since));
      return counts;
    }
    const scan = { filter, ranges: rest, storedFrom: since, ...counts.need, unfinished };
    for (const { key, bucket, ...count } of await this.parts.scan.count(scan)) counts.add(key, bucket, count);
    return counts;
  }

  /** The events themselves, where they are few. */
  private edges(
    filter: EventFilter | null,
    rest: Ranges,
    { edges, unfinished }: Ground,
  ): Promise<Fact[] | null> {
    const length = rest.reduce((sum, [from, to]) => sum + to - from, 0);
    if (length > EDGE_MS) return Promise.resolve(null);
    return once(edges, rest, () => this.parts.facts.between(filter, rest, unfinished, EDGE_EVENTS));
  }

  /** The tallies of a plan, refined where one can't tell; those of cells and those of what is not folded yet. */
  private async tallies(
    plan: RangePlan,
    { need, filter }: { need: Need; filter: RollupFilter },
    standing: Standing,
    ground: Ground,
  ): Promise<{ plan: RangePlan; tallies: TimedTally[] }> {
    let refined = plan;
    for (;;) {
      const tallies = await this.read(refined, standing, ground);
      const unusable = tallies.filter(({ tally }) => isUnusable(tally, need.dimension, filter));
      const days = unusable.filter(({ level }) => level === 'day');
      const hours = unusable.filter(({ time }) => holds(refined.hours, time));
      // Hours within days were stored at the edge of retention, and can't be read by hours alone.
      const within = unusable.filter(({ level, time }) => level === 'hour' && holds(refined.days, time));
      const coarse = [...days, ...within].map(({ time }) => Math.floor(time / DAY_MS) * DAY_MS);
      if (coarse.length > 0) {
        refined = refine(refined, 'day', coarse);
        continue;
      }
      if (hours.length > 0) {
        const times = hours.map(({ time }) => time);
        refined = refine(refined, 'hour', times);
        const kept = tallies.filter(({ time }) => !times.includes(time));
        return { plan: refined, tallies: kept };
      }
      return { plan: refined, tallies };
    }
  }

  private async read(
    { days, hours }: RangePlan,
    { generation, tail }: Standing,
    { since, dimensions, read }: Ground,
  ): Promise<TimedTally[]> {
    const { rollups } = this.parts;
    const { _id: id } = generation;
    const wholeDays = ceilTo(since, DAY_MS);
    const cells = await once(read, [days, hours], async () => {
      const found = await Promise.all([
        rollups.read(id, { level: 'day', ranges: days, storedFrom: wholeDays, dimensions }),
        rollups.read(id, { level: 'hour', ranges: days, storedFrom: since, storedTo: wholeDays, dimensions }),
        rollups.read(id, { level: 'hour', ranges: hours, storedFrom: since, dimensions }),
      ]);
      return found.flat();
    });
    const throughOf = new Map(cells.map((cell) => [cell._id, cell.through]));
    const late = new Map<string, { place: CellPlace; facts: CommittedFact[] }>();
    for (const one of tail) {
      if (one.fact.ingestedAt.getTime() < since) continue;
      const place = placeIn({ days, hours }, one, wholeDays);
      if (!place) continue;
      const key = cellId(id, place);
      if (one.n <= (throughOf.get(key) ?? 0)) continue;
      const there = late.get(key);
      if (there) there.facts.push(one);
      else late.set(key, { place, facts: [one] });
    }
    return [
      ...cells.map((cell) => ({ level: cell.level, time: cell.time.getTime(), tally: cell })),
      ...[...late.values()].map(({ place, facts }) => ({
        level: place.level,
        time: place.time,
        tally: addFacts(
          null,
          facts.map(({ fact }) => fact),
        ),
      })),
    ];
  }
}

function once<T>(there: Map<string, Promise<T>>, key: object, read: () => Promise<T>): Promise<T> {
  const text = JSON.stringify(key);
  const found = there.get(text) ?? read();
  there.set(text, found);
  return found;
}

function dimensionsOf(filter: RollupFilter | null, needs: readonly Need[]): Tallied[] {
  const all = [filter?.dimension ?? null, ...needs.map(({ dimension }) => dimension)];
  return [...new Set(all)].filter((each): each is Tallied => each !== null && each !== 'OUTCOME');
}

/** The cell in which the plan finds an event; null where it does not look at it by cells. */
function placeIn(
  { days, hours }: Pick<RangePlan, 'days' | 'hours'>,
  { fact }: CommittedFact,
  wholeDays: number,
): CellPlace | null {
  const time = fact.eventTime.getTime();
  if (holds(hours, time)) return cellOf(fact, 'hour');
  if (!holds(days, time)) return null;
  return cellOf(fact, fact.ingestedAt.getTime() >= wholeDays ? 'day' : 'hour');
}

/** The longest cells that can answer; null where none can. */
function coarsestFor({ dimension, buckets }: Need, filter: RollupFilter | null): Level | null {
  if (filter === null) return null;
  if (filter.dimension && dimension && dimension !== 'OUTCOME' && dimension !== filter.dimension) return null;
  if (buckets && buckets.stepMs < HOUR_MS) return null;
  return buckets && buckets.stepMs < DAY_MS ? 'hour' : 'day';
}
