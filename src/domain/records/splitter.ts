/**
 * Splits the bytes of a trail file, `{"Records":[{...},{...}]}`, into the exact text of each record, as they stream
 * in. A record's end is found by a scan for braces that knows strings; what stands inside is JSON.parse's business.
 *
 * The scan runs over a latin1 view of the bytes, in which index and byte offset agree, and jumps through strings by
 * indexOf. Only the bytes of the record being read are held, at most MAX_RECORD_BYTES of it.
 */
import { isSpace, ValueScan } from './value-scan';

/** CloudTrail's own limit for an event is 256 KB; four times that, and the BSON of the worst record stays under 16 MB. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** One element of `Records`, in the order of the file. */
export interface RawRecord {
  /** The element's bytes; cut at MAX_RECORD_BYTES where `oversized`. */
  bytes: Buffer;
  oversized: boolean;
  /** Where it begins, counted from the first byte of the file, and how long it is, also where `bytes` is cut. */
  start: number;
  length: number;
  /** How deep its objects and lists nest; 0 for a bare value. */
  depth: number;
  /** How many `"key":` stand in its text. */
  keys: number;
}

/** The bytes are not a trail file: what was found, and where. */
export class NotATrailFile extends Error {
  override name = 'NotATrailFile';
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Where the scan stands: before the root object, among its members, inside `Records`, or after the end. */
type Place = 'start' | 'members' | 'element' | 'separator' | 'end';

/** A scan over one file: `push` its bytes in order, then `end`, which alone throws. */
export class RecordSplitter {
  private place: Place = 'start';
  /** Bytes kept from earlier chunks: the beginning of the element or key that is being read. */
  private held: Buffer[] = [];
  private heldLength = 0;
  private oversized = false;
  /** Where that element or key begins, counted from the first byte of the file. */
  private start = 0;
  private readonly scan = new ValueScan();
  private inElement = false;
  /** The key of the root member that is being read, and whether its colon was seen. */
  private key: string | null = null;
  private colonSeen = false;
  private memberEmpty = true;
  private recordsFound = false;
  private offset = 0;
  /** How many bytes of a byte order mark were read. */
  private mark = 0;
  private fault: NotATrailFile | null = null;

  /** @param list the member of the root whose elements are wanted */
  constructor(private readonly list = 'Records') {}

  /**
   * Takes the next bytes.
   * @returns the records that ended in them. After a fault there are no more of them; `end` tells of it.
   */
  push(chunk: Buffer): RawRecord[] {
    const records: RawRecord[] = [];
    if (this.fault) return records;
    const text = chunk.toString('latin1');
    let at = 0;
    try {
      while (at < text.length) {
        at =
          this.place === 'element' ? this.element(chunk, text, at, records) : this.between(chunk, text, at);
      }
    } catch (error) {
      if (!(error instanceof NotATrailFile)) throw error;
      this.fault = error;
    }
    this.offset += chunk.length;
    return records;
  }

  /** Whether more elements, or the end of their list, are still to come. */
  get inList(): boolean {
    return !this.fault && (this.place === 'element' || this.place === 'separator');
  }

  /** @throws NotATrailFile where the text was none of a trail file, ended too early or held no `Records`. */
  end(): void {
    if (this.fault) throw this.fault;
    if (this.offset === 0) throw new NotATrailFile('the file is empty');
    if (this.place === 'start') throw new NotATrailFile('the file holds no JSON object');
    if (this.place !== 'end')
      throw new NotATrailFile(`the JSON text ends too early, after ${this.offset} bytes`);
    if (!this.recordsFound) throw new NotATrailFile(`the JSON object has no list "${this.list}"`);
  }

  /** One structural byte outside of the elements, or a whole member of the root other than `Records`. */
  private between(chunk: Buffer, text: string, at: number): number {
    if (this.place === 'members' && (this.inElement || this.key !== null))
      return this.member(chunk, text, at);
    const code = text.charCodeAt(at);
    if (isSpace(code)) return at + 1;
    if (this.place === 'start' && this.inMark(code, at)) this.mark++;
    else if (this.place === 'start' && code === OPEN_BRACE && this.mark % BYTE_ORDER_MARK.length === 0)
      this.place = 'members';
    else if (this.place === 'members' && code === QUOTE && this.memberEmpty) return this.beginKey(at);
    else if (this.place === 'members' && code === COMMA && !this.memberEmpty) this.memberEmpty = true;
    else if (this.place === 'members' && code === CLOSE_BRACE) this.place = 'end';
    else if (this.place === 'separator' && code === COMMA) this.place = 'element';
    else if (this.place === 'separator' && code === CLOSE_BRACKET) this.endRecords();
    else throw this.unexpected(code, at);
    return at + 1;
  }

