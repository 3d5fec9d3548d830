import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../observe/metrics';

/** Parts that answer, by the first step of their routes; whatever else there is are pages. */
const AREAS = new Set(['graphql', 'ingest', 'sources', 'v1', 'livez', 'readyz', 'metrics']);

/** Has every answered HTTP request counted and timed. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    metrics.answered(areaOf(request.routeOptions.url), status, reply.elapsedTime / 1_000);
  });
}

function areaOf(route: string | undefined): string {
  if (route === undefined) return 'unknown';
  const first = route.split('/')[1]!;
  return AREAS.has(first) ? first : 'pages';
}
