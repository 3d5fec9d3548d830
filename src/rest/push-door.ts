import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PartResult } from '../domain/batch';
import {
  Forbidden,
  Invalid,
  messageOf,
  NotFound,
  RateLimited,
  Unauthenticated,
  Unavailable,
} from '../domain/errors';
import type { Source } from '../domain/source';

export interface PushDoorParts {
  /** The source of that id. */
  source: (id: string) => Promise<Source | null>;
  /** @throws Unauthenticated or Forbidden where the header does not open this source */
  admit: (source: Source, authorization: string | undefined) => Promise<void>;
  /** Stores the records of a JSON text. */
  submit: (source: Source, text: Buffer) => Promise<PartResult>;
}

/** As sent. */
export const MAX_SENT_BYTES = 8 * 1024 * 1024;
export const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/** Inflating takes memory: so many at a time, the others wait outside. */
const INFLATING_AT_A_TIME = 4;

const gunzipAsync = promisify(gunzip);

/** `POST /ingest/:sourceId`: takes `{"Records":[...]}`, plain or gzip, and answers when it is stored. */
export async function addPushDoor(app: FastifyInstance, parts: PushDoorParts): Promise<void> {
  let inflating = 0;
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_SENT_BYTES }, (_, body, done) =>
      done(null, body),
    );
    scope.setErrorHandler((error, request, reply) => answerError(error, request, reply));
    scope.post<{ Params: { sourceId: string } }>('/ingest/:sourceId', {
      bodyLimit: MAX_SENT_BYTES,
      // Whoever may not enter is turned away before the body is read.
      onRequest: async (request) => {
        const source = await parts.source(request.params.sourceId);
        if (!source) throw new Unauthenticated('There is no such source, or the token is not its own.');
        await parts.admit(source, request.headers.authorization);
        request.pushSource = source;
      },
      handler: async (request) => {
        const source = request.pushSource;
        if (!source) throw new Error('the door was passed without a source');
        if (source.state === 'PAUSED') throw new Unavailable('The source is paused.', 60);
        if (inflating >= INFLATING_AT_A_TIME * 16) throw new Unavailable('The door is busy: send it again.');
        inflating++;
        try {
          const text = await inflated(request.body as Buffer | undefined);
          const { rejections, rejected, ...counts } = await parts.submit(source, text);
          return { ...counts, rejected, rejections };
        } finally {
          inflating--;
        }
      },
    });
  });
}

declare module 'fastify' {
  interface FastifyRequest {
    pushSource?: Source;
  }
}

async function inflated(body: Buffer | undefined): Promise<Buffer> {
  if (!body || body.length === 0) throw new Invalid('The body is empty: expected {"Records":[...]}.');
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return await gunzipAsync(body, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLarge();
    throw new Invalid(`The gzip data is broken: ${messageOf(error)}.`);
  }
}

class TooLarge extends Error {
  override name = 'TooLarge';
  constructor() {
    super(`The body holds more than ${MAX_INFLATED_BYTES} bytes once inflated: send it in several.`);
  }
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusOf(error);
  if (error instanceof Unavailable || error instanceof RateLimited)
    reply.header('retry-after', String(error.retryAfterSeconds));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 500) request.log.error({ error: messageOf(error) }, 'a push failed');
  const known = status !== 500;
  const message = known
    ? messageOf(error)
    : 'Something went wrong on our side; send it again, nothing is stored twice.';
  return reply.code(status).send({ error: true, message, requestId: request.id });
}

function statusOf(error: unknown): number {
  if (error instanceof Invalid) return 400;
  if (error instanceof Unauthenticated) return 401;
  if (error instanceof Forbidden) return 403;
  if (error instanceof NotFound) return 404;
  if (error instanceof TooLarge) return 413;
  if (error instanceof RateLimited) return 429;
  if (error instanceof Unavailable || isDatabaseAway(error)) return 503;
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

function isDatabaseAway(error: unknown): boolean {
  return /^Mongo.*(Selection|Network|Pool|NotConnected|Timeout)/.test(
    String((error as { name?: unknown }).name),
  );
}