  /** Some editors write a byte order mark before the text; bytes of it alone are none. */
  private inMark(code: number, at: number): boolean {
    return this.offset + at === this.mark && code === BYTE_ORDER_MARK[this.mark];
  }

  private beginKey(at: number): number {
    this.inElement = true;
    this.begin(at);
    return at;
  }

  /** The key of a member of the root, then its colon, then its value, which is skipped unless it is `Records`. */
  private member(chunk: Buffer, text: string, at: number): number {
    if (this.key === null) {
      const end = this.scan.end(text, at);
      if (end < 0) return this.hold(chunk, at);
      const key = this.take(chunk, at, end);
      this.inElement = false;
      try {
        this.key = String(JSON.parse(key.toString('utf8')));
      } catch {
        throw new NotATrailFile(`a key that is not a JSON string, at byte ${this.start}`);
      }
      this.colonSeen = false;
      return end;
    }
    const code = text.charCodeAt(at);
    if (!this.inElement) {
      if (isSpace(code)) return at + 1;
      if (!this.colonSeen) {
        if (code !== COLON) throw this.unexpected(code, at);
        this.colonSeen = true;
        return at + 1;
      }
      if (this.key === this.list && code === OPEN_BRACKET && !this.recordsFound) {
        this.recordsFound = true;
        this.key = null;
        this.place = 'element';
        this.begin(at);
        return at + 1;
      }
      if (this.key === this.list) throw new NotATrailFile(`"${this.list}" is not one list`);
      this.inElement = true;
      this.begin(at);
    }
    const end = this.scan.end(text, at);
    if (end < 0) return text.length;
    this.inElement = false;
    this.key = null;
    this.memberEmpty = false;
    return end;
  }

  /** Inside `Records`: reads on in the element, and yields it when it ends. */
  private element(chunk: Buffer, text: string, at: number, records: RawRecord[]): number {
    if (!this.inElement) {
      const code = text.charCodeAt(at);
      if (isSpace(code)) return at + 1;
      if (code === CLOSE_BRACKET && this.memberEmpty) {
        this.endRecords();
        return at + 1;
      }
      if (code === COMMA || code === CLOSE_BRACKET || code === CLOSE_BRACE || code === COLON) {
        throw this.unexpected(code, at);
      }
      this.inElement = true;
      this.begin(at);
    }
    const end = this.scan.end(text, at);
    if (end < 0) return this.hold(chunk, at);
    const bytes = this.take(chunk, at, end);
    const { start, oversized } = this;
    const { deepest: depth, keys } = this.scan;
    records.push({ bytes, oversized, start, length: this.offset + end - start, depth, keys });
    this.inElement = false;
    this.memberEmpty = false;
    this.place = 'separator';
    return end;
  }

  private endRecords(): void {
    this.place = 'members';
    this.memberEmpty = false;
  }

  private begin(at: number): void {
    this.held = [];
    this.heldLength = 0;
    this.oversized = false;
    this.start = this.offset + at;
    this.scan.begin();
  }

  /** Keeps the rest of the chunk for an element that goes on in the next one. */
  private hold(chunk: Buffer, from: number): number {
    const room = MAX_RECORD_BYTES - this.heldLength;
    const length = chunk.length - from;
    if (length > room) this.oversized = true;
    if (room > 0) {
      const part = Buffer.from(chunk.subarray(from, from + Math.min(length, room)));
      this.held.push(part);
      this.heldLength += part.length;
    }
    return chunk.length;
  }

  private take(chunk: Buffer, from: number, end: number): Buffer {
    const length = end - from;
    if (this.heldLength === 0) {
      if (length <= MAX_RECORD_BYTES) return chunk.subarray(from, end);
      this.oversized = true;
      return chunk.subarray(from, from + MAX_RECORD_BYTES);
    }
    const room = MAX_RECORD_BYTES - this.heldLength;
    if (length > room) this.oversized = true;
    return Buffer.concat([...this.held, chunk.subarray(from, from + Math.min(length, Math.max(0, room)))]);
  }

  private unexpected(code: number, at: number): NotATrailFile {
    const shown =
      code > 0x20 && code < 0x7f ? `"${String.fromCharCode(code)}"` : `byte 0x${code.toString(16)}`;
    return new NotATrailFile(`unexpected ${shown} at byte ${this.offset + at} of the JSON text`);
  }
}
