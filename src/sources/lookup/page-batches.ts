import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { NewBatch } from '../../domain/batch';
import type { Source } from '../../domain/source';
import type { LookedUp } from './lookup-requests';

const gzipAsync = promisify(gzip);

/** Text of one batch before it is compressed, so that even what does not compress stays under the ledger's 8 MiB. */
const MAX_TEXT_BYTES = 7 * 1024 * 1024;

/** Makes the batches of a page: one, unless its records are huge. None for an empty page. */
export async function pageBatches(
  source: Source,
  partition: string,
  events: LookedUp[],
): Promise<NewBatch[]> {
  const batches: NewBatch[] = [];
  let rest = events;
  while (rest.length > 0) {
    const count = fitting(rest);
    batches.push(await toBatch(source, partition, rest.slice(0, count)));
    rest = rest.slice(count);
  }
  return batches;
}

function fitting(events: LookedUp[]): number {
  let bytes = 0;
  const first = events.findIndex(({ text }) => {
    bytes += Buffer.byteLength(text) + 1;
    return bytes > MAX_TEXT_BYTES;
  });
  return first === -1 ? events.length : Math.max(1, first);
}

async function toBatch(source: Source, partition: string, events: LookedUp[]): Promise<NewBatch> {
  const identity = JSON.stringify([source._id, source.epoch, partition, ...events.map(({ id }) => id)]);
  const text = `{"Records":[${events.map((event) => event.text).join(',')}]}`;
  return {
    _id: `page_${createHash('sha256').update(identity).digest('hex').slice(0, 40)}`,
    sourceId: source._id,
    sourceKind: source.kind,
    reference: `LookupEvents ${partition}: ${events.length} from ${events[0]!.id}`,
    partition,
    payload: await gzipAsync(text, { level: 1 }),
  };
}
