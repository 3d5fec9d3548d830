import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from '../observe/logger';

/**
 * The wide line of every HTTP request, by its route and without what it carried. `info` for what stores records and for
 * what fails on our side; the rest is `debug`: mutations stand in the audit log, by the same request id.
 */
export function logRequests(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode: status } = reply;
    const level = status >= 500 || isPush(request) ? 'info' : 'debug';
    if (!log.isLevelEnabled(level)) return;
    log[level](
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        sourceId: request.pushSource?._id ?? null,
        status,
        bytes: Number(request.headers['content-length'] ?? 0) || null,
        durationMs: Math.round(reply.elapsedTime),
        ip: request.ip,
      },
      'request answered',
    );
  });
}

function isPush({ routeOptions: { url } }: FastifyRequest): boolean {
  return url?.startsWith('/ingest/') === true;
}
