import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isGzip } from '../domain/envelopes/record-texts';
import { Invalid, messageOf, Unavailable } from '../domain/errors';
import { Slots } from '../domain/slots';
import { TooLarge, UnknownEncoding } from './http-status';

/** Of a body of records, as sent and once inflated. */
export const MAX_SENT_BYTES = 8 * 1024 * 1024;
export const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/** Inflating takes up to 64 MiB each: so many at a time, and so many others wait with their 8 MiB. */
const INFLATING_AT_A_TIME = 4;
const BODIES_AT_A_TIME = 64;

const gunzipAsync = promisify(gunzip);

/** Has a scope give bodies as the bytes that came, whatever their content type says. */
export function takeBytes(scope: FastifyInstance, maxBytes: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBytes }, (_, body, done) =>
    done(null, body),
  );
}

/**
 * The bytes of a body, inflated where they are gzip; empty where there is none.
 * @throws TooLarge, UnknownEncoding, Invalid where the gzip data is broken
 */
export async function sentBytes({ body, headers }: FastifyRequest, maxInflated: number): Promise<Buffer> {
  if (!Buffer.isBuffer(body)) return Buffer.alloc(0);
  // Proxies that inflate may leave the header, and files that are gzip come without one: the bytes tell.
  if (isGzip(body)) return gunzipped(body, maxInflated);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && !/^(x-)?gzip$|^identity$/i.test(encoding))
    throw new UnknownEncoding('This Content-Encoding is not taken: send gzip, or plain.');
  return body;
}

async function gunzipped(body: Buffer, maxInflated: number): Promise<Buffer> {
  try {
    return await gunzipAsync(body, { maxOutputLength: maxInflated });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new TooLarge(`The body holds more than ${maxInflated} bytes once inflated: send it in several.`);
    throw new Invalid(`The gzip data is broken: ${messageOf(error)}.`);
  }
}

/** Bodies of records under way, bounded over all doors that share it. */
export class RecordBodies {
  private underWay = 0;
  private readonly inflating = new Slots(INFLATING_AT_A_TIME);

  /**
   * Works on the bytes of a request's body.
   * @throws Unavailable where too many are under way, and what `sentBytes` throws
   */
  async use<T>(request: FastifyRequest, work: (bytes: Buffer) => Promise<T>): Promise<T> {
    if (this.underWay >= BODIES_AT_A_TIME) throw new Unavailable('The door is busy: send it again.');
    this.underWay++;
    try {
      return await work(await this.bytes(request));
    } finally {
      this.underWay--;
    }
  }

  private async bytes(request: FastifyRequest): Promise<Buffer> {
    if (!Buffer.isBuffer(request.body) || !isGzip(request.body))
      return sentBytes(request, MAX_INFLATED_BYTES);
    await this.inflating.acquire();
    try {
      return await sentBytes(request, MAX_INFLATED_BYTES);
    } finally {
      this.inflating.release();
    }
  }
}
