/** Reading fields of records whose shape nobody vouches for, bounded so that a body stays small. */

export type Fields = Record<string, unknown>;

/** Elasticsearch does not index what is longer in a keyword (`ignore_above` in every field of ECS). */
export const MAX_KEYWORD = 1_024;

const NOTHING: Fields = Object.freeze({});

/** The value where it is a JSON object, else an empty one. */
export function objectIn(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NOTHING;
}

/** The value where it is a text that is not empty, cut at `max` characters; else undefined. */
export function textIn(value: unknown, max = MAX_KEYWORD): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return cut(value, max);
}

/** At most `max` characters, with an ellipsis where something is gone; never half a surrogate pair. */
export function cut(text: string, max: number): string {
  return text.length <= max
    ? text
    : `${text
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`;
}

/** What is there, each once. */
export function distinct(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}

/** A copy without undefined members, empty lists and the objects that are then empty. */
export function pruned(fields: Fields): Fields {
  const kept = Object.entries(fields).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return [];
    if (typeof value !== 'object' || Array.isArray(value)) return [[key, value]];
    const inner = pruned(value as Fields);
    return Object.keys(inner).length === 0 ? [] : [[key, inner]];
  });
  return Object.fromEntries(kept);
}
