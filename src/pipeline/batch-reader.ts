import { once } from 'node:events';
import { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { Batch } from '../domain/batch';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import { SLICE_STRIDE } from '../domain/event';
import { NotATrailFile, type RawRecord, RecordSplitter } from '../domain/records/splitter';

/** A slice ends at SLICE_STRIDE records or at so much text, whichever comes first. */
export const SLICE_BYTES = 4 * 1024 * 1024;
/** A real object has up to 50 MB compressed and inflates by 10 to 20. */
export const MAX_INFLATED_BYTES = 512 * 1024 * 1024;
export const MAX_INFLATION = 200;
/** Below this, the ratio says nothing: a file of one repeated record is small in itself. */
const RATIO_COUNTS_FROM = 16 * 1024 * 1024;
const INFLATE_CHUNK = 256 * 1024;

/** Records of a batch that are stored together. */
export interface Slice {
  index: number;
  /** Index in the batch of the first record. */
  firstRecord: number;
  records: RawRecord[];
}

/** Opens the bytes of an object. @throws Permanent where it is gone, Retryable where it may be had later */
export type OpenObject = (batch: Batch, signal: AbortSignal) => Promise<Readable>;

/**
 * Reads a batch slice by slice: inflates and splits as the bytes come, and never holds more than the slice.
 * @throws Unreadable after the slices that could be read, where the rest can't be read by anybody
 */
export async function* readSlices(
  batch: Batch,
  openObject: OpenObject,
  signal: AbortSignal,
): AsyncGenerator<Slice> {
  const splitter = new RecordSplitter();
  let slice: Slice = { index: 0, firstRecord: 0, records: [] };
  let size = 0;
  let failure: unknown = null;
  try {
    for await (const chunk of bytesOf(batch, openObject, signal)) {
      for (const record of splitter.push(chunk)) {
        if (slice.records.length === SLICE_STRIDE || (size > 0 && size + record.bytes.length > SLICE_BYTES)) {
          yield slice;
          slice = {
            index: slice.index + 1,
            firstRecord: slice.firstRecord + slice.records.length,
            records: [],
          };
          size = 0;
        }
        slice.records.push(record);
        size += record.bytes.length;
      }
    }
    splitter.end();
  } catch (error) {
    failure = error;
  }
  if (slice.records.length > 0 && !isRetryable(failure)) yield slice;
  if (failure)
    throw failure instanceof NotATrailFile
      ? new Unreadable(`this is not a trail file: ${failure.message}`)
      : failure;
}

/** Nobody can read the rest of this batch, now or later. */
export class Unreadable extends Permanent {
  override name = 'Unreadable';
}

function isRetryable(error: unknown): boolean {
  return error !== null && !(error instanceof NotATrailFile) && !(error instanceof Unreadable);
}

async function* bytesOf(batch: Batch, openObject: OpenObject, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source = batch.payload
    ? Readable.from([Buffer.from(batch.payload)])
    : await openObject(batch, signal);
  const counted = { received: 0 };
  try {
    const chunks = countBytes(source, counted);
    const first = await chunks.next();
    if (first.done) throw new NotATrailFile('the file is empty');
    const zipped = first.value.length > 1 && first.value[0] === 0x1f && first.value[1] === 0x8b;
    yield* zipped ? inflate(first.value, chunks, batch, counted) : bounded(first.value, chunks);
  } finally {
    source.destroy();
  }
}

async function* countBytes(source: Readable, counted: { received: number }): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) {
      const bytes = chunk as Buffer;
      if (bytes.length === 0) continue;
      counted.received += bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw new Retryable(`reading stopped after ${counted.received} bytes: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function* bounded(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let total = first.length;
  yield first;
  for await (const chunk of rest) {
    total += chunk.length;
    if (total > MAX_INFLATED_BYTES) throw tooLarge();
    yield chunk;
  }
}

/** Inflates all members of a gzip text, within bounds. */
async function* inflate(
  first: Buffer,
  rest: AsyncGenerator<Buffer>,
  batch: Batch,
  counted: { received: number },
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: INFLATE_CHUNK });
  const feeding = feed(gunzip, first, rest);
  let inflated = 0;
  try {
    for await (const chunk of gunzip) {
      inflated += (chunk as Buffer).length;
      if (inflated > MAX_INFLATED_BYTES) throw tooLarge();
      if (inflated > RATIO_COUNTS_FROM && inflated > MAX_INFLATION * counted.received) {
        throw new Unreadable(
          `the file inflates by more than ${MAX_INFLATION} times its size: it looks like a gzip bomb`,
        );
      }
      yield chunk as Buffer;
    }
    await feeding;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    if (batch.object && counted.received < batch.object.size) {
      throw new Retryable(`only ${counted.received} of ${batch.object.size} bytes came`, { cause: error });
    }
    throw new Unreadable(`the gzip data is broken after ${inflated} bytes: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    gunzip.destroy();
    await feeding.catch(() => undefined); // Its failure, if any, came out of the gunzip stream.
  }
}

/** Writes the bytes into the inflater, no faster than it takes them; a failure of the source becomes the inflater's. */
async function feed(gunzip: Gunzip, first: Buffer, rest: AsyncGenerator<Buffer>): Promise<void> {
  try {
    if (!gunzip.write(first)) await drained(gunzip);
    for await (const chunk of rest) {
      if (gunzip.destroyed) return;
      if (!gunzip.write(chunk)) await drained(gunzip);
    }
    gunzip.end();
  } catch (error) {
    gunzip.destroy(error as Error);
  }
}

async function drained(gunzip: Gunzip): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([
      once(gunzip, 'drain', { signal: done.signal }),
      once(gunzip, 'close', { signal: done.signal }),
    ]);
  } finally {
    done.abort();
  }
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.startsWith('Z_');
}

function tooLarge(): Unreadable {
  return new Unreadable(`the file holds more than ${MAX_INFLATED_BYTES} bytes of text`);
}
