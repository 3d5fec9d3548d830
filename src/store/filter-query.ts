import { Binary, type Document, type Filter } from 'mongodb';
import { type Condition, conditionOf } from '../domain/condition';
import type { StoredEvent } from '../domain/event';
import type { EventFilter } from '../domain/filter';

/** The MongoDB query of a filter: what `domain/matcher.ts` decides for events in hand. */
export function filterQuery(filter: EventFilter | null | undefined): Filter<StoredEvent> {
  return (filter ? build(conditionOf(filter)) : {}) as Filter<StoredEvent>;
}

function build(condition: Condition): Document {
  switch (condition.op) {
    case 'and':
      return condition.of.length === 0 ? {} : { $and: condition.of.map(build) };
    case 'or':
      return { $or: condition.of.map(build) };
    case 'nor':
      return { $nor: condition.of.map(build) };
    case 'time':
      return {
        [condition.path]: {
          ...(condition.from ? { $gte: condition.from } : {}),
          ...(condition.to ? { $lt: condition.to } : {}),
        },
      };
    case 'address':
      return { [condition.path]: { $gte: new Binary(condition.low), $lte: new Binary(condition.high) } };
    case 'contains':
      return anyOf(
        condition.paths.map((path) => ({ [path]: { $regex: escaped(condition.text), $options: 'i' } })),
      );
    case 'in':
      return anyOf(
        condition.paths.flatMap((path) => [
          ...(condition.values.length > 0 ? [{ [path]: { $in: condition.values } }] : []),
          ...condition.prefixes.map((prefix) => ({ [path]: { $regex: `^${escaped(prefix)}` } })),
        ]),
      );
  }
}

function anyOf(of: Document[]): Document {
  return of.length === 1 ? of[0]! : { $or: of };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
