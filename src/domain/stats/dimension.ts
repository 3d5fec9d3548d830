import type { StoredEvent } from '../event';

/** What events are counted by. */
export const DIMENSIONS = [
  'COUNTRY',
  'CITY',
  'ASN',
  'ACTOR',
  'IDENTITY_TYPE',
  'EVENT_NAME',
  'EVENT_SOURCE',
  'AWS_REGION',
  'ACCOUNT',
  'ERROR_CODE',
  'OUTCOME',
  'ADDRESS',
  'SOURCE',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Those whose values stand in a field of their own; the outcome follows from the counts of failures. */
export type FieldDimension = Exclude<Dimension, 'OUTCOME'>;

/** Where the value of each stands in a stored event. */
export const DIMENSION_PATHS: Record<FieldDimension, string> = {
  COUNTRY: 'enrichment.geo.countryCode',
  CITY: 'enrichment.geo.city',
  ASN: 'enrichment.network.asn',
  ACTOR: 'enrichment.actor.name',
  IDENTITY_TYPE: 'enrichment.actor.kind',
  EVENT_NAME: 'eventName',
  EVENT_SOURCE: 'eventSource',
  AWS_REGION: 'awsRegion',
  ACCOUNT: 'recipientAccountId',
  ERROR_CODE: 'errorCode',
  ADDRESS: 'sourceIPAddress',
  SOURCE: 'sourceId',
};

/** What rollups tally: the dimensions of fields, and places on the map. */
export type Tallied = FieldDimension | 'PLACE';
export const TALLIED: readonly Tallied[] = [...(Object.keys(DIMENSION_PATHS) as FieldDimension[]), 'PLACE'];

/** A change of what is tallied, or how, needs another number: then the rollups are built anew. */
export const ROLLUP_VERSION = 1;

/** What the statistics know of one event. */
export interface Fact {
  eventTime: Date;
  ingestedAt: Date;
  failure: boolean;
  /** By the order of TALLIED. Null where the event has no such value; ODD where it has another shape than text. */
  keys: (string | null | typeof ODD)[];
}

/** Stands for a value that is counted under no key, though a filter may match it: a list, say. */
export const ODD = Symbol('odd');

/** The fields of an event that `factOf` reads. */
export const FACT_FIELDS = [
  'eventTime',
  'ingestedAt',
  'enrichment.outcome',
  'enrichment.geo.latitude',
  'enrichment.geo.longitude',
  ...Object.values(DIMENSION_PATHS),
];

const SPLIT_PATHS = (Object.keys(DIMENSION_PATHS) as FieldDimension[]).map((dimension) => ({
  dimension,
  path: DIMENSION_PATHS[dimension].split('.'),
}));

/** What is counted of a stored event. */
export function factOf(event: StoredEvent): Fact {
  const keys: Fact['keys'] = SPLIT_PATHS.map(({ dimension, path }) => keyOf(valueAt(event, path), dimension));
  const { geo } = event.enrichment;
  keys.push(
    typeof geo?.latitude === 'number' && typeof geo.longitude === 'number'
      ? placeKey(geo.latitude, geo.longitude, geo.countryCode, geo.city)
      : null,
  );
  return {
    eventTime: event.eventTime,
    ingestedAt: event.ingestedAt,
    failure: event.enrichment.outcome === 'FAILURE',
    keys,
  };
}

function valueAt(event: StoredEvent, path: string[]): unknown {
  let value: unknown = event;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function keyOf(value: unknown, dimension: FieldDimension): string | null | typeof ODD {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return null;
  return dimension === 'ASN' && typeof value === 'number' ? String(value) : ODD;
}

/** A point on the map, as the geo data has it. */
export interface PlaceValue {
  latitude: number;
  longitude: number;
  countryCode: string | null;
  city: string | null;
}

/** A place as the key of a tally. */
export function placeKey(
  latitude: number,
  longitude: number,
  countryCode: string | null,
  city: string | null,
): string {
  return JSON.stringify([latitude, longitude, countryCode ?? null, city ?? null]);
}

/** The place that a key of `placeKey` stands for. */
export function placeOf(key: string): PlaceValue {
  const [latitude, longitude, countryCode, city] = JSON.parse(key) as [
    number,
    number,
    string | null,
    string | null,
  ];
  return { latitude, longitude, countryCode, city };
}
