import { type Fact, ODD, TALLIED, type Tallied } from './dimension';

/** Events, and how many of them failed. */
export interface Count {
  count: number;
  failures: number;
}

/** How often each key of one dimension came. `keys`, `counts` and `failures` go by the same index. */
export interface KeyTally {
  keys: string[];
  counts: number[];
  failures: number[];
  /** Some events have a value here that is no text: a filter may match them, no key counts them. */
  odd?: true;
}

/** Too many keys to keep: whoever asks has to count the events themselves. */
export type LostTally = { lost: true };

/** What is known of the events of one stretch of time. */
export interface Tally extends Count {
  dimensions: Partial<Record<Tallied, KeyTally | LostTally>>;
}

/** So many keys, and so much text in them, are kept for a dimension: a tally of 12 stays far below 16 MiB. */
export const MAX_KEYS = 2_000;
export const MAX_KEY_CHARACTERS = 100_000;

/** A tally with these facts added to it; the given one is left as it is. */
export function addFacts(before: Tally | null, facts: readonly Fact[]): Tally {
  const dimensions: Tally['dimensions'] = {};
  TALLIED.forEach((dimension, index) => {
    const tally = tallyKeys(before?.dimensions[dimension], facts, index);
    if (tally) dimensions[dimension] = tally;
  });
  return {
    count: (before?.count ?? 0) + facts.length,
    failures: (before?.failures ?? 0) + facts.filter(({ failure }) => failure).length,
    dimensions,
  };
}

function tallyKeys(
  before: KeyTally | LostTally | undefined,
  facts: readonly Fact[],
  index: number,
): KeyTally | LostTally | null {
  if (isLost(before)) return before;
  const keys = before?.keys.slice() ?? [];
  const counts = before?.counts.slice() ?? [];
  const failures = before?.failures.slice() ?? [];
  const places = new Map(keys.map((key, place) => [key, place]));
  let odd = before?.odd ?? false;
  for (const { keys: all, failure } of facts) {
    const key = all[index]!;
    if (key === ODD) odd = true;
    if (key === ODD || key === null) continue;
    let place = places.get(key);
    if (place === undefined) {
      place = keys.push(key) - 1;
      places.set(key, place);
      counts.push(0);
      failures.push(0);
    }
    counts[place]!++;
    if (failure) failures[place]!++;
  }
  if (keys.length > MAX_KEYS || tooLong(keys)) return { lost: true };
  if (keys.length === 0 && !odd) return null;
  return { keys, counts, failures, ...(odd ? { odd } : {}) };
}

function tooLong(keys: string[]): boolean {
  let characters = 0;
  for (const key of keys) characters += key.length;
  return characters > MAX_KEY_CHARACTERS;
}

export function isLost(tally: KeyTally | LostTally | undefined): tally is LostTally {
  return tally !== undefined && 'lost' in tally;
}
