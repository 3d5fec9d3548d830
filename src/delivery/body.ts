/** An event as a body needs it. */
export interface BodyEvent {
  /** The event's identity, by which the API gives it in full. */
  id: string;
  /** The record as JSON text, exact: it is spliced in, never parsed and printed again. A JSON object. */
  recordText: string;
  enrichmentJson: string;
}

/** The largest body that is sent. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** What a body holds beside its events: type, timestamp and punctuation take less. */
const ENVELOPE_BYTES = 256;

/** Fields of the record that a thin event still tells. */
const THIN_FIELDS = [
  'eventID',
  'eventTime',
  'eventName',
  'eventSource',
  'awsRegion',
  'recipientAccountId',
] as const;
const MAX_THIN_FIELD_LENGTH = 1_024;
const MAX_THIN_ENRICHMENT_BYTES = 64 * 1024;

/** The bytes that an event takes in a body, its separator included. */
export function bodyBytesOf(event: BodyEvent): number {
  const glue = ',"enrichment":,'.length;
  return Buffer.byteLength(event.recordText) + Buffer.byteLength(event.enrichmentJson) + glue;
}

/**
 * How many of the next events go into one body, at least one; `thin` when that one is too big and must go as its id.
 * @param sizes of the events in order, as `bodyBytesOf` gives them; not empty
 */
export function cutBody(sizes: Iterable<number>, batchSize: number): { count: number; thin: boolean } {
  let room = MAX_BODY_BYTES - ENVELOPE_BYTES;
  let count = 0;
  for (const size of sizes) {
    if (count === batchSize || size > room) break;
    room -= size;
    count++;
  }
  return count === 0 ? { count: 1, thin: true } : { count, thin: false };
}

/**
 * The body of a delivery, at most MAX_BODY_BYTES where `cutBody` cut it. The same input gives the same bytes.
 *
 * One event: `{"type":"cloudtrail.event.enriched","timestamp":...,"data":{...record,"enrichment":{...}}}`; `batch`: type
 * `cloudtrail.events.enriched` and a list as data. A record's own member `enrichment` comes before ours, and the last
 * of two equal names is the one that counts to a JSON parser.
 *
 * A thin event is `{"id":...,"thin":true,"bytes":<of the record>,<eventID, eventTime, eventName, eventSource, awsRegion
 * and recipientAccountId where the record has them>,"enrichment":...}`.
 * @param delivery `timestamp`: when the delivery was made
 */
export function webhookBody(delivery: {
  events: readonly BodyEvent[];
  batch: boolean;
  thin?: boolean;
  timestamp: Date;
}): Buffer {
  const parts = delivery.events.map(delivery.thin === true ? thinEvent : wholeEvent);
  const type = delivery.batch ? 'cloudtrail.events.enriched' : 'cloudtrail.event.enriched';
  const data = delivery.batch ? `[${parts.join(',')}]` : parts.join(',');
  return Buffer.from(`{"type":"${type}","timestamp":"${delivery.timestamp.toISOString()}","data":${data}}`);
}

function wholeEvent({ recordText, enrichmentJson }: BodyEvent): string {
  const open = recordText.trimEnd().slice(0, -1);
  const comma = open.trim() === '{' ? '' : ',';
  return `${open}${comma}"enrichment":${enrichmentJson}}`;
}

function thinEvent({ id, recordText, enrichmentJson }: BodyEvent): string {
  const record = JSON.parse(recordText) as Record<string, unknown>;
  const told = THIN_FIELDS.map((name) => [name, record[name]] as const).filter(
    ([, value]) => typeof value === 'string' && value.length <= MAX_THIN_FIELD_LENGTH,
  );
  const head = { id, thin: true, bytes: Buffer.byteLength(recordText), ...Object.fromEntries(told) };
  const small = Buffer.byteLength(enrichmentJson) <= MAX_THIN_ENRICHMENT_BYTES;
  return `${JSON.stringify(head).slice(0, -1)},"enrichment":${small ? enrichmentJson : 'null'}}`;
}
