// Held here because each record takes hundreds: where the global object is a proxy, as under a test runner, a look-up
// of `Math` costs more than the draw itself.
const { imul, floor } = Math;

/** Streams of draws that must not meet: each question about record n has draws of its own. */
export const STREAM = { record: 1, chain: 2, session: 3, insight: 4 } as const;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The two digits of each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** MurmurHash3's 32-bit finaliser: a bijection in which each input bit moves half of the output bits. */
function mix(value: number): number {
  let h = value | 0;
  h = imul(h ^ (h >>> 16), 0x85ebca6b);
  h = imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A counter-based generator: draw k is a hash of (key, k), so a record's draws are reached without those of the
 * records before it. The key is 64 bits. For believable data only, never for secrets.
 */
export class Dice {
  private k = 0;

  private constructor(
    private readonly a: number,
    private readonly b: number,
  ) {}

  /** The draws of one stream at number n (a safe integer) under a seed. */
  static at(seed: number, stream: number, n: number): Dice {
    const low = n >>> 0;
    const high = floor(n / 4294967296) >>> 0;
    const seeded = mix(mix(seed) + floor(seed / 4294967296) + imul(stream, 0x9e3779b1));
    return new Dice(mix(seeded ^ mix(low + 0x51ed270b)), mix(mix(seeded + low) ^ mix(high + 0x2545f491)));
  }

  /** The draws that belong to a name, whatever the seed: what a demo account always owns. */
  static named(name: string): Dice {
    let a = 0x811c9dc5;
    let b = 0x9747b28c;
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i);
      a = imul(a ^ code, 0x01000193);
      b = imul(b + code, 0x5bd1e995) ^ (b >>> 15);
    }
    return new Dice(mix(a), mix(b));
  }

  /** The next 32 bits, unsigned. */
  next(): number {
    this.k = (this.k + 0x9e3779b9) | 0;
    return mix(mix(this.a + this.k) ^ this.b);
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return floor((this.next() / 4294967296) * limit);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 4294967296;
  }

  /** One of a list, which must not be empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  hex(length: number): string {
    let text = '';
    while (text.length < length) {
      const word = this.next();
      text += HEX[word >>> 24]! + HEX[(word >>> 16) & 255]! + HEX[(word >>> 8) & 255]! + HEX[word & 255]!;
    }
    return text.length === length ? text : text.slice(0, length);
  }

  /** A UUID of the shape of version 4. */
  uuid(): string {
    return uuidOf(this.hex(32));
  }

  /** As in the ids of IAM: A-Z and 2-7. */
  base32(length: number): string {
    return this.text(BASE32, 5, length);
  }

  base64(length: number): string {
    return this.text(BASE64, 6, length);
  }

  alphanumeric(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += ALNUM[this.below(36)];
    return text;
  }

  private text(alphabet: string, bits: number, length: number): string {
    const perDraw = floor(32 / bits);
    const mask = alphabet.length - 1;
    let text = '';
    let word = 0;
    for (let i = 0; i < length; i++) {
      word = i % perDraw === 0 ? this.next() : word >>> bits;
      text += alphabet[word & mask];
    }
    return text;
  }
}

/** The UUID (version 4's shape) of 32 hexadecimal digits; six of their bits give way to version and variant. */
export function uuidOf(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
