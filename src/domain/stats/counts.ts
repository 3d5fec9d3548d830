import type { Outcome } from '../event';
import { type Fact, TALLIED, type Tallied } from './dimension';
import { type Buckets, bucketAt } from './interval';
import type { RollupFilter } from './rollup-filter';
import { type Count, isLost, type Tally } from './tally';

/** What is to be counted: by which keys, by which steps of time; null: all alike. */
export interface Need {
  dimension: Tallied | 'OUTCOME' | null;
  buckets: Buckets | null;
}

/** The counts of one key, also by steps of time where that was asked for. */
export interface KeyCount extends Count {
  /** Null for the events that have no key of the dimension, or where there is none. */
  key: string | null;
  steps: number[];
}

/** Adds up what one need asks for. */
export class Counts {
  private readonly byKey = new Map<string | null, KeyCount>();

  constructor(readonly need: Need) {}

  add(key: string | null, step: number, { count, failures }: Count): void {
    if (count === 0) return;
    let found = this.byKey.get(key);
    if (!found) {
      found = { key, count: 0, failures: 0, steps: new Array(this.need.buckets?.count ?? 0).fill(0) };
      this.byKey.set(key, found);
    }
    found.count += count;
    found.failures += failures;
    if (this.need.buckets) found.steps[step]! += count;
  }

  /** Adds events that match, as they are. */
  addFacts(facts: readonly Fact[]): void {
    const { dimension, buckets } = this.need;
    const index = dimension && dimension !== 'OUTCOME' ? TALLIED.indexOf(dimension) : -1;
    for (const { eventTime, failure, keys } of facts) {
      const value = dimension === 'OUTCOME' ? (failure ? 'FAILURE' : 'SUCCESS') : keys[index];
      const step = buckets ? bucketAt(buckets, eventTime.getTime()) : 0;
      this.add(typeof value === 'string' ? value : null, step, { count: 1, failures: failure ? 1 : 0 });
    }
  }

  /** Adds a cell: all of its events happened within one step. */
  addTally(time: number, tally: Tally, filter: RollupFilter): void {
    const step = this.need.buckets ? bucketAt(this.need.buckets, time) : 0;
    for (const { key, ...count } of entriesOf(tally, this.need.dimension, filter)) this.add(key, step, count);
  }

  get all(): KeyCount[] {
    return [...this.byKey.values()];
  }

  get sum(): Count {
    const sum = { count: 0, failures: 0 };
    for (const { count, failures } of this.byKey.values()) {
      sum.count += count;
      sum.failures += failures;
    }
    return sum;
  }

  /** The keys that came most often, first those; equal ones by name. */
  top(first: number): KeyCount[] {
    return this.all
      .filter(({ key }) => key !== null)
      .sort((a, b) => b.count - a.count || (a.key! < b.key! ? -1 : 1))
      .slice(0, first);
  }
}

/** Whether a tally can't tell what is asked for: the events themselves must. */
export function isUnusable(tally: Tally, dimension: Need['dimension'], filter: RollupFilter): boolean {
  const needed = filter.dimension ?? (dimension === 'OUTCOME' ? null : dimension);
  if (needed === null) return false;
  const keys = tally.dimensions[needed];
  return isLost(keys) || (filter.dimension !== null && keys?.odd === true);
}

type Entry = Count & { key: string | null };

function entriesOf(tally: Tally, dimension: Need['dimension'], filter: RollupFilter): Entry[] {
  const keyed = matching(tally, dimension, filter).map((entry) => ofOutcome(entry, filter.outcome));
  if (dimension !== null && dimension !== 'OUTCOME') return keyed;
  const sum = { count: 0, failures: 0 };
  for (const { count, failures } of keyed) {
    sum.count += count;
    sum.failures += failures;
  }
  if (dimension === null) return [{ key: null, ...sum }];
  return [
    { key: 'SUCCESS', count: sum.count - sum.failures, failures: 0 },
    { key: 'FAILURE', count: sum.failures, failures: sum.failures },
  ];
}

function matching(tally: Tally, dimension: Need['dimension'], filter: RollupFilter): Entry[] {
  if (filter.dimension !== null)
    return keysOf(tally, filter.dimension).filter(({ key }) => filter.matches(key!));
  const whole: Entry = { key: null, count: tally.count, failures: tally.failures };
  if (dimension === null || dimension === 'OUTCOME') return [whole];
  const keyed = keysOf(tally, dimension);
  for (const { count, failures } of keyed) {
    whole.count -= count;
    whole.failures -= failures;
  }
  return [...keyed, whole];
}

function keysOf(tally: Tally, dimension: Tallied): Entry[] {
  const keys = tally.dimensions[dimension];
  if (keys === undefined || isLost(keys)) return [];
  return keys.keys.map((key, index) => ({
    key,
    count: keys.counts[index]!,
    failures: keys.failures[index]!,
  }));
}

function ofOutcome<T extends Count>(entry: T, outcome: Outcome | null): T {
  if (outcome === null) return entry;
  const { count, failures } = entry;
  return outcome === 'FAILURE'
    ? { ...entry, count: failures }
    : { ...entry, count: count - failures, failures: 0 };
}
