import { type CloudTrailRecord, type Enrichment, RECORD_FIELDS, type StoredEvent } from '../event';
import { cutDepth, formatEventTime, type ParsedRecord, storable } from './record';

const KNOWN: ReadonlySet<string> = new Set(RECORD_FIELDS);

/** What the run that stores an event knows of it. */
export interface Origin {
  run: string;
  pos: number;
  sourceId: string;
  ingestedAt: Date;
  silent?: true;
}

/**
 * The document of a record. Fields that we do not know go under `extra`, ours are written last: no record can forge
 * one, and a key such as `__proto__` is a key like any other.
 */
export function toStoredEvent(
  parsed: ParsedRecord,
  enriched: { enrichment: Enrichment; address: Uint8Array | null },
  origin: Origin,
): StoredEvent {
  const fields = (parsed.exact === null ? parsed.record : storable(parsed.record)) as CloudTrailRecord;
  const document = Object.create(null) as Record<string, unknown>;
  let extra: Record<string, unknown> | null = null;
  document._id = parsed.id;
  for (const key of Object.keys(fields)) {
    if (KNOWN.has(key)) {
      document[key] = fields[key];
    } else {
      extra ??= Object.create(null) as Record<string, unknown>;
      extra[key] = fields[key];
    }
  }
  document.eventTime = parsed.eventTime;
  if (formatEventTime(parsed.eventTime) !== fields.eventTime) document.eventTimeText = fields.eventTime;
  if (extra) document.extra = extra;
  if (parsed.exact !== null) document.exact = parsed.exact;
  document.enrichment = enriched.enrichment;
  if (enriched.address) document.address = enriched.address;
  document.run = origin.run;
  document.pos = origin.pos;
  document.sourceId = origin.sourceId;
  document.ingestedAt = origin.ingestedAt;
  if (origin.silent) document.silent = true;
  return document as unknown as StoredEvent;
}

/** The record as it was received; numbers beyond a double are rounded, what nests too deep is cut. */
export function rawRecord(event: StoredEvent): CloudTrailRecord {
  if (event.exact !== undefined) return cutDepth(JSON.parse(event.exact)) as CloudTrailRecord;
  const stored = event as unknown as Record<string, unknown>;
  const record = Object.create(null) as CloudTrailRecord;
  for (const key of Object.keys(stored)) if (KNOWN.has(key)) record[key] = stored[key];
  record.eventTime = event.eventTimeText ?? formatEventTime(event.eventTime);
  if (event.extra) for (const key of Object.keys(event.extra)) record[key] = event.extra[key];
  return record;
}

/** The record as JSON text, exact. */
export function rawText(event: StoredEvent): string {
  return event.exact ?? JSON.stringify(rawRecord(event));
}
