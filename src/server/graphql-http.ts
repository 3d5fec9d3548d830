import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { messageOf } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError } from '../graphql/errors';
import type { Logger } from '../observe/logger';
import type { Authenticate } from './authenticate';

export interface GraphqlHttpParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  subscriptions: Context['subscriptions'];
  introspection: boolean;
  sandbox: boolean;
  log: Logger;
}

/** GraphQL over HTTP at /graphql, with Apollo Sandbox as the page that a browser sees there. */
export async function addGraphqlHttp(
  app: FastifyInstance,
  parts: GraphqlHttpParts,
): Promise<ApolloServer<Context>> {
  const apollo = new ApolloServer<Context>({
    schema: parts.schema,
    introspection: parts.introspection,
    hideSchemaDetailsFromClientErrors: !parts.introspection,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    formatError: (formatted, error) =>
      formatGraphQLError(formatted, error, null, (unknown) => tell(parts.log, unknown)),
    plugins: [
      fastifyApolloDrainPlugin(app),
      parts.sandbox
        ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false }, footer: false })
        : ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await apollo.start();
  const handler = fastifyApolloHandler(apollo, {
    context: async (request): Promise<Context> => ({
      caller: await parts.authenticate(request.headers.authorization),
      requestId: request.id,
      ip: request.ip,
      subscriptions: parts.subscriptions,
    }),
  });
  app.route({ url: '/graphql', method: ['GET', 'POST'], handler });
  app.get('/sandbox', async (_, reply) => reply.redirect('/graphql'));
  return apollo;
}

function tell(log: Logger, error: unknown): void {
  log.error({ error: messageOf(error), stack: (error as Error | undefined)?.stack }, 'an operation failed');
}
