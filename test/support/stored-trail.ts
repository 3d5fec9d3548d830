import { randomUUID } from 'node:crypto';
import type { CloudTrailRecord, StoredEvent } from '../../src/domain/event';
import { SLICE_STRIDE } from '../../src/domain/event';
import { readRecord } from '../../src/domain/records/record';
import { type Origin, toStoredEvent } from '../../src/domain/records/stored-event';
import { createEnricher, type Enricher } from '../../src/enrichment/enricher';
import { createLogger } from '../../src/observe/logger';
import { recordsIn, trail } from './demo-trail';

export interface StoredTrailOptions {
  events: number;
  /** The first event; the others follow evenly. */
  from: Date;
  days: number;
  /** Events were stored so long after they happened; default 5 minutes. */
  storedAfterMs?: number;
}

/** Public addresses in place of some that the publisher of the real trail blanked. */
const ADDRESSES = [
  '8.8.8.8',
  '1.1.1.1',
  '205.251.233.176',
  '81.2.69.142',
  '89.160.20.112',
  '2001:4860:4860::8888',
];
const BLANKED = /^(10|192\.168)\./;

/** Events as they are stored, in slices of 1,000: records of the trail, each with an id and a time of its own. */
export async function* storedTrail(options: StoredTrailOptions): AsyncGenerator<StoredEvent[]> {
  const { events, from, days, storedAfterMs = 300_000 } = options;
  const records: CloudTrailRecord[] = [];
  const data = await trail();
  for (const object of data.objects) records.push(...(await recordsIn(object)));
  await data.remove();
  const enricher = await createEnricher({ log: createLogger({ level: 'fatal', pretty: false }) });
  const step = (days * 86_400_000) / events;
  try {
    for (let start = 0; start < events; start += SLICE_STRIDE) {
      const slice: StoredEvent[] = [];
      const run = randomUUID();
      for (let n = start; n < Math.min(events, start + SLICE_STRIDE); n++) {
        const time = new Date(Math.floor((from.getTime() + n * step) / 1_000) * 1_000);
        const ingestedAt = new Date(time.getTime() + storedAfterMs);
        const record = varied(records[n % records.length]!, n, time);
        const origin = { run, pos: n - start, sourceId: 'bench', ingestedAt };
        slice.push(storedOf(record, origin, enricher));
      }
      yield slice;
    }
  } finally {
    await enricher.close();
  }
}

/** No two alike: an id and a time of its own, now and then another address, account or Region. */
function varied(record: CloudTrailRecord, n: number, time: Date): CloudTrailRecord {
  const round = Math.floor(n / 2_900);
  const address = record.sourceIPAddress as string | undefined;
  return {
    ...record,
    eventID: randomUUID(),
    eventTime: time.toISOString().replace('.000Z', 'Z'),
    awsRegion: ['us-east-1', 'us-east-1', 'eu-central-1', 'eu-west-1'][(n + round) % 4],
    recipientAccountId: `12383739202${(n + round) % 5}`,
    ...(address && BLANKED.test(address) && n % 3 === 0
      ? { sourceIPAddress: ADDRESSES[(n + round) % ADDRESSES.length] }
      : {}),
  };
}

function storedOf(record: CloudTrailRecord, origin: Origin, enricher: Enricher): StoredEvent {
  const bytes = Buffer.from(JSON.stringify(record));
  const { length } = bytes;
  const read = readRecord({ bytes, oversized: false, start: 0, length, depth: 0, keys: 0 });
  if ('rejected' in read) throw new Error(read.rejected.reason);
  return toStoredEvent(read.ok, enricher.enrich(read.ok.record), origin);
}
