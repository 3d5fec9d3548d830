/**
 * Splits the bytes of a trail file, `{"Records":[{...},{...}]}`, into the exact text of each record, as they stream
 * in. A record's end is found by a scan for braces that knows strings; what stands inside is JSON.parse's business.
 *
 * The scan runs over a latin1 view of the bytes, in which index and byte offset agree, and jumps through strings by
 * indexOf. Only the bytes of the record being read are held, at most MAX_RECORD_BYTES of it.
 */

/** CloudTrail's own limit for an event is 256 KB; four times that, and the BSON of the worst record stays under 16 MB. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** One element of `Records`, in the order of the file. */
export interface RawRecord {
  /** The element's bytes; cut at MAX_RECORD_BYTES where `oversized`. */
  bytes: Buffer;
  oversized: boolean;
  /** How deep its objects and lists nest; 0 for a bare value. */
  depth: number;
  /** How many `"key":` stand in its text. */
  keys: number;
}

/** The bytes are not a trail file: what was found, and where. */
export class NotATrailFile extends Error {
  override name = 'NotATrailFile';
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Where the scan stands: before the root object, among its members, inside `Records`, or after the end. */
type Place = 'start' | 'members' | 'element' | 'separator' | 'end';

export class RecordSplitter {
  private place: Place = 'start';
  /** Bytes kept from earlier chunks: the beginning of the element or member that is being read. */
  private held: Buffer[] = [];
  private heldLength = 0;
  private oversized = false;
  private depth = 0;
  private deepest = 0;
  private keys = 0;
  private inString = false;
  private escaped = false;
  private afterString = false;
  private inElement = false;
  /** The key of the root member that is being read, and whether its colon was seen. */
  private key: string | null = null;
  private colonSeen = false;
  private memberEmpty = true;
  private recordsFound = false;
  private offset = 0;

  /** Whether a `Records` list has begun. */
  get foundRecords(): boolean {
    return this.recordsFound;
  }

  /**
   * Takes the next bytes.
   * @returns the records that ended in them
   * @throws NotATrailFile
   */
  push(chunk: Buffer): RawRecord[] {
    const records: RawRecord[] = [];
    const text = chunk.toString('latin1');
    let at = this.offset === 0 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
    while (at < text.length) {
      at = this.place === 'element' ? this.element(chunk, text, at, records) : this.between(chunk, text, at);
    }
    this.offset += chunk.length;
    return records;
  }

  /** @throws NotATrailFile where the text ended too early or held no `Records`. */
  end(): void {
    if (this.offset === 0) throw new NotATrailFile('the file is empty');
    if (this.place === 'start') throw new NotATrailFile('the file holds no JSON object');
    if (this.place !== 'end')
      throw new NotATrailFile(`the JSON text ends too early, after ${this.offset} bytes`);
    if (!this.recordsFound) throw new NotATrailFile('the JSON object has no list "Records"');
  }

  /** One structural byte outside of the elements, or a whole member of the root other than `Records`. */
  private between(chunk: Buffer, text: string, at: number): number {
    if (this.place === 'members' && (this.inElement || this.key !== null))
      return this.member(chunk, text, at);
    const code = text.charCodeAt(at);
    if (isSpace(code)) return at + 1;
    if (this.place === 'start' && code === OPEN_BRACE) this.place = 'members';
    else if (this.place === 'members' && code === QUOTE && this.memberEmpty) return this.beginKey(at);
    else if (this.place === 'members' && code === COMMA && !this.memberEmpty) this.memberEmpty = true;
    else if (this.place === 'members' && code === CLOSE_BRACE) this.place = 'end';
    else if (this.place === 'separator' && code === COMMA) this.place = 'element';
    else if (this.place === 'separator' && code === CLOSE_BRACKET) this.endRecords();
    else throw this.unexpected(code, at);
    return at + 1;
  }

  private beginKey(at: number): number {
    this.inElement = true;
    this.begin();
    return at;
  }

  /** The key of a member of the root, then its colon, then its value, which is skipped unless it is `Records`. */
  private member(chunk: Buffer, text: string, at: number): number {
    if (this.key === null) {
      const end = this.scanValue(text, at);
      if (end < 0) return this.hold(chunk, at, 1024);
      const key = this.take(chunk, at, end);
      this.inElement = false;
      try {
        this.key = String(JSON.parse(key.toString('utf8')));
      } catch {
        throw new NotATrailFile(`a key that is not a JSON string, at byte ${this.offset + at}`);
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
      if (this.key === 'Records' && code === OPEN_BRACKET && !this.recordsFound) {
        this.recordsFound = true;
        this.key = null;
        this.place = 'element';
        this.begin();
        return at + 1;
      }
      if (this.key === 'Records') throw new NotATrailFile('"Records" is not one list');
      this.inElement = true;
      this.begin();
    }
    const end = this.scanValue(text, at);
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
      this.begin();
    }
    const end = this.scanValue(text, at);
    if (end < 0) return this.hold(chunk, at, MAX_RECORD_BYTES);
    const bytes = this.take(chunk, at, end);
    records.push({ bytes, oversized: this.oversized, depth: this.deepest, keys: this.keys });
    this.inElement = false;
    this.memberEmpty = false;
    this.place = 'separator';
    return end;
  }

  private endRecords(): void {
    this.place = 'members';
    this.memberEmpty = false;
  }

  private begin(): void {
    this.held = [];
    this.heldLength = 0;
    this.oversized = false;
    this.depth = 0;
    this.deepest = 0;
    this.keys = 0;
    this.inString = false;
    this.escaped = false;
    this.afterString = false;
  }

  /**
   * Scans a value from `at`.
   * @returns the index just after it, or -1 where the chunk ends first
   */
  private scanValue(text: string, at: number): number {
    let i = at;
    const length = text.length;
    while (i < length) {
      if (this.inString) {
        i = this.scanString(text, i);
        if (i < 0) return -1;
        if (this.depth === 0) return i;
        continue;
      }
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        this.inString = true;
        i++;
        continue;
      }
      if (code === COLON) {
        if (this.afterString) this.keys++;
        this.afterString = false;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (++this.depth > this.deepest) this.deepest = this.depth;
        this.afterString = false;
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        if (this.depth === 0) return i;
        this.afterString = false;
        if (--this.depth === 0) return i + 1;
      } else if (this.depth === 0 && (code === COMMA || isSpace(code))) {
        return i;
      } else if (this.afterString && !isSpace(code)) {
        this.afterString = false;
      }
      i++;
    }
    return -1;
  }

  /** @returns the index just after the closing quote, or -1 where the chunk ends inside the string. */
  private scanString(text: string, from: number): number {
    let i = from;
    if (this.escaped) {
      this.escaped = false;
      i++;
    }
    for (;;) {
      const quote = text.indexOf('"', i);
      const stop = quote < 0 ? text.length : quote;
      let slashes = 0;
      for (let k = stop - 1; k >= i && text.charCodeAt(k) === BACKSLASH; k--) slashes++;
      if (quote < 0) {
        this.escaped = slashes % 2 === 1;
        return -1;
      }
      i = quote + 1;
      if (slashes % 2 === 0) {
        this.inString = false;
        this.afterString = true;
        return i;
      }
    }
  }

  /** Keeps the rest of the chunk for an element that goes on in the next one. */
  private hold(chunk: Buffer, from: number, max: number): number {
    const room = max - this.heldLength;
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

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
