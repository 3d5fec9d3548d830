import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../observe/logger';
import { compressAnswers } from '../compressed-answers';
import { describedOnly, jsonAnswer, objectOf } from '../route-description';
import { takeBytes } from '../sent-body';
import { refuseOtherMethods } from '../wrong-methods';
import { type AccountRoutesParts, addAccountRoutes, MAX_ACCOUNT_BYTES } from './account-routes';
import { answer, answerError } from './answers';
import { envelopeOf } from './descriptions';
import { MESSAGES } from './messages';
import { addRecordRoutes, type RecordRoutesParts } from './record-routes';

export type EnrichmentApiParts = AccountRoutesParts & RecordRoutesParts & { log: Logger };

/**
 * The API of the enrichment program that TrailGraph stands in for, under /v1: its paths, status codes, envelope and
 * messages, over our own accounts, gate and store. docs/rest.md lists where it differs.
 */
export async function addEnrichmentApi(app: FastifyInstance, parts: EnrichmentApiParts): Promise<void> {
  await app.register(
    async (scope) => {
      describedOnly(scope);
      takeBytes(scope, MAX_ACCOUNT_BYTES);
      compressAnswers(scope);
      scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, parts.log));
      scope.setNotFoundHandler((request, reply) =>
        answer(request, reply, { status: 404, message: MESSAGES.notFound }),
      );
      addHealth(scope);
      addAccountRoutes(scope, parts);
      addRecordRoutes(scope, parts);
    },
    { prefix: '/v1' },
  );
}

function addHealth(scope: FastifyInstance): void {
  scope.get('/health', {
    schema: {
      tags: ['enrichment'],
      operationId: 'enrichmentHealth',
      summary: 'Whether the API answers',
      description: 'Says no more than that it answers; /readyz looks at what it rests on.',
      response: {
        200: jsonAnswer(
          'It does.',
          envelopeOf(objectOf({ status: { type: 'string' }, uptime: { type: 'string' } })),
        ),
      },
    },
    handler: async (request, reply) =>
      answer(request, reply, {
        message: MESSAGES.healthy,
        data: { status: 'OK', uptime: 'server is running' },
      }),
  });
  refuseOtherMethods(scope, '/health', ['GET']);
}
