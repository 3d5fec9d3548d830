import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { messageOf } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError, mapError, UNKNOWN_FAILURE } from '../graphql/errors';
import type { AddressOf } from '../net/client-address';
import type { Logger } from '../observe/logger';
import type { Authenticate } from './authenticate';
import { RETRY_AFTER } from './retry-after';

export interface GraphqlHttpParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  /** Where a request comes from, by its socket and its headers. */
  addressOf: AddressOf;
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
): Promise<ApolloServer<Context>> {
  const requests = new RequestIds();
  const apollo = new ApolloServer<Context>({
    schema: parts.schema,
    introspection: parts.introspection,
    hideSchemaDetailsFromClientErrors: !parts.introspection,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    formatError: (formatted, error) => {
      const requestId = requests.of(error);
      return formatGraphQLError(formatted, error, requestId, (unknown) =>
        tell(parts.log, unknown, requestId),
      );
    },
    plugins: [
      requests.plugin,
      NO_SUBSCRIPTIONS,
      RETRY_AFTER,
      fastifyApolloDrainPlugin(app),
      parts.sandbox
        ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false }, footer: false })
        : ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await apollo.start();
  const handler = fastifyApolloHandler(apollo, {
    context: async (request): Promise<Context> => ({
      caller: await parts.authenticate(request.headers.authorization).catch((error: unknown) => {
        throw requests.note(refusal(error), request.id);
      }),
      requestId: request.id,
      ip: parts.addressOf(request.socket.remoteAddress, request.headers['x-forwarded-for']),
      subscriptions: parts.subscriptions,
    }),
  });
  app.route({
    url: '/graphql',
    method: ['GET', 'POST'],
    handler,
    onSend: stampRefusal,
    errorHandler: (error, request, reply) => refuse(error, request, reply, parts.log),
  });
  if (parts.sandbox) app.get('/sandbox', async (_, reply) => reply.redirect('/graphql'));
  return apollo;
}

/** Which request an error belongs to: Apollo formats errors without telling. */
class RequestIds {
  private readonly ids = new WeakMap<object, string>();

  readonly plugin: ApolloServerPlugin<Context> = {
    requestDidStart: async () => ({
      didEncounterErrors: async ({ errors, contextValue }) => {
        for (const error of errors) this.note(error, contextValue.requestId);
      },
    }),
  };

  note<E extends object>(error: E, requestId: string): E {
    this.ids.set(error, requestId);
    return error;
  }

  of(error: unknown): string | null {
    return typeof error === 'object' && error !== null ? (this.ids.get(error) ?? null) : null;
  }
}

/** Why nobody could be made of the Authorization header, with the status that HTTP has for it. */
function refusal(error: unknown): GraphQLError {
  const code = mapError(error)?.extensions.code;
  const status = code === 'UNAUTHENTICATED' ? 401 : code === 'UNAVAILABLE' ? 503 : 500;
  const originalError = error instanceof Error ? error : new Error(messageOf(error));
  return new GraphQLError(originalError.message, { originalError, extensions: { http: { status } } });
}

/** What Apollo refuses before there is an operation (CSRF, no JSON, a batch) has no request id yet. */
async function stampRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (reply.statusCode < 400 || typeof payload !== 'string' || payload.includes(request.id)) return payload;
  const { errors } = JSON.parse(payload) as { errors?: GraphQLFormattedError[] };
  if (!errors) return payload;
  const stamped = errors.map((error) => ({
    ...error,
    extensions: { ...error.extensions, requestId: request.id },
  }));
  return JSON.stringify({ errors: stamped });
}

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
  const message = callersOwn ? messageOf(error) : UNKNOWN_FAILURE;
  return reply.code(callersOwn ? statusCode : 500).send({ errors: [{ message, extensions }] });
}

function tell(log: Logger, error: unknown, requestId: string | null): void {
  log.error(
    { requestId, error: messageOf(error), stack: (error as Error | undefined)?.stack },
    'an operation failed',
  );
}
