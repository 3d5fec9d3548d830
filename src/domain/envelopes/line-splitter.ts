import { MAX_RECORD_BYTES, type RawRecord } from '../records/splitter';
import { isSpace, ValueScan } from '../records/value-scan';
import { endOfValue } from './json-values';

const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;

/**
 * Splits NDJSON, one value a line, as the bytes stream in. A line that is broken costs only itself: it comes as a JSON
 * string, which is then rejected as no record. Holds no more than MAX_RECORD_BYTES of a line.
 */
export class LineSplitter {
  private held: Buffer[] = [];
  private heldLength = 0;
  /** Of the line so far, also of what was not kept. */
  private length = 0;
  private offset = 0;

  /** Takes the next bytes. @returns the records of the lines that ended in them; */
  push(chunk: Buffer): RawRecord[] {
    const records: RawRecord[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.take(chunk.subarray(from, end), records);
      from = end + 1;
      this.offset++;
    }
    if (from < chunk.length) this.hold(chunk.subarray(from));
    return records;
  }

  /** @returns the record of a last line that no newline ends */
  end(): RawRecord[] {
    const records: RawRecord[] = [];
    this.take(Buffer.alloc(0), records);
    return records;
  }

  private hold(part: Buffer): void {
    const kept = Buffer.from(part.subarray(0, Math.max(0, MAX_RECORD_BYTES + 1 - this.heldLength)));
    if (kept.length > 0) this.held.push(kept);
    this.heldLength += kept.length;
    this.length += part.length;
    this.offset += part.length;
  }

  private take(rest: Buffer, records: RawRecord[]): void {
    const line = this.heldLength === 0 ? rest : Buffer.concat([...this.held, rest]);
    const length = this.length + rest.length;
    this.offset += rest.length;
    this.held = [];
    this.heldLength = 0;
    this.length = 0;
    const text = trimmed(line);
    if (text.length > 0) records.push(recordOf(text, this.offset - length, length));
  }
}

function recordOf(text: Buffer, start: number, length: number): RawRecord {
  const scan = new ValueScan();
  scan.begin();
  scan.end(text.toString('latin1'), 0);
  const bytes = asValue(text);
  const oversized = bytes.length > MAX_RECORD_BYTES;
  return {
    bytes: oversized ? bytes.subarray(0, MAX_RECORD_BYTES) : bytes,
    oversized,
    start,
    length,
    depth: scan.deepest,
    keys: scan.keys,
  };
}

/**
 * A text that can stand in a JSON list without touching its neighbours: the text itself where it is one object as far
 * as its braces tell, else a JSON string that holds it, which nobody takes for a record.
 */
export function asValue(text: Buffer): Buffer {
  if (text[0] === OPEN_BRACE && endOfValue(text.toString('latin1'), 0) === text.length) return text;
  return Buffer.from(JSON.stringify(text.toString('utf8')));
}

/** Without the white space at either end. */
export function trimmed(line: Buffer): Buffer {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start]!)) start++;
  while (end > start && isSpace(line[end - 1]!)) end--;
  return line.subarray(start, end);
}
