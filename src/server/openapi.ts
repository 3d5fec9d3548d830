import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

const DESCRIPTION =
  'The HTTP doors beside the GraphQL API at /graphql: records that are pushed, the APIs of two older programs that ' +
  'TrailGraph stands in for (/v1, /sources), and health.';

/** Collects the descriptions of all routes that are added from now on and have a tag; they are served at /openapi.json. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    hideUntagged: true,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'TrailGraph', version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      tags: [
        { name: 'push', description: 'Records that are pushed; docs/push.md.' },
        { name: 'enrichment', description: 'The enrichment API; docs/rest.md.' },
        { name: 'sources', description: 'The API of the forwarder; docs/rest.md.' },
        { name: 'health', description: 'For supervisors, load balancers and Prometheus.' },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'An access token, as login gives it; at the push door also the ingest token of the source.',
          },
          ingestPassword: { type: 'http', scheme: 'basic', description: 'The ingest token as the password.' },
          firehoseKey: { type: 'apiKey', in: 'header', name: 'X-Amz-Firehose-Access-Key' },
          ingestQuery: { type: 'apiKey', in: 'query', name: 'token' },
        },
      },
    },
  });
  app.get('/openapi.json', async () => app.swagger());
}
