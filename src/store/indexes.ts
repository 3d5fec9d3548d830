import type { CreateIndexesOptions, Db, Document, IndexSpecification } from 'mongodb';

/** An index that is wanted, as `createIndex` takes it. */
export interface IndexPlan {
  collection: string;
  keys: IndexSpecification;
  options?: CreateIndexesOptions;
}

export interface Retention {
  /** Events and commits, days after ingestedAt. */
  eventsDays: number;
}

const DAY = 24 * 3600;
/** Days that the ledger outlives the events, so that a batch is known as long as its events are. */
const LEDGER_MARGIN_DAYS = 7;
const DELIVERY_DAYS = 30;
/** Cells begin with the hour or day in which their first event may have been stored. */
const ROLLUP_MARGIN_DAYS = 2;
/** A tally goes before the first of its deliveries does, so that none is missed that retention has removed. */
const TALLY_DAYS = DELIVERY_DAYS - 1;
const QUARANTINE_DAYS = 90;
const AUDIT_DAYS = 365;
/** A key that was revoked is listed for so long. */
const REVOKED_KEY_DAYS = 90;

/** Those that keep e-mail addresses unique. */
const USER_INDEXES: IndexPlan[] = [{ collection: 'users', keys: { email: 1 }, options: { unique: true } }];

const SOURCE_INDEXES: IndexPlan[] = [
  { collection: 'sources', keys: { nextRunAt: 1 } },
  { collection: 'sources', keys: { changedAt: 1 } },
  { collection: 'backfills', keys: { dueAt: 1 }, options: where({ dueAt: { $type: 'date' } }) },
  { collection: 'backfills', keys: { sourceId: 1, createdAt: -1, _id: -1 } },
];

const WEBHOOK_INDEXES: IndexPlan[] = [
  { collection: 'webhooks', keys: { state: 1, lookedAt: 1 } },
  { collection: 'webhooks', keys: { nextDueAt: 1 } },
  { collection: 'webhooks', keys: { 'outbox.id': 1 }, options: { sparse: true } },
  { collection: 'webhooks', keys: { events: 1 } },
  { collection: 'webhook_tallies', keys: { dueAt: 1 } },
  { collection: 'webhook_tallies', keys: { webhookId: 1 }, options: where({ missing: { $gt: 0 } }) },
  { collection: 'webhook_tallies', keys: { madeFrom: 1 }, options: ttl(TALLY_DAYS) },
];

const DELIVERY_INDEXES: IndexPlan[] = [
  { collection: 'deliveries', keys: { webhookId: 1, createdAt: -1, _id: -1 } },
  {
    collection: 'deliveries',
    keys: { webhookId: 1, nextAttemptAt: 1 },
    options: where({ state: 'PENDING' }),
  },
  {
    collection: 'deliveries',
    keys: { webhookId: 1, 'first.n': 1, 'first.pos': 1 },
    options: where({ state: 'PENDING' }),
  },
  { collection: 'deliveries', keys: { webhookId: 1, state: 1 } },
  { collection: 'deliveries', keys: { eventIds: 1 } },
  { collection: 'deliveries', keys: { createdAt: -1, _id: -1 } },
  { collection: 'deliveries', keys: { completedAt: 1 }, options: ttl(DELIVERY_DAYS) },
  // Of those that did not arrive at once.
  { collection: 'deliveries', keys: { changedAt: 1 }, options: { sparse: true } },
  // Of those that were given up, until that is told of.
  {
    collection: 'deliveries',
    keys: { exhaustedAt: 1, webhookId: 1 },
    options: where({ exhaustedAt: { $exists: true } }),
  },
  { collection: 'deliveries', keys: { state: 1, createdAt: 1, _id: 1 } },
  {
    collection: 'deliveries',
    keys: { replayId: 1, createdAt: 1, _id: 1 },
    options: where({ replayId: { $exists: true } }),
  },
  { collection: 'replays', keys: { state: 1, dueAt: 1 } },
  { collection: 'replays', keys: { createdAt: -1, _id: -1 } },
  { collection: 'replays', keys: { doneAt: 1 }, options: ttl(DELIVERY_DAYS) },
];

/** Of who may call, and of what they did. */
const CALLER_INDEXES: IndexPlan[] = [
  { collection: 'sessions', keys: { userId: 1 } },
  { collection: 'sessions', keys: { refreshHash: 1 }, options: { unique: true } },
  { collection: 'sessions', keys: { previousHash: 1 }, options: { sparse: true } },
  { collection: 'sessions', keys: { expiresAt: 1 }, options: { expireAfterSeconds: 0 } },
  { collection: 'users', keys: { createdAt: 1, _id: 1 } },
  { collection: 'users', keys: { role: 1, disabled: 1 } },
  { collection: 'api_keys', keys: { createdAt: -1 } },
  { collection: 'api_keys', keys: { revokedAt: 1 }, options: ttl(REVOKED_KEY_DAYS) },
  { collection: 'audit', keys: { at: -1, _id: -1 } },
  { collection: 'audit', keys: { at: 1 }, options: ttl(AUDIT_DAYS) },
];

/** By which cells are read; named there, since that of retention holds all of them. */
export const ROLLUP_READ_KEYS = { generation: 1, level: 1, time: 1, ingestedAt: 1 } as const;

