import type { IndexSpecification } from 'mongodb';
import type { Migration } from './migration';

/** Indexes of earlier versions whose work others do now; each costs at every insert. */
const REPLACED: readonly { collection: string; keys: Exclude<IndexSpecification, string> }[] = [
  ...[
    'eventName',
    'enrichment.actor.name',
    'sourceIPAddress',
    'userIdentity.accessKeyId',
    'resources.ARN',
    'errorCode',
  ].map((member) => ({
    collection: 'enriched_events',
    keys: { [member]: 1 as const, eventTime: -1 as const },
  })),
  { collection: 'webhooks', keys: { state: 1, 'position.n': 1 } },
];

const NOT_THERE = new Set(['NamespaceNotFound', 'IndexNotFound']);

/** The position is how many of them have been looked at. */
export const dropReplacedIndexes: Migration = {
  number: 1,
  name: 'drop-replaced-indexes',
  step: async (db, position) => {
    const at = Number(position ?? 0);
    const next = REPLACED[at];
    if (!next) return null;
    await db.command({ dropIndexes: next.collection, index: next.keys }).catch((error: unknown) => {
      if (!NOT_THERE.has(String((error as { codeName?: unknown }).codeName))) throw error;
    });
    return String(at + 1);
  },
};
