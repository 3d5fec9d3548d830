import type { FastifyInstance, HTTPMethods } from 'fastify';
import { WrongMethod } from './http-status';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];

/** Has a path answer all other methods with 405 and `Allow`, before anything of the request is read. */
export function refuseOtherMethods(scope: FastifyInstance, url: string, allowed: HTTPMethods[]): void {
  const allow = allowed.includes('GET') ? [...allowed, 'HEAD' as const] : allowed;
  scope.route({
    url,
    method: METHODS.filter((method) => !allow.includes(method)),
    onRequest: async (request, reply) => {
      reply.header('allow', allow.join(', '));
      throw new WrongMethod(`${request.method} is not for this path: it takes ${allow.join(', ')}.`);
    },
    handler: async () => undefined,
  });
}
