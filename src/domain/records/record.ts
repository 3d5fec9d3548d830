import { isUtf8 } from 'node:buffer';
import { messageOf } from '../errors';
import type { CloudTrailRecord } from '../event';
import { eventIdentity } from './identity';
import { canonicalNumber, jsonTokens } from './json-tokens';
import { MAX_RECORD_BYTES, type RawRecord } from './splitter';

/** `raw` and the stored fields are cut below this depth; the exact text is kept beside. */
export const MAX_DEPTH = 100;

/** A record that can be kept. */
export interface ParsedRecord {
  id: string;
  record: CloudTrailRecord;
  eventTime: Date;
  /** The record's text, where doubles or BSON would change it; else null. */
  exact: string | null;
  /** Length of its text in bytes. */
  size: number;
}

/** A record that can't be kept, and why. */
export interface RejectedRecord {
  reason: string;
  /** Its text as far as it can be shown, at most 1 MiB. */
  text: string;
}

/** What a text turned out to be. */
export type RecordResult = { ok: ParsedRecord } | { rejected: RejectedRecord };

/** Reads one record. Never throws: whatever is wrong with a record is the record's own outcome. */
export function readRecord(raw: RawRecord): RecordResult {
  if (raw.oversized) return reject(raw, `the record is larger than ${MAX_RECORD_BYTES} bytes`);
  if (!isUtf8(raw.bytes)) return reject(raw, 'the record is not valid UTF-8');
  const text = raw.bytes.toString('utf8');
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    return reject(raw, `the record is not valid JSON: ${messageOf(error, 200)}`);
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return reject(raw, 'the record is not a JSON object');
  }
  const fields = record as CloudTrailRecord;
  const eventTime = parseEventTime(fields.eventTime);
  if (eventTime === null) return reject(raw, 'the record has no readable eventTime');
  return {
    ok: {
      id: eventIdentity(fields, text),
      record: fields,
      eventTime,
      exact: survivesStore(raw, text, fields) ? null : text,
      size: raw.bytes.length,
    },
  };
}

function reject(raw: RawRecord, reason: string): RecordResult {
  return { rejected: { reason, text: raw.bytes.toString('utf8') } };
}

const EVENT_TIME =
  /^(\d{4})-?(\d{2})-?(\d{2})[T ](\d{2}):?(\d{2}):?(\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?$/;

/** Reads ISO 8601, extended or basic, UTC where no zone is given. Null where it can't be read. */
export function parseEventTime(value: unknown): Date | null {
  if (typeof value !== 'string') return null;
  const match = EVENT_TIME.exec(value);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const date = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${offset}`,
  );
  return Number.isNaN(date.getTime()) ? null : date;
}

/** How CloudTrail writes a time: whole seconds without a fraction. */
export function formatEventTime(time: Date): string {
  const iso = time.toISOString();
  return iso.endsWith('.000Z') ? `${iso.slice(0, -5)}Z` : iso;
}

/** Numbers that a double may not hold: sixteen or more digits, an exponent, or a negative zero. */
const DOUBTFUL_NUMBER = /[:,[]\s*(?:-?\d[\d.]{15,}|-?[\d.]+[eE]|-0(?![.\d])|-0\.0)/;
/** Escapes for NUL and for surrogates: a NUL may stand in a key, a surrogate may be alone. */
const DOUBTFUL_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/** Whether the record comes back from doubles and BSON as it was. */
function survivesStore(raw: RawRecord, text: string, record: CloudTrailRecord): boolean {
  if (raw.depth > MAX_DEPTH || DOUBTFUL_ESCAPE.test(text)) return false;
  if (DOUBTFUL_NUMBER.test(text) && !numbersSurvive(text)) return false;
  return countKeys(record) === raw.keys;
}

function numbersSurvive(text: string): boolean {
  for (const token of jsonTokens(text)) {
    if (token.kind !== 'number') continue;
    const source = text.slice(token.start, token.end);
    if (canonicalNumber(source) !== canonicalNumber(String(Number(source)))) return false;
  }
  return true;
}

/**
 * How many keys the value holds; NaN where one of them has a meaning for BSON's reader or writer, which would not
 * give the value back.
 */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += countKeys(item);
    return count;
  }
  const members = value as Record<string, unknown>;
  for (const key in members) {
    if (key === '_bsontype' || key === '$ref' || key === '__proto__') return Number.NaN;
    count++;
    const member = members[key];
    if (typeof member === 'object') count += countKeys(member);
  }
  return count;
}

const CUT = '(nested too deep: see rawText)';

/**
 * A copy that BSON and JSON.stringify can take: cut below MAX_DEPTH, NUL gone from keys, names that BSON would act on
 * set apart. Used only where the exact text is kept beside.
 */
export function storable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return CUT;
  if (Array.isArray(value)) return value.map((item) => storable(item, depth + 1));
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) {
    const safe = key.replaceAll('\u0000', '\u2400').toWellFormed();
    copy[safe === '_bsontype' || safe === '$ref' || safe === '__proto__' ? `(${safe})` : safe] = storable(
      member,
      depth + 1,
    );
  }
  return copy;
}

/** A copy cut below MAX_DEPTH, so that JSON.stringify can take it. */
export function cutDepth(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return CUT;
  if (Array.isArray(value)) return value.map((item) => cutDepth(item, depth + 1));
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) copy[key] = cutDepth(member, depth + 1);
  return copy;
}