/** Every index that is wanted. */
export function indexPlan({ eventsDays }: Retention): IndexPlan[] {
  return [
    ...eventIndexes(eventsDays),
    ...batchIndexes(eventsDays),
    { collection: 'commits', keys: { run: 1, slice: 1 }, options: { unique: true } },
    { collection: 'commits', keys: { sourceId: 1, _id: 1 } },
    { collection: 'commits', keys: { at: 1 }, options: ttl(eventsDays) },
    // A little longer than the events: what is no longer counted is left out by whoever reads.
    { collection: 'rollups', keys: { ingestedAt: 1 }, options: ttl(eventsDays + ROLLUP_MARGIN_DAYS) },
    { collection: 'rollups', keys: ROLLUP_READ_KEYS },
    { collection: 'quarantine', keys: { createdAt: 1 }, options: ttl(QUARANTINE_DAYS) },
    { collection: 'quarantine', keys: { batchId: 1, position: 1 } },
    { collection: 'quarantine', keys: { createdAt: -1, _id: -1 } },
    { collection: 'quarantine', keys: { sourceId: 1, createdAt: -1, _id: -1 } },
    ...SOURCE_INDEXES,
    ...WEBHOOK_INDEXES,
    ...DELIVERY_INDEXES,
    ...USER_INDEXES,
    ...CALLER_INDEXES,
  ];
}

function eventIndexes(days: number): IndexPlan[] {
  const collection = 'enriched_events';
  const member = (path: string, options: CreateIndexesOptions = {}): IndexPlan => ({
    collection,
    // The id is the last member of every page's order; without it each page would sort all that match.
    keys: { [path]: 1, eventTime: -1, _id: -1 },
    options,
  });
  return [
    { collection, keys: { ingestedAt: 1 }, options: ttl(days) },
    { collection, keys: { eventTime: -1, _id: -1 } },
    // Pages in the order of storing; that of retention can't have a second member.
    { collection, keys: { ingestedAt: -1, _id: -1 } },
    member('eventName'),
    member('enrichment.actor.name'),
    member('sourceIPAddress'),
    member('userIdentity.accessKeyId', where({ 'userIdentity.accessKeyId': { $exists: true } })),
    member('resources.ARN', where({ 'resources.ARN': { $exists: true } })),
    // Events that a live run took over from a silent backfill: few, so cheap.
    { collection, keys: { run: 1 }, options: where({ takenFrom: { $exists: true } }) },
    { collection, keys: { takenFrom: 1 }, options: where({ takenFrom: { $exists: true } }) },
    member('errorCode', where({ errorCode: { $exists: true } })),
  ];
}

function batchIndexes(eventsDays: number): IndexPlan[] {
  const collection = 'batches';
  const pending = { state: 'PENDING' };
  return [
    { collection, keys: { state: 1, dueAt: 1 }, options: where(pending) },
    { collection, keys: { sourceId: 1, partition: 1 }, options: where(pending) },
    // Live work is found past however much of backfills waits, and that without the live.
    { collection, keys: { backfillId: 1, dueAt: 1 }, options: where(pending) },
    { collection, keys: { dueAt: 1 }, options: where({ ...pending, backfillId: { $exists: true } }) },
    {
      collection,
      keys: { backfillId: 1, backfillPage: 1, state: 1, received: 1, stored: 1, duplicates: 1 },
      options: where({ backfillId: { $exists: true } }),
    },
    { collection, keys: { sourceId: 1, createdAt: -1, _id: -1 } },
    { collection, keys: { state: 1, doneAt: 1 }, options: where({ error: { $type: 'string' } }) },
    { collection, keys: { doneAt: 1 }, options: ttl(eventsDays + LEDGER_MARGIN_DAYS) },
    // Claimed at least once and not settled: few, whatever waits.
    { collection, keys: { attempts: 1 }, options: where({ ...pending, attempts: { $gt: 0 } }) },
  ];
}

function ttl(days: number): CreateIndexesOptions {
  return { expireAfterSeconds: days * DAY };
}

/** An index of only those documents. */
function where(partialFilterExpression: Document): CreateIndexesOptions {
  return { partialFilterExpression };
}

/** Makes the indexes that are not there, and sets those of retention to what is asked for, without a rebuild. */
export async function ensureIndexes(db: Db, retention: Retention): Promise<void> {
  const all = indexPlan(retention);
  for (const collection of new Set(all.map((index) => index.collection))) {
    const indexes = all.filter((index) => index.collection === collection);
    await setExpiry(db, collection, indexes);
    for (const { keys, options } of indexes) await db.collection(collection).createIndex(keys, options);
  }
}

/** For a tool that makes users, maybe before a server ever ran on this database. */
export async function ensureUserIndexes(db: Db): Promise<void> {
  for (const { collection, keys, options } of USER_INDEXES)
    await db.collection(collection).createIndex(keys, options);
}

async function setExpiry(db: Db, collection: string, indexes: IndexPlan[]): Promise<void> {
  const existing = await db
    .collection(collection)
    .indexes()
    .catch((error: { codeName?: string }) => {
      if (error.codeName === 'NamespaceNotFound') return [];
      throw error;
    });
  for (const { keys, options } of indexes) {
    const expireAfterSeconds = options?.expireAfterSeconds;
    if (expireAfterSeconds === undefined) continue;
    const there = existing.find((index) => JSON.stringify(index.key) === JSON.stringify(keys));
    if (!there || there.expireAfterSeconds === expireAfterSeconds) continue;
    await db.command({ collMod: collection, index: { keyPattern: keys, expireAfterSeconds } });
  }
}
