import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PartResult } from '../domain/batch';
import { isGzip } from '../domain/envelopes/record-texts';
import { Invalid, messageOf, Unauthenticated, Unavailable } from '../domain/errors';
import { Slots } from '../domain/slots';
import type { Source } from '../domain/source';
import { answerPushError, pushAnswer, TooLarge, UnknownEncoding } from './push-answers';
import { credentialOf, type PushCredential } from './push-credentials';
import { type SubscriptionParts, takeSubscription } from './push-subscription';

export interface PushDoorParts extends SubscriptionParts {
  /** The source of that id. */
  source: (id: string) => Promise<Source | null>;
  /** @throws Unauthenticated or Forbidden where the credential does not open this source */
  admit: (source: Source, credential: PushCredential) => Promise<void>;
  /** Stores the records in a body, whatever they are wrapped in; with `each` tells what became of each. */
  submit: (source: Source, body: Buffer, options: { each: boolean }) => Promise<PartResult>;
}

/** As sent. */
export const MAX_SENT_BYTES = 8 * 1024 * 1024;
export const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
/** Inflating takes up to 64 MiB each: so many at a time, and so many others wait with their 8 MiB. */
const INFLATING_AT_A_TIME = 4;
const BODIES_AT_A_TIME = 64;

const gunzipAsync = promisify(gunzip);

/**
 * `POST /ingest/:sourceId`: takes records in all the shapes that AWS sends them in, gzip or plain, recognised by what
 * they are and not by what their headers say, and answers when they are stored. `?results=each` asks for the outcome
 * of each record.
 */
export async function addPushDoor(app: FastifyInstance, parts: PushDoorParts): Promise<void> {
  let bodies = 0;
  const inflating = new Slots(INFLATING_AT_A_TIME);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_SENT_BYTES }, (_, body, done) =>
      done(null, body),
    );
    scope.setErrorHandler((error, request, reply) => answerPushError(error, request, reply));
    scope.post<{ Params: { sourceId: string } }>('/ingest/:sourceId', {
      bodyLimit: MAX_SENT_BYTES,
      // Whoever may not enter is turned away before the body is read.
      onRequest: async (request) => {
        const credential = credentialOf(request.headers, request.query);
        const source = await parts.source(request.params.sourceId);
        if (!source) throw new Unauthenticated('There is no such source, or the token is not its own.');
        await parts.admit(source, credential);
        request.pushSource = source;
      },
      handler: async (request) => {
        const source = request.pushSource;
        if (!source) throw new Error('the door was passed without a source');
        if (source.state === 'PAUSED') throw new Unavailable('The source is paused.', 60);
        if (bodies >= BODIES_AT_A_TIME) throw new Unavailable('The door is busy: send it again.');
        const each = wantsEach(request);
        bodies++;
        try {
          const body = await inflated(request, inflating);
          const subscription = await takeSubscription(source, body, parts);
          return subscription ?? pushAnswer(request, await parts.submit(source, body, { each }), each);
        } finally {
          bodies--;
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

function wantsEach({ query }: FastifyRequest): boolean {
  const { results } = query as { results?: unknown };
  if (results === undefined) return false;
  if (results !== 'each') throw new Invalid('`results` takes one value, `each`: the outcome of each record.');
  return true;
}

async function inflated({ body, headers }: FastifyRequest, slots: Slots): Promise<Buffer> {
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new Invalid('The body is empty: expected CloudTrail records, as {"Records":[...]} for example.');
  // Proxies that inflate may leave the header, and files that are gzip come without one: the bytes tell.
  if (isGzip(body)) {
    await slots.acquire();
    try {
      return await gunzipped(body);
    } finally {
      slots.release();
    }
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && !/^(x-)?gzip$|^identity$/i.test(encoding))
    throw new UnknownEncoding('This Content-Encoding is not taken: send gzip, or plain.');
  return body;
}

async function gunzipped(body: Buffer): Promise<Buffer> {
  try {
    return await gunzipAsync(body, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new TooLarge(
        `The body holds more than ${MAX_INFLATED_BYTES} bytes once inflated: send it in several.`,
      );
    throw new Invalid(`The gzip data is broken: ${messageOf(error)}.`);
  }
}
