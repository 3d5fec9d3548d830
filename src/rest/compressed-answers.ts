import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Below, the headers cost more than is won. */
const LEAST_BYTES = 1_024;

const gzipAsync = promisify(gzip);

/** Has a scope compress what it answers to reads, for those who ask by Accept-Encoding. */
export function compressAnswers(scope: FastifyInstance): void {
  scope.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || typeof payload !== 'string') return payload;
    varyBy(reply, 'accept-encoding');
    if (Buffer.byteLength(payload) < LEAST_BYTES || !takesGzip(request.headers['accept-encoding']))
      return payload;
    reply.header('content-encoding', 'gzip');
    reply.removeHeader('content-length');
    return gzipAsync(payload);
  });
}

/** Tells caches by which header of the request an answer was chosen. */
export function varyBy(reply: FastifyReply, header: string): void {
  const before = reply.getHeader('vary');
  reply.header('vary', before ? `${String(before)}, ${header}` : header);
}

/** Whether Accept-Encoding (RFC 9110, 12.5.3) has gzip in it with a weight above nothing. */
function takesGzip(header: string | string[] | undefined): boolean {
  const weights = new Map(
    String(header ?? '')
      .toLowerCase()
      .split(',')
      .map((item): [string, number] => {
        const [coding = '', ...parameters] = item.split(';').map((part) => part.trim());
        const weight = parameters.find((parameter) => parameter.startsWith('q='));
        return [coding, weight ? Number(weight.slice(2)) : 1];
      }),
  );
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}
