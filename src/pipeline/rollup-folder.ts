import type { Commit } from '../domain/commit';
import { type CellPlace, cellId, cellOf, LEVELS } from '../domain/stats/cells';
import type { Fact } from '../domain/stats/dimension';
import { addFacts } from '../domain/stats/tally';
import type { CommitStore } from '../store/commits';
import type { CommittedFact, FactStore } from '../store/facts';
import type { RollupCell, RollupGeneration, RollupStore } from '../store/rollups';
import type { CrashHook } from './crash-points';

export interface RollupFolderParts {
  commits: CommitStore;
  facts: FactStore;
  rollups: RollupStore;
  crash: CrashHook;
}

const COMMITS_A_PASS = 500;
/** Of records received; one commit is taken whatever it holds. */
const RECORDS_A_PASS = 10_000;
const CELLS_A_WRITE = 200;

interface CellFacts {
  place: CellPlace;
  facts: CommittedFact[];
}

/**
 * Folds the commits into the cells of a generation. Each cell remembers the last commit that is counted in it and is
 * written over what was read, so a pass may end anywhere, be repeated, and run twice at once: whoever comes second
 * changes nothing.
 */
export class RollupFolder {
  constructor(private readonly parts: RollupFolderParts) {}

  /** @returns whether there may be more; null where somebody else folds the same: try again later */
  async pass(generation: RollupGeneration): Promise<{ through: number; more: boolean } | null> {
    const { commits, facts, rollups, crash } = this.parts;
    const some = await this.next(generation.through);
    const last = some.at(-1)?._id;
    if (last === undefined) return { through: generation.through, more: false };
    // Retention may have removed some meanwhile, and others would come instead.
    const whole = (await commits.after(generation.through, some.length)).filter(({ _id }) => _id <= last);
    const counted = await facts.of(whole);
    const cells = cellsOf(counted);
    for (let at = 0; at < cells.length; at += CELLS_A_WRITE) {
      if (!(await this.add(generation._id, cells.slice(at, at + CELLS_A_WRITE), last))) return null;
      crash('rollup-cells-written');
    }
    if (!(await rollups.advance(generation._id, generation.through, last))) return null;
    return { through: last, more: true };
  }

  /** The commits of a pass, without their ids: as many as hold RECORDS_A_PASS. */
  private async next(through: number): Promise<Commit[]> {
    const some = await this.parts.commits.after(through, COMMITS_A_PASS, { ids: false });
    let records = 0;
    const end = some.findIndex(({ received }) => {
      records += received;
      return records > RECORDS_A_PASS;
    });
    return end < 0 ? some : some.slice(0, Math.max(1, end));
  }

  private async add(generation: number, cells: CellFacts[], through: number): Promise<boolean> {
    const { rollups } = this.parts;
    const there = await rollups.cellsAt(
      generation,
      cells.map(({ place }) => place),
    );
    const changed = cells.flatMap(({ place, facts }) => {
      const id = cellId(generation, place);
      const before = there.get(id) ?? null;
      const fresh = facts.filter(({ n }) => n > (before?.through ?? 0)).map(({ fact }) => fact);
      if (fresh.length === 0) return [];
      return [
        { cell: grown(generation, place, before, fresh, through), read: before ? before.through : null },
      ];
    });
    return rollups.write(changed);
  }
}

function cellsOf(counted: readonly CommittedFact[]): CellFacts[] {
  return LEVELS.flatMap((level) => {
    // By numbers: the id of a cell is text that takes longer to make than an event to count.
    const cells = new Map<number, Map<number, CellFacts>>();
    for (const one of counted) {
      const place = cellOf(one.fact, level);
      let stored = cells.get(place.time);
      if (!stored) {
        stored = new Map();
        cells.set(place.time, stored);
      }
      const cell = stored.get(place.ingested);
      if (cell) cell.facts.push(one);
      else stored.set(place.ingested, { place, facts: [one] });
    }
    return [...cells.values()].flatMap((stored) => [...stored.values()]);
  });
}

function grown(
  generation: number,
  place: CellPlace,
  before: RollupCell | null,
  facts: readonly Fact[],
  through: number,
): RollupCell {
  return {
    _id: cellId(generation, place),
    generation,
    level: place.level,
    time: new Date(place.time),
    ingestedAt: new Date(place.ingested),
    through,
    ...addFacts(before, facts),
  };
}
