import type { Collection, Document, Filter } from 'mongodb';
import type { PageKey } from '../domain/cursor';
import { QUERY_MS } from './connection';

/** `limit` items after or before a key, in the list's own order. */
export interface PageRequest {
  limit: number;
  after?: PageKey | null;
  before?: PageKey | null;
  /** Take the last of the range instead of the first. */
  fromEnd?: boolean;
}

/** A page in the list's own order, with the key of each item for cursors. */
export interface Page<T> {
  items: { key: PageKey; item: T }[];
  hasPrevious: boolean;
  hasNext: boolean;
}

interface Order<T> {
  field: string;
  descending: boolean;
  page: PageRequest;
  keyOf: (item: T) => PageKey;
  sortValueOf: (key: PageKey) => unknown;
  /** Where not all of a document is wanted. */
  projection?: Document;
}

/** Reads a page of a collection sorted by one field and then by `_id`; an index must serve that sort. */
export async function readPage<T extends Document>(
  collection: Collection<T>,
  filter: Filter<T>,
  { field, descending, page, keyOf, sortValueOf, projection }: Order<T>,
): Promise<Page<T>> {
  const beyond = (key: PageKey, further: boolean): Document => {
    const op = further !== descending ? '$gt' : '$lt';
    const value = sortValueOf(key);
    // The first member bounds the index; the second alone would have it walked from the start.
    return {
      [field]: { [`${op}e`]: value },
      $or: [{ [field]: { [op]: value } }, { [field]: value, _id: { [op]: key.id } }],
    };
  };
  const clauses: Document[] = [filter as Document];
  if (page.after) clauses.push(beyond(page.after, true));
  if (page.before) clauses.push(beyond(page.before, false));
  const direction = descending !== (page.fromEnd ?? false) ? -1 : 1;
  const found = (await collection
    .find({ $and: clauses } as unknown as Filter<T>, {
      maxTimeMS: QUERY_MS,
      ...(projection ? { projection } : {}),
    })
    .sort({ [field]: direction, _id: direction })
    .limit(page.limit + 1)
    .toArray()) as unknown as T[];
  const more = found.length > page.limit;
  const items = found.slice(0, page.limit);
  if (page.fromEnd) items.reverse();
  return {
    items: items.map((item) => ({ key: keyOf(item), item })),
    hasPrevious: page.fromEnd ? more : Boolean(page.after),
    hasNext: page.fromEnd ? Boolean(page.before) : more,
  };
}
