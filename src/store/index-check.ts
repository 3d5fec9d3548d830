import type { Db, Document } from 'mongodb';
import { indexPlan, type Retention } from './indexes';

/** An index that is not as it is wanted. */
export interface IndexFault {
  /** Like `deliveries { webhookId: 1, state: 1 }`. */
  index: string;
  /** EXPIRY: only how long documents are kept. OPTIONS: it holds other documents, or lets some be there twice. */
  kind: 'MISSING' | 'OPTIONS' | 'EXPIRY';
}

export interface IndexCheck {
  wanted: number;
  faults: IndexFault[];
}

const ANSWER_MS = 10_000;

/** Compares the indexes of a database with those that a server makes at its start; changes nothing. */
export async function checkIndexes(db: Db, retention: Retention): Promise<IndexCheck> {
  const wanted = indexPlan(retention);
  const existing = new Map<string, Document[]>();
  for (const collection of new Set(wanted.map((index) => index.collection)))
    existing.set(collection, await indexesOf(db, collection));
  const faults = wanted.flatMap(({ collection, keys, options = {} }): IndexFault[] => {
    const index = `${collection} ${JSON.stringify(keys)}`;
    const there = existing.get(collection)?.find(({ key }) => JSON.stringify(key) === JSON.stringify(keys));
    if (!there) return [{ index, kind: 'MISSING' }];
    if (coverage(there) !== coverage(options)) return [{ index, kind: 'OPTIONS' }];
    return there.expireAfterSeconds === options.expireAfterSeconds ? [] : [{ index, kind: 'EXPIRY' }];
  });
  return { wanted: wanted.length, faults };
}

async function indexesOf(db: Db, collection: string): Promise<Document[]> {
  return db
    .collection(collection)
    .listIndexes({ timeoutMS: ANSWER_MS })
    .toArray()
    .catch((error: { codeName?: string }) => {
      if (error.codeName === 'NamespaceNotFound') return [];
      throw error;
    });
}

function coverage({ unique = false, sparse = false, partialFilterExpression = null }: Document): string {
  return JSON.stringify([unique, sparse, partialFilterExpression]);
}
