import type { RawRecord } from '../../domain/records/splitter';

/** As much as the server stores in one slice; far below what its door takes (8 MiB as sent, 64 MiB inflated). */
const MAX_RECORDS = 1_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** Records of one file, or of several small ones, that are sent together. */
export interface Body {
  text: Buffer;
  records: number;
  /** Which records of which files they are, in order. */
  origins: { file: string; first: number; count: number }[];
}

const OPEN = Buffer.from('{"Records":[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']}');

/** Packs records into bodies, across the bounds of files: a trail has many small ones, and a request has its price. */
export class BodyPacker {
  private pieces: Buffer[] = [];
  private bytes = 0;
  private records = 0;
  private origins: Body['origins'] = [];

  /** @returns the body that is full, where this record goes into the next one */
  add(file: string, index: number, record: RawRecord): Body | null {
    const full =
      this.records === MAX_RECORDS || (this.records > 0 && this.bytes + record.bytes.length > MAX_BYTES)
        ? this.take()
        : null;
    // A copy: the record is a view of a far larger chunk that is about to be let go.
    this.pieces.push(this.records === 0 ? OPEN : COMMA, Buffer.from(record.bytes));
    this.bytes += record.bytes.length;
    this.records++;
    const last = this.origins.at(-1);
    if (last?.file === file && last.first + last.count === index) last.count++;
    else this.origins.push({ file, first: index, count: 1 });
    return full;
  }

  /** What is left; null where nothing is. */
  take(): Body | null {
    if (this.records === 0) return null;
    const body = {
      text: Buffer.concat([...this.pieces, CLOSE]),
      records: this.records,
      origins: this.origins,
    };
    this.pieces = [];
    this.bytes = 0;
    this.records = 0;
    this.origins = [];
    return body;
  }
}

/** The file that a record of a body came from, and its place there. */
export function originOf(body: Body, index: number): { file: string; index: number } {
  let left = index;
  for (const { file, first, count } of body.origins) {
    if (left < count) return { file, index: first + left };
    left -= count;
  }
  return { file: 'a file', index };
}
