import { type BodyFormat, oneOrList } from './body-format';
import { thinHead } from './thin-head';

/**
 * RAW, the record alone and exact, as CloudTrail wrote it; `batch`: a JSON list of records. A thin event is the head
 * that ENRICHED has too: `{"id":...,"thin":true,"bytes":...,<what it is>}`.
 */
export const raw: BodyFormat = {
  bytesOf: ({ recordText }) => Buffer.byteLength(recordText) + 1,
  body: ({ events, batch, thin }) =>
    oneOrList(
      events.map((event) => (thin ? JSON.stringify(thinHead(event)) : event.recordText)),
      batch,
    ),
};
