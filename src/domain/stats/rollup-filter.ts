import { type Condition, conditionOf, matchesValue } from '../condition';
import type { Outcome } from '../event';
import type { EventFilter } from '../filter';
import { DIMENSION_PATHS, type FieldDimension } from './dimension';

/** A filter that counts by keys can answer: at most one dimension, and the outcome. */
export interface RollupFilter {
  dimension: FieldDimension | null;
  matches: (key: string) => boolean;
  outcome: Outcome | null;
}

const DIMENSION_AT = new Map<string, FieldDimension>(
  (Object.keys(DIMENSION_PATHS) as FieldDimension[]).map((dimension) => [
    DIMENSION_PATHS[dimension],
    dimension,
  ]),
);
const OUTCOME_PATH = 'enrichment.outcome';

/** The filter as counts can answer it; null where they can't. Its own `from` and `to` are left out. */
export function rollupFilter(filter: EventFilter | null): RollupFilter | null {
  const found: RollupFilter = { dimension: null, matches: () => true, outcome: null };
  for (const condition of members(conditionOf({ ...filter, from: null, to: null }))) {
    if (condition.op !== 'in' || condition.paths.length !== 1) return null;
    const path = condition.paths[0]!;
    const dimension = DIMENSION_AT.get(path);
    if (path === OUTCOME_PATH && found.outcome === null) found.outcome = condition.values[0] as Outcome;
    else if (dimension !== undefined && found.dimension === null) {
      const test = matchesValue(condition);
      found.dimension = dimension;
      found.matches = dimension === 'ASN' ? (key) => test(Number(key)) : test;
    } else return null;
  }
  return found;
}

function members(condition: Condition): Condition[] {
  return condition.op === 'and' ? condition.of.flatMap(members) : [condition];
}
