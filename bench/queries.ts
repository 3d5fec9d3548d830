/// <reference path="../src/embedded/yauzl.d.ts" />
/**
 * Queries over 1,000,000 events: one event by its id, the first page of each single-member filter, and eventStats over
 * 24 hours and 90 days. The events are records of the real trail, spread evenly over 90 days, put there by the store's
 * own insert and commit, and folded by the folder. Beside each, in the same run and on the same documents, the simplest
 * alternative: a find without an index, and for eventStats one $group of the driver for each figure, with the index of
 * eventTime.
 *
 * node build/bench/bench/queries.js [events]
 */
import 'reflect-metadata';
import { type Db, type Document, MongoClient } from 'mongodb';
import type { EventFilter } from '../src/domain/filter';
import type { Need } from '../src/domain/stats/counts';
import { bucketsOf } from '../src/domain/stats/interval';
import { EventReader } from '../src/graphql/events/event-reader';
import { StatsReader } from '../src/graphql/stats/stats-reader';
import { RollupFolder } from '../src/pipeline/rollup-folder';
import { BatchStore } from '../src/store/batches';
import { StoreClock } from '../src/store/clock';
import { CommitStore } from '../src/store/commits';
import { connectStore } from '../src/store/connection';
import { EventScan } from '../src/store/event-scan';
import { EventStore } from '../src/store/events';
import { FactStore } from '../src/store/facts';
import { filterQuery } from '../src/store/filter-query';
import { ensureIndexes } from '../src/store/indexes';
import { RollupStore } from '../src/store/rollups';
import { startServers } from '../test/support/servers';
import { storedTrail } from '../test/support/stored-trail';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const DAY = 86_400_000;
const DAYS = 90;
const REPEATS = 40;
/** The alternatives take seconds each. */
const REPEATS_BESIDE = 3;
const NOW = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 90_000);

const FILTERS: [string, EventFilter][] = [
  ['none', {}],
  ['eventNames', { eventNames: ['GetUser'] }],
  ['eventNames, prefix', { eventNames: ['Delete*'] }],
  ['eventSources', { eventSources: ['iam.amazonaws.com'] }],
  ['awsRegions', { awsRegions: ['eu-west-1'] }],
  ['accountIds', { accountIds: ['123837392023'] }],
  ['actors, a name', { actors: ['secretsmanager.amazonaws.com'] }],
  ['identityTypes', { identityTypes: ['Root'] }],
  ['accessKeyIds, none there', { accessKeyIds: ['AKIANOSUCHKEY'] }],
  ['addresses', { addresses: ['205.251.233.176'] }],
  ['addresses, CIDR', { addresses: ['205.251.233.0/24'] }],
  ['addressKinds', { addressKinds: ['PUBLIC'] }],
  ['countryCodes', { countryCodes: ['GB', 'SE'] }],
  ['asns', { asns: [15_169] }],
  ['errorCodes', { errorCodes: ['AccessDenied'] }],
  ['outcome', { outcome: 'FAILURE' }],
  ['readOnly', { readOnly: false }],
  ['root', { root: true }],
  ['resourceARNs, none there', { resourceARNs: ['arn:aws:s3:::no-such-bucket'] }],
  ['text', { text: 'throttling' }],
  ['sourceIds', { sourceIds: ['bench'] }],
];

interface Stores {
  db: Db;
  /** Waits as long as it takes. */
  bare: Db;
  events: EventStore;
  commits: CommitStore;
  facts: FactStore;
  rollups: RollupStore;
  reader: EventReader;
  stats: StatsReader;
}

async function main(): Promise<void> {
  const servers = await startServers();
  const { db, close } = await connectStore(servers.mongodbUri);
  const clock = await StoreClock.open(db);
  const mongo = await MongoClient.connect(servers.mongodbUri);
  const bare = mongo.db(db.databaseName);
  try {
    await ensureIndexes(db, { eventsDays: DAYS + 1 });
    const events = new EventStore(db);
    const commits = new CommitStore(db, clock);
    const [facts, rollups] = [new FactStore(db), new RollupStore(db)];
    const stats = new StatsReader({
      rollups,
      facts,
      commits,
      scan: new EventScan(db),
      batches: new BatchStore(db, clock),
      retentionDays: DAYS + 1,
      now: () => new Date(),
    });
    const stores = {
      db,
      bare,
      events,
      commits,
      facts,
      rollups,
      stats,
      reader: new EventReader(events, commits),
    };
    const ids = await load(stores);
    await fold(stores);
    say('| query | p50 | p95 | beside it | p50 |');
    say('|---|---|---|---|---|');
    await byId(stores, ids);
    for (const [name, filter] of FILTERS) await page(stores, name, filter);
    await statistics(stores, '24 h', 1);
    await statistics(stores, '90 d', DAYS);
  } finally {
    clock.close();
    await mongo.close();
    await close();
    await servers.close();
  }
}

