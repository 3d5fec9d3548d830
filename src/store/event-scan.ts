import type { Collection, Db, Document } from 'mongodb';
import { Unavailable } from '../domain/errors';
import { SLICE_STRIDE, type StoredEvent } from '../domain/event';
import type { EventFilter } from '../domain/filter';
import { DIMENSION_PATHS, type PlaceValue, placeKey, type Tallied } from '../domain/stats/dimension';
import type { Buckets } from '../domain/stats/interval';
import type { Count } from '../domain/stats/tally';
import { QUERY_MS } from './connection';
import { filterQuery } from './filter-query';

/** What is to be counted of the events themselves. */
export interface Scan {
  filter: EventFilter | null;
  /** Stretches of eventTime in milliseconds, the second exclusive. */
  ranges: readonly [number, number][];
  /** Events that were stored before this are left out. */
  storedFrom: number;
  /** Counted by the keys of this; null: all alike. */
  dimension: Tallied | 'OUTCOME' | null;
  /** Counted by these steps of time; null: all alike. */
  buckets: Buckets | null;
  /** Slices that are stored but not committed yet. */
  unfinished: readonly UnfinishedRun[];
}

/** A run that is not settled, and those of its slices that are committed. */
export interface UnfinishedRun {
  run: string;
  slices: readonly number[];
}

/** `key` is null for all that have none. */
export interface ScannedCount extends Count {
  key: string | null;
  bucket: number;
}

/** More keys than this in one answer fill the memory of the process that adds them up. */
const MAX_ROWS = 500_000;
const MAX_TIME_EXPIRED = 50;

/** Counts events by looking at each that matches. */
export class EventScan {
  private readonly collection: Collection<StoredEvent>;

  constructor(db: Db) {
    this.collection = db.collection<StoredEvent>('enriched_events');
  }

  /** @throws Unavailable where there are too many, saying what to narrow */
  async count(scan: Scan): Promise<ScannedCount[]> {
    if (scan.ranges.length === 0) return [];
    const rows: ScannedCount[] = [];
    try {
      const cursor = this.collection.aggregate<Document>(scanPipeline(scan), {
        maxTimeMS: QUERY_MS,
        batchSize: 10_000,
      });
      for await (const row of cursor) {
        if (rows.length >= MAX_ROWS) throw tooMuch(`There are more than ${MAX_ROWS} values`);
        rows.push(scanned(row, scan.dimension));
      }
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === MAX_TIME_EXPIRED) throw tooMuch(`Counting took more than ${QUERY_MS / 1_000} s`);
      throw error;
    }
    return rows;
  }
}

function tooMuch(what: string): Unavailable {
  return new Unavailable(
    `${what}: this filter is not one that counts kept by the hour can answer, so each event is looked at. Narrow \`from\` and \`to\`, or filter by at most one of sources, names, services, Regions, accounts, actors' names, identity types, addresses, countries, networks or error codes, with or without the outcome, and ask for \`top\` of that one.`,
  );
}

/** The stages; the first has nothing but what indexes answer. */
export function scanPipeline(scan: Scan): Document[] {
  const { filter, ranges, storedFrom, dimension, buckets } = scan;
  return [
    { $match: scanMatch(filter, ranges) },
    {
      // Not in the first stage: there it would call for the index of ingestedAt, which all of them are in.
      $project: {
        _id: 0,
        counted: { $and: [{ $gte: ['$ingestedAt', new Date(storedFrom)] }, committed(scan.unfinished)] },
        failed: { $cond: [{ $eq: ['$enrichment.outcome', 'FAILURE'] }, 1, 0] },
        ...(dimension ? { key: keyExpression(dimension) } : {}),
        ...(buckets ? { bucket: bucketExpression(buckets) } : {}),
      },
    },
    { $match: { counted: true } },
    {
      $group: {
        _id: { ...(dimension ? { key: '$key' } : {}), ...(buckets ? { bucket: '$bucket' } : {}) },
        count: { $sum: 1 },
        failures: { $sum: '$failed' },
      },
    },
  ];
}

/** The events that match within stretches of time, in the place of the filter's own. */
export function scanMatch(filter: EventFilter | null, ranges: Scan['ranges']): Document {
  const times = ranges.map(([from, to]) => ({ eventTime: { $gte: new Date(from), $lt: new Date(to) } }));
  const match = filterQuery(filter ? { ...filter, from: null, to: null } : null);
  return { $and: [times.length === 1 ? times[0]! : { $or: times }, match] };
}

function bucketExpression({ start, stepMs }: Buckets): Document {
  return { $floor: { $divide: [{ $subtract: ['$eventTime', new Date(start)] }, stepMs] } };
}

function keyExpression(dimension: Tallied | 'OUTCOME'): Document | string {
  if (dimension === 'OUTCOME') return '$enrichment.outcome';
  if (dimension === 'PLACE') {
    const at = (name: keyof PlaceValue): string => `$enrichment.geo.${name}`;
    const isPlace = { $and: [{ $isNumber: at('latitude') }, { $isNumber: at('longitude') }] };
    const names = ['latitude', 'longitude', 'countryCode', 'city'] as const;
    return { $cond: [isPlace, Object.fromEntries(names.map((name) => [name, at(name)])), null] };
  }
  const value = `$${DIMENSION_PATHS[dimension]}`;
  const isKey = dimension === 'ASN' ? { $isNumber: value } : { $eq: [{ $type: value }, 'string'] };
  return { $cond: [isKey, value, null] };
}

function committed(unfinished: readonly UnfinishedRun[]): Document | boolean {
  if (unfinished.length === 0) return true;
  const slice = { $floor: { $divide: ['$pos', SLICE_STRIDE] } };
  return {
    $or: [
      { $not: [{ $in: ['$run', unfinished.map(({ run }) => run)] }] },
      // Taken over from a silent run: it stands at its old place until then.
      { $ne: [{ $type: '$takenFrom' }, 'missing'] },
      ...unfinished
        .filter(({ slices }) => slices.length > 0)
        .map(({ run, slices }) => ({ $and: [{ $eq: ['$run', run] }, { $in: [slice, slices] }] })),
    ],
  };
}

function scanned({ _id, count, failures }: Document, dimension: Scan['dimension']): ScannedCount {
  const { key = null, bucket = 0 } = _id as { key?: unknown; bucket?: number };
  return { key: keyText(key, dimension), bucket: Number(bucket), count, failures };
}

function keyText(key: unknown, dimension: Scan['dimension']): string | null {
  if (key === null) return null;
  if (dimension !== 'PLACE') return String(key);
  const { latitude, longitude, countryCode, city } = key as PlaceValue;
  return placeKey(latitude, longitude, countryCode ?? null, city ?? null);
}
