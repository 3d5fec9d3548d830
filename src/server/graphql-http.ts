import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { messageOf } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError, mapError, UNKNOWN_FAILURE, withoutSuggestion } from '../graphql/errors';
import type { AddressOf } from '../net/client-address';
import type { Logger } from '../observe/logger';
import type { Admission } from './admission';
import type { Authenticate } from './authenticate';
import { askedIn, type HttpContext, TELL_AND_SUBSTITUTE } from './http-admission';
import type { Told } from './request-rates';
import { RETRY_AFTER } from './retry-after';
import { sandboxHeaders } from './security-headers';

export interface GraphqlHttpParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  /** Where a request comes from, by its socket and its headers. */
  addressOf: AddressOf;
  admission: Admission;
  subscriptions: Context['subscriptions'];
  introspection: boolean;
  sandbox: boolean;
  log: Logger;
}

/** Apollo would run one as if it were a query. */
const NO_SUBSCRIPTIONS: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    didResolveOperation: async ({ operation }) => {
      if (operation?.operation !== 'subscription') return;
      throw new GraphQLError('Subscriptions run over WebSocket (graphql-transport-ws) at this same path.', {
        extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
      });
    },
  }),
};

/** GraphQL over HTTP at /graphql, with Apollo Sandbox as the page that a browser sees there. */
export async function addGraphqlHttp(
  app: FastifyInstance,
  parts: GraphqlHttpParts,
): Promise<ApolloServer<HttpContext>> {
  const requests = new RequestIds();
  const told = new WeakMap<FastifyRequest, Told>();
  const apollo = new ApolloServer<HttpContext>({
    schema: parts.schema,
    introspection: parts.introspection,
    hideSchemaDetailsFromClientErrors: !parts.introspection,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    persistedQueries: false, // Ours are the same over WebSocket.
    formatError: (formatted, error) => {
      const { requestId, anonymous } = requests.of(error);
      const answer = formatGraphQLError(formatted, error, requestId, (unknown) =>
        tell(parts.log, unknown, requestId),
      );
      return anonymous ? withoutSuggestion(answer) : answer;
    },
    plugins: [
      requests.plugin,
      NO_SUBSCRIPTIONS,
      RETRY_AFTER,
      TELL_AND_SUBSTITUTE,
      fastifyApolloDrainPlugin(app),
      parts.sandbox
        ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false }, footer: false })
        : ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await apollo.start();
  const handler = fastifyApolloHandler(apollo, {
    context: async (request): Promise<HttpContext> => {
      const toTell: Told = {};
      told.set(request, toTell);
      try {
        return await contextOf(request, parts, toTell);
      } catch (error) {
        throw requests.note(refusal(error), request.id, true);
      }
    },
  });
  app.route({
    url: '/graphql',
    method: ['GET', 'POST'],
    handler,
    onSend: async (request, reply, payload) => {
      const page = String(reply.getHeader('content-type')).startsWith('text/html');
      if (page && typeof payload === 'string') reply.headers(sandboxHeaders(payload));
      return stampRefusal(request, reply, payload, told.get(request));
    },
    errorHandler: (error, request, reply) => refuse(error, request, reply, parts.log),
  });
  if (parts.sandbox) app.get('/sandbox', async (_, reply) => reply.redirect('/graphql'));
  return apollo;
}

/** @throws what admission throws, Unauthenticated where the caller's token does not hold */
async function contextOf(request: FastifyRequest, parts: GraphqlHttpParts, told: Told): Promise<HttpContext> {
  const ip = parts.addressOf(request.socket.remoteAddress, request.headers['x-forwarded-for']);
  const caller = await parts.authenticate(request.headers.authorization).catch(async (error: unknown) => {
    await parts.admission.countRefusal(ip, told);
    throw error;
  });
  const { text } = await parts.admission.admit(askedIn(request), { caller, ip }, told);
  return { caller, requestId: request.id, ip, subscriptions: parts.subscriptions, text, told };
}

/** Which request an error belongs to: Apollo formats errors without telling. */
class RequestIds {
  private readonly known = new WeakMap<object, { requestId: string; anonymous: boolean }>();

  readonly plugin: ApolloServerPlugin<Context> = {
    requestDidStart: async () => ({
      didEncounterErrors: async ({ errors, contextValue }) => {
        for (const error of errors) this.note(error, contextValue.requestId, contextValue.caller === null);
      },
    }),
  };

  note<E extends object>(error: E, requestId: string, anonymous: boolean): E {
    this.known.set(error, { requestId, anonymous });
    return error;
  }

  of(error: unknown): { requestId: string | null; anonymous: boolean } {
    const known = typeof error === 'object' && error !== null ? this.known.get(error) : undefined;
    return known ?? { requestId: null, anonymous: true };
  }
}

/** HTTP's statuses for what is refused before it runs. Clients of persisted queries expect 200 and look at the code. */
const REFUSAL_STATUS: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
  RATE_LIMITED: 429,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  COST_LIMIT_EXCEEDED: 400,
  PERSISTED_QUERY_NOT_FOUND: 200,
  PERSISTED_QUERY_NOT_SUPPORTED: 200,
};

/** Why a request goes no further, with the status that HTTP has for it. */
function refusal(error: unknown): GraphQLError {
  const { code, retryAfterSeconds } = mapError(error)?.extensions ?? {};
  const status = REFUSAL_STATUS[String(code)] ?? 500;
  const headers = new HeaderMap();
  if (typeof retryAfterSeconds === 'number') headers.set('retry-after', String(retryAfterSeconds));
  const originalError = error instanceof Error ? error : new Error(messageOf(error));
  return new GraphQLError(originalError.message, {
    originalError,
    extensions: { http: { status, headers } },
  });
}

/** What is refused before there is an operation (CSRF, no JSON, a batch, a limit) tells no request id or rate yet. */
async function stampRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  told: Told | undefined,
): Promise<unknown> {
  if (reply.statusCode < 400 || typeof payload !== 'string' || !payload.startsWith('{')) return payload;
  const { errors, extensions } = JSON.parse(payload) as {
    errors?: GraphQLFormattedError[];
    extensions?: object;
  };
  if (!errors || extensions) return payload;
  const stamped = errors.map((error) => ({
    ...error,
    extensions: { ...error.extensions, requestId: request.id },
  }));
  return JSON.stringify({ errors: stamped, ...(told?.rateLimit ? { extensions: told } : {}) });
}

const TOO_LARGE =
  'The body is larger than 1 MiB, the most that is taken here: send records to /ingest, or in several requests.';

/** A body that Fastify did not even hand on (too long, no JSON) is answered as GraphQL errors too. */
function refuse(
  error: { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const { statusCode = 500 } = error;
  const callersOwn = statusCode >= 400 && statusCode < 500;
  if (!callersOwn) tell(log, error, request.id);
  const extensions = {
    code: callersOwn ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR',
    requestId: request.id,
  };
  const message = statusCode === 413 ? TOO_LARGE : callersOwn ? messageOf(error) : UNKNOWN_FAILURE;
  return reply.code(callersOwn ? statusCode : 500).send({ errors: [{ message, extensions }] });
}

function tell(log: Logger, error: unknown, requestId: string | null): void {
  log.error(
    { requestId, error: messageOf(error), stack: (error as Error | undefined)?.stack },
    'an operation failed',
  );
}
