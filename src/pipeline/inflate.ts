import { createGunzip } from 'node:zlib';

const INFLATE_CHUNK = 256 * 1024;
/** Deflate reaches 1,032 to 1: what comes of one piece stays under 17 MB. */
const PIECE_BYTES = 16 * 1024;

/** Cuts a stream of bytes anew, into pieces of one size: what comes of them depends on the bytes alone. */
export async function* inPieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    for (; held.length >= PIECE_BYTES; held = held.subarray(PIECE_BYTES)) yield held.subarray(0, PIECE_BYTES);
  }
  if (held.length > 0) yield held;
}

/**
 * Inflates all members of a gzip text. While the caller works on what came of one piece, the next is inflated.
 *
 * Where the data is cut, all that stands before the cut comes out first. Where it is damaged, zlib keeps back what it
 * was making of the damaged piece: the same in every try.
 * @param admit is told the size of each chunk as it is made, and throws where it must not go on
 * @throws whatever `admit` or the source throws; zlib's own errors have a code that begins with `Z_`
 */
export async function* inflate(
  pieces: AsyncIterable<Buffer>,
  admit: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const inflater = new Inflater(admit);
  try {
    let underway: Promise<unknown> = Promise.resolve();
    for await (const piece of pieces) {
      await underway;
      if (inflater.failed) break;
      const ready = inflater.take();
      underway = inflater.write(piece);
      yield* ready;
    }
    await underway;
    await inflater.end();
    yield* inflater.take();
    inflater.throwIfFailed();
  } finally {
    inflater.destroy();
  }
}

class Inflater {
  private readonly gunzip = createGunzip({ chunkSize: INFLATE_CHUNK });
  private readonly closed: Promise<unknown>;
  private made: Buffer[] = [];
  private fault: { error: unknown } | null = null;

  constructor(private readonly admit: (bytes: number) => void) {
    this.closed = new Promise((resolve) => this.gunzip.once('close', resolve));
    this.gunzip.on('error', (error) => this.fail(error));
    // Taken from the stream at once: what waits in it when a fault comes would be thrown away.
    this.gunzip.on('data', (chunk: Buffer) => this.add(chunk));
  }

  get failed(): boolean {
    return this.fault !== null;
  }

  /** Resolves when all that comes of the piece is there to be taken, or there was a fault. Never rejects. */
  write(piece: Buffer): Promise<unknown> {
    const written = new Promise<void>((resolve) => {
      this.gunzip.write(piece, (error) => {
        if (error) this.fail(error);
        resolve();
      });
    });
    return Promise.race([written, this.closed]);
  }

  /** Resolves when everything is there to be taken, or there was a fault. Never rejects. */
  async end(): Promise<void> {
    if (this.fault) return;
    this.gunzip.end();
    await this.closed;
  }

  take(): Buffer[] {
    const taken = this.made;
    this.made = [];
    return taken;
  }

  throwIfFailed(): void {
    if (this.fault) throw this.fault.error;
  }

  destroy(): void {
    this.gunzip.destroy();
  }

  private add(chunk: Buffer): void {
    if (this.fault) return;
    try {
      this.admit(chunk.length);
      this.made.push(chunk);
    } catch (error) {
      this.fail(error);
      this.gunzip.destroy();
    }
  }

  private fail(error: unknown): void {
    this.fault ??= { error };
  }
}
