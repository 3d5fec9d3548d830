import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PartResult } from '../domain/batch';
import { Invalid, Unauthenticated, Unavailable } from '../domain/errors';
import type { Source } from '../domain/source';
import type { Logger } from '../observe/logger';
import { answerPushError, pushAnswer } from './push-answers';
import { credentialOf, type PushCredential } from './push-credentials';
import { PUSH_ROUTE } from './push-route';
import { type SubscriptionParts, takeSubscription } from './push-subscription';
import { describedOnly } from './route-description';
import { MAX_SENT_BYTES, type RecordBodies, takeBytes } from './sent-body';
import { refuseOtherMethods } from './wrong-methods';

export interface PushDoorParts extends SubscriptionParts {
  /** The source of that id. */
  source: (id: string) => Promise<Source | null>;
  /** @throws Unauthenticated or Forbidden where the credential does not open this source */
  admit: (source: Source, credential: PushCredential) => Promise<void>;
  /** Stores the records in a body, whatever they are wrapped in; with `each` tells what became of each. */
  submit: (
    source: Source,
    body: Buffer,
    options: { each: boolean; requestId: string },
  ) => Promise<PartResult>;
  bodies: RecordBodies;
  log: Logger;
}

/**
 * `POST /ingest/:sourceId`: takes records in all the shapes that AWS sends them in, gzip or plain, recognised by what
 * they are and not by what their headers say, and answers when they are stored. `?results=each` asks for the outcome
 * of each record.
 */
export async function addPushDoor(app: FastifyInstance, parts: PushDoorParts): Promise<void> {
  await app.register(async (scope) => {
    describedOnly(scope);
    takeBytes(scope, MAX_SENT_BYTES);
    scope.setErrorHandler((error, request, reply) => answerPushError(error, request, reply, parts.log));
    scope.post<{ Params: { sourceId: string } }>('/ingest/:sourceId', {
      schema: PUSH_ROUTE,
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
        const each = wantsEach(request);
        return parts.bodies.use(request, async (body) => {
          if (body.length === 0)
            throw new Invalid(
              'The body is empty: expected CloudTrail records, as {"Records":[...]} for example.',
            );
          const subscription = await takeSubscription(source, body, parts);
          if (subscription) return subscription;
          const result = await parts.submit(source, body, { each, requestId: request.id });
          return pushAnswer(request, result, each);
        });
      },
    });
    refuseOtherMethods(scope, '/ingest/:sourceId', ['POST']);
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
