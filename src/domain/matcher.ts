import type { Condition } from './condition';
import { conditionOf, matchesValue } from './condition';
import type { StoredEvent } from './event';
import type { EventFilter } from './filter';

/** Whether an event passes a filter. */
export type Matcher = (event: StoredEvent) => boolean;

/** Compiles a filter once; the matcher then runs once per event. Null means everything. */
export function matcher(filter: EventFilter | null): Matcher {
  return filter === null ? () => true : compile(conditionOf(filter));
}

function compile(condition: Condition): Matcher {
  switch (condition.op) {
    case 'and': {
      const of = condition.of.map(compile);
      return (event) => of.every((test) => test(event));
    }
    case 'or': {
      const of = condition.of.map(compile);
      return (event) => of.some((test) => test(event));
    }
    case 'nor': {
      const of = condition.of.map(compile);
      return (event) => !of.some((test) => test(event));
    }
    case 'time': {
      const { from, to } = condition;
      return (event) => (from === null || event.eventTime >= from) && (to === null || event.eventTime < to);
    }
    case 'in':
      return anyValue(condition.paths, matchesValue(condition));
    case 'contains': {
      const { text } = condition;
      return anyValue(
        condition.paths,
        (value) => typeof value === 'string' && value.toLowerCase().includes(text),
      );
    }
    case 'address': {
      const { low, high } = condition;
      return (event) =>
        event.address !== undefined &&
        Buffer.compare(event.address, low) >= 0 &&
        Buffer.compare(event.address, high) <= 0;
    }
  }
}

function anyValue(paths: string[], test: (value: unknown) => boolean): Matcher {
  const split = paths.map((path) => path.split('.'));
  return (event) => split.some((path) => holds(event, path, 0, test));
}

/** Follows a path as MongoDB does: through lists on the way, and into a list at its end. */
function holds(value: unknown, path: string[], at: number, test: (value: unknown) => boolean): boolean {
  if (at === path.length) return Array.isArray(value) ? value.some(test) || test(value) : test(value);
  if (Array.isArray(value)) return value.some((item) => !Array.isArray(item) && holds(item, path, at, test));
  if (typeof value !== 'object' || value === null) return false;
  const members = value as Record<string, unknown>;
  return Object.hasOwn(members, path[at]!) && holds(members[path[at]!], path, at + 1, test);
}