async function load({ events, commits }: Stores): Promise<string[]> {
  const started = performance.now();
  const from = new Date(NOW.getTime() - DAYS * DAY);
  const ids: string[] = [];
  for await (const slice of storedTrail({ events: EVENTS, from, days: DAYS, storedAfterMs: 60_000 })) {
    await events.insert(slice);
    const { run } = slice[0]!;
    await commits.append({
      run,
      slice: 0,
      batchId: run,
      sourceId: 'bench',
      sourceKind: 'HTTP_PUSH',
      received: slice.length,
      stored: slice.length,
      duplicates: 0,
      dropped: 0,
      rejected: 0,
      ids: slice.map(({ _id }) => _id),
    });
    ids.push(slice[slice.length >> 1]!._id);
  }
  const seconds = (performance.now() - started) / 1_000;
  say(`${EVENTS} events stored in ${seconds.toFixed(0)} s\n`);
  return ids;
}

async function fold({ db, commits, facts, rollups }: Stores): Promise<void> {
  const folder = new RollupFolder({ commits, facts, rollups, crash: () => undefined });
  const { _id: generation } = await rollups.begin();
  const started = { at: performance.now(), cpu: process.cpuUsage() };
  for (let more = true; more; ) more = (await folder.pass((await rollups.get(generation))!))!.more;
  await rollups.finish(generation);
  const micros = (performance.now() - started.at) * 1_000;
  const cpu = process.cpuUsage(started.cpu);
  const { size, count } = (await db.command({ collStats: 'rollups' })) as { size: number; count: number };
  say(
    `folded: ${(micros / EVENTS).toFixed(1)} us an event, ${((cpu.user + cpu.system) / EVENTS).toFixed(1)} us of them CPU of this process; ${count} cells, ${(size / 2 ** 20).toFixed(1)} MiB\n`,
  );
}

async function byId({ bare: db, reader }: Stores, ids: string[]): Promise<void> {
  const some = (n: number): string => ids[(n * 7_919) % ids.length]!;
  const ours = await timed(REPEATS * 5, async (n) => void (await reader.get(some(n))));
  const bare = await timed(REPEATS * 5, async (n) => {
    await db.collection<{ _id: string }>('enriched_events').findOne({ _id: some(n) });
  });
  row('event by id', ours, 'findOne of the driver', bare);
}

async function page({ bare: db, reader }: Stores, name: string, filter: EventFilter): Promise<void> {
  const order = { field: 'eventTime', descending: true } as const;
  const ours = await timed(REPEATS, async () => void (await reader.page(filter, order, { limit: 50 })));
  const bare = await timed(REPEATS_BESIDE, async () => {
    const found = db.collection('enriched_events').find(filterQuery(filter) as Document);
    await found.hint({ $natural: 1 }).sort({ eventTime: -1, _id: -1 }).limit(50).toArray();
  });
  row(`first page: ${name}`, ours, 'find without an index', bare);
}

async function statistics({ bare: db, stats }: Stores, name: string, days: number): Promise<void> {
  const to = NOW;
  const from = new Date(to.getTime() - days * DAY);
  const buckets = bucketsOf('AUTO', from, to);
  const needs: Need[] = [
    { dimension: null, buckets: null },
    { dimension: null, buckets },
    { dimension: 'EVENT_NAME', buckets: null },
    { dimension: 'ACTOR', buckets: null },
    { dimension: 'COUNTRY', buckets: null },
    { dimension: 'PLACE', buckets: null },
  ];
  const told: number[] = [];
  const ours = await timed(REPEATS, async () => {
    const [total] = await stats.count({ filter: null, from, to }, needs);
    if (total!.status === 'rejected') throw total!.reason;
    told.push(total!.value.sum.count);
  });
  let counted = 0;
  const bare = await timed(REPEATS_BESIDE, async () => {
    counted = await groups(db, from, to);
  });
  if (told.some((total) => total !== counted)) throw new Error(`told ${told[0]}, there are ${counted}`);
  row(`eventStats over ${name}: total, histogram, top of 3, places`, ours, 'a $group for each', bare);
  const filtered = await timed(REPEATS, async () => {
    await stats.count({ filter: { eventNames: ['GetUser'] }, from, to }, needs.slice(0, 3));
  });
  row(`eventStats over ${name}, one event name: total, histogram, top`, filtered, '', null);
}

async function groups(db: Db, from: Date, to: Date): Promise<number> {
  const match = { $match: { eventTime: { $gte: from, $lt: to } } };
  const keys = [
    null,
    { $dateTrunc: { date: '$eventTime', unit: 'hour' } },
    '$eventName',
    '$enrichment.actor.name',
    '$enrichment.geo.countryCode',
    { latitude: '$enrichment.geo.latitude', longitude: '$enrichment.geo.longitude' },
  ];
  const counts: Document[][] = [];
  for (const _id of keys) {
    const grouped = db
      .collection('enriched_events')
      .aggregate([match, { $group: { _id, count: { $sum: 1 } } }]);
    counts.push(await grouped.toArray());
  }
  return (counts[0]![0] as { count: number } | undefined)?.count ?? 0;
}

/** Milliseconds of each of so many, in order of length. */
async function timed(repeats: number, work: (n: number) => Promise<void>): Promise<number[]> {
  await work(0);
  const times: number[] = [];
  for (let n = 1; n <= repeats; n++) {
    const started = performance.now();
    await work(n);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}

function row(what: string, ours: number[], beside: string, bare: number[] | null): void {
  const ms = (times: number[], share: number): string => {
    const time = times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
    return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
  };
  say(`| ${what} | ${ms(ours, 0.5)} | ${ms(ours, 0.95)} | ${beside} | ${bare ? ms(bare, 0.5) : ''} |`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

void main();
