import { type BodyEvent, type BodyFormat, oneOrList } from './body-format';
import { thinHead } from './thin-head';

const GLUE_BYTES = ',"enrichment":,'.length;
const MAX_THIN_ENRICHMENT_BYTES = 64 * 1024;

/**
 * ENRICHED, the envelope of Standard Webhooks around the record and what TrailGraph adds.
 *
 * One event: `{"type":"cloudtrail.event.enriched","timestamp":...,"data":{...record,"enrichment":{...}}}`; `batch`: type
 * `cloudtrail.events.enriched` and a list as data. A record's own member `enrichment` comes before ours, and the last
 * of two equal names is the one that counts to a JSON parser.
 *
 * A thin event is `{"id":...,"thin":true,"bytes":<of the record>,<eventID, eventTime, eventName, eventSource, awsRegion
 * and recipientAccountId where the record has them>,"enrichment":...}`.
 */
export const enriched: BodyFormat = {
  bytesOf: ({ recordText, enrichmentJson }) =>
    Buffer.byteLength(recordText) + Buffer.byteLength(enrichmentJson) + GLUE_BYTES,
  body({ events, batch, thin, timestamp }) {
    const type = batch ? 'cloudtrail.events.enriched' : 'cloudtrail.event.enriched';
    const data = oneOrList(events.map(thin ? thinEvent : wholeEvent), batch);
    return `{"type":"${type}","timestamp":"${timestamp.toISOString()}","data":${data}}`;
  },
};

function wholeEvent({ recordText, enrichmentJson }: BodyEvent): string {
  const open = recordText.trimEnd().slice(0, -1);
  const comma = open.trim() === '{' ? '' : ',';
  return `${open}${comma}"enrichment":${enrichmentJson}}`;
}

function thinEvent(event: BodyEvent): string {
  const small = Buffer.byteLength(event.enrichmentJson) <= MAX_THIN_ENRICHMENT_BYTES;
  const head = JSON.stringify(thinHead(event)).slice(0, -1);
  return `${head},"enrichment":${small ? event.enrichmentJson : 'null'}}`;
}
