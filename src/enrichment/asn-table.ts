import { createReadStream } from 'node:fs';
import { parseAddress } from '../domain/address';
import { Permanent } from '../domain/errors';
import type { Network } from '../domain/event';

/** A chunk of this size is parsed in a few milliseconds; between chunks the event loop is free. */
const CHUNK_BYTES = 128 * 1024;
const READ_DEADLINE_MS = 60_000;
const FIRST_CAPACITY = 1 << 16;

/**
 * Address ranges of one family and the network of each, sorted, in typed arrays: 32-bit words, one for an IPv4
 * address, four for an IPv6 address. Half a million ranges take 12 MB and are searched in about 20 steps.
 */
export class AsnTable {
  #starts: Uint32Array;
  #ends: Uint32Array;
  #networkOf = new Uint32Array(FIRST_CAPACITY);
  readonly #networks: Network[] = [];
  #size = 0;

  private constructor(readonly words: 1 | 4) {
    this.#starts = new Uint32Array(FIRST_CAPACITY * words);
    this.#ends = new Uint32Array(FIRST_CAPACITY * words);
  }

  /**
   * Reads lines `first address,last address,asn,organisation` in ascending order of the first (where ranges overlap,
   * the later line holds). Throws Permanent, with the line's number, where a line is something else; what `fs` throws
   * where the file can't be read within 60 s.
   */
  static async read(path: string, words: 1 | 4): Promise<AsnTable> {
    const table = new AsnTable(words);
    // The text after the second comma stands for the network: equal text, one object.
    const known = new Map<string, number>();
    const signal = AbortSignal.timeout(READ_DEADLINE_MS);
    let rest = '';
    for await (const chunk of createReadStream(path, {
      encoding: 'utf8',
      highWaterMark: CHUNK_BYTES,
      signal,
    })) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) table.#add(line, known, path);
    }
    if (rest !== '') table.#add(rest, known, path);
    table.#resize(table.#size);
    return table;
  }

  get size(): number {
    return this.#size;
  }

  /** The network that the address (16 bytes, of this table's family) is in, or null. */
  find(bytes: Uint8Array): Network | null {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(bytes, this.#starts, middle) >= 0) low = middle + 1;
      else high = middle;
    }
    const row = low - 1;
    if (row < 0 || this.#compare(bytes, this.#ends, row) > 0) return null;
    return this.#networks[this.#networkOf[row] ?? -1] ?? null;
  }

  #add(line: string, known: Map<string, number>, path: string): void {
    const first = line.indexOf(',');
    const second = line.indexOf(',', first + 1);
    const start = parseAddress(line.slice(0, first));
    const end = parseAddress(line.slice(first + 1, second));
    const row = this.#size;
    const rising = start && (row === 0 || this.#compare(start, this.#starts, row - 1) > 0);
    if (first < 0 || second < 0 || !start || !end || !rising) {
      throw new Permanent(
        `${path} line ${row + 1} is not a range after the one before it, a number and a name`,
      );
    }
    if (row === this.#networkOf.length) this.#resize(row * 2);
    this.#put(start, this.#starts, row);
    this.#put(end, this.#ends, row);
    this.#networkOf[row] = this.#intern(line.slice(second + 1), known);
    this.#size = row + 1;
  }

  #intern(text: string, known: Map<string, number>): number {
    const have = known.get(text);
    if (have !== undefined) return have;
    const comma = text.indexOf(',');
    const asn = Number(text.slice(0, comma));
    // Copied, since a slice would keep the whole chunk of the file in memory.
    const name = Buffer.from(unquote(text.slice(comma + 1))).toString();
    const index = this.#networks.push(
      Object.freeze({
        asn: comma > 0 && Number.isInteger(asn) && asn > 0 ? asn : null,
        organization: name || null,
      }),
    );
    known.set(text, index - 1);
    return index - 1;
  }

  #resize(rows: number): void {
    const resized = (array: Uint32Array, length: number) => {
      const copy = new Uint32Array(length);
      copy.set(array.subarray(0, length));
      return copy;
    };
    this.#starts = resized(this.#starts, rows * this.words);
    this.#ends = resized(this.#ends, rows * this.words);
    this.#networkOf = resized(this.#networkOf, rows);
  }

  #put(bytes: Uint8Array, array: Uint32Array, row: number): void {
    for (let i = 0; i < this.words; i++) array[row * this.words + i] = word(bytes, 4 - this.words + i);
  }

  #compare(bytes: Uint8Array, array: Uint32Array, row: number): number {
    for (let i = 0; i < this.words; i++) {
      const difference = word(bytes, 4 - this.words + i) - (array[row * this.words + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

/** The i-th of the four 32-bit words of an address. */
function word(bytes: Uint8Array, i: number): number {
  const at = i * 4;
  const low = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return (bytes[at] ?? 0) * 0x1000000 + low;
}

function unquote(field: string): string {
  return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
}
