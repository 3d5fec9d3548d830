import { Readable } from 'node:stream';
import type { Batch } from '../domain/batch';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import { SLICE_STRIDE } from '../domain/event';
import { NotATrailFile, type RawRecord, RecordSplitter } from '../domain/records/splitter';
import { inflate, inPieces } from './inflate';

/** A slice ends at SLICE_STRIDE records or at so much text, whichever comes first. */
export const SLICE_BYTES = 4 * 1024 * 1024;
/** A real object has up to 50 MB compressed and inflates by 10 to 20. */
export const MAX_INFLATED_BYTES = 512 * 1024 * 1024;
export const MAX_INFLATION = 200;
/** Below this, the ratio says nothing: a file of one repeated record is small in itself. */
const RATIO_COUNTS_FROM = 16 * 1024 * 1024;

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
 * Reads a batch slice by slice: inflates and splits as the bytes come, and never holds more than the slice. The same
 * bytes give the same slices, however they come.
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
  if (slice.records.length > 0 && canStand(failure)) yield slice;
  if (failure)
    throw failure instanceof NotATrailFile
      ? new Unreadable(`this is not a trail file: ${failure.message}`)
      : failure;
}

/** Nobody can read the rest of this batch, now or later. */
export class Unreadable extends Permanent {
  override name = 'Unreadable';
}

/** The bytes are not what was written: what was inflated just before may be wrong as well, and look right. */
class Damaged extends Unreadable {
  override name = 'Damaged';
}

/** Whether the records that were read before the failure are stored; those before a passing one are read again. */
function canStand(failure: unknown): boolean {
  if (failure instanceof Damaged) return false;
  return failure === null || failure instanceof NotATrailFile || failure instanceof Unreadable;
}

async function* bytesOf(batch: Batch, openObject: OpenObject, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source = batch.payload
    ? Readable.from([Buffer.from(batch.payload)])
    : await openObject(batch, signal);
  const counted = { received: 0 };
  try {
    const pieces = inPieces(countBytes(source, counted));
    const first = await pieces.next();
    if (first.done) throw new NotATrailFile('the file is empty');
    const zipped = first.value.length > 1 && first.value[0] === 0x1f && first.value[1] === 0x8b;
    const all = from(first.value, pieces);
    yield* zipped ? inflated(all, batch, counted) : bounded(all);
  } finally {
    source.destroy();
  }
}

async function* from(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
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

async function* bounded(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > MAX_INFLATED_BYTES) throw tooLarge();
    yield piece;
  }
}

/** Inflates within bounds. */
async function* inflated(
  pieces: AsyncGenerator<Buffer>,
  batch: Batch,
  counted: { received: number },
): AsyncGenerator<Buffer> {
  let total = 0;
  const admit = (bytes: number): void => {
    total += bytes;
    if (total > MAX_INFLATED_BYTES) throw tooLarge();
    // What was pushed was bounded at the door and compressed by us.
    if (batch.object && total > RATIO_COUNTS_FROM && total > MAX_INFLATION * counted.received) throw bomb();
  };
  try {
    yield* inflate(pieces, admit);
  } catch (error) {
    if (!isZlibError(error)) throw error;
    const size = batch.object?.size ?? 0;
    if (counted.received < size) {
      throw new Retryable(`only ${counted.received} of ${size} bytes came`, { cause: error });
    }
    const Fault = (error as { code?: unknown }).code === 'Z_BUF_ERROR' ? Unreadable : Damaged;
    throw new Fault(`the gzip data is broken after ${total} bytes: ${messageOf(error)}`, { cause: error });
  }
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.startsWith('Z_');
}

function tooLarge(): Unreadable {
  return new Unreadable(`the file holds more than ${MAX_INFLATED_BYTES} bytes of text`);
}

function bomb(): Unreadable {
  return new Unreadable(
    `the file inflates by more than ${MAX_INFLATION} times its size: it looks like a gzip bomb`,
  );
}
