import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { scanObject, skipSpace } from '../../domain/envelopes/json-values';
import { LineSplitter } from '../../domain/envelopes/line-splitter';
import { shapeOf } from '../../domain/envelopes/record-shapes';
import { NotATrailFile, type RawRecord, RecordSplitter } from '../../domain/records/splitter';

const CHUNK = 256 * 1024;
const LIST_OPENS = 0x5b;
const LIST_BEFORE = Buffer.from('{"Records":');
const LIST_AFTER = Buffer.from('}');

/**
 * The records of a trail file, a JSON list or NDJSON, plain or gzip, as they are read: the file may be of any size, and
 * is never held whole.
 * @param onRead told of the bytes that were read from the disk
 * @throws NotATrailFile after the records that could be read, where the rest can't; the system's error for the file
 */
export async function* recordsOf(path: string, onRead: (bytes: number) => void): AsyncGenerator<RawRecord[]> {
  let reader: { push(chunk: Buffer): RawRecord[]; end(): RawRecord[] } | null = null;
  for await (const bytes of textOf(path, onRead)) {
    const chunk = reader ? bytes : withoutMark(bytes);
    reader ??= readerFor(chunk);
    yield reader.push(chunk);
  }
  yield (reader ?? new FileSplitter(false)).end();
}

/** Says by its first bytes what a file is. One record a line has to be told from a trail file, which is an object too. */
function readerFor(chunk: Buffer): FileSplitter | LineSplitter {
  const text = chunk.toString('latin1');
  const at = skipSpace(text, 0);
  if (text.charCodeAt(at) === LIST_OPENS) return new FileSplitter(true);
  const first = scanObject(text, at);
  const oneLine = first && !text.slice(at, first.end ?? text.length).includes('\n');
  return oneLine && shapeOf(first) === 'record' ? new LineSplitter() : new FileSplitter(false);
}

/** `{"Records":[...]}`, or the list alone. */
class FileSplitter {
  private readonly splitter = new RecordSplitter();

  constructor(private readonly list: boolean) {
    if (list) this.splitter.push(LIST_BEFORE);
  }

  push(chunk: Buffer): RawRecord[] {
    return this.splitter.push(chunk);
  }

  /** @throws NotATrailFile where it is none */
  end(): RawRecord[] {
    const last = this.list ? this.splitter.push(LIST_AFTER) : [];
    this.splitter.end();
    return last;
  }
}

/** Without the byte order mark that some editors write. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

async function* textOf(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  const chunks = counted(createReadStream(path, { highWaterMark: CHUNK }), onRead);
  const first = await chunks.next();
  if (first.done) return;
  const zipped = first.value[0] === 0x1f && first.value[1] === 0x8b;
  if (!zipped) {
    yield first.value;
    yield* chunks;
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK });
  pipeline(Readable.from(after(first.value, chunks)), gunzip, () => undefined); // Failures come out of gunzip.
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    throw isZlibError(error)
      ? new NotATrailFile(`the gzip data is broken: ${(error as Error).message}`)
      : error;
  }
}

async function* counted(
  source: AsyncIterable<Buffer>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of source) {
    onRead(chunk.length);
    yield chunk;
  }
}

async function* after(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

function isZlibError(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('Z_');
}
