import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import cors from '@fastify/cors';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { messageOf } from '../domain/errors';
import type { Cidr } from '../net/address-guard';
import { isIn } from '../net/client-address';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { HealthCheck } from './health';
import { addOpenApi } from './openapi';
import type { Origins } from './origins';
import { addProbes } from './probes';
import { logRequests } from './request-log';
import { measureRequests } from './request-metrics';
import { addSecurityHeaders, BARE_ANSWER_HEADERS, PAGE_POLICIES } from './security-headers';
import { type TlsPair, tlsOptions } from './tls';

export interface HttpServerParts {
  health: HealthCheck;
  metrics: Metrics;
  version: string;
  origins: Origins;
  /** The folder of built pages: `home` and `graphiql` in it. */
  webRoot: string;
  graphiql: boolean;
  sandbox: boolean;
  /** Reverse proxies whose X-Forwarded-For is believed. */
  trustProxy: readonly Cidr[];
  /** What it is served with by HTTPS; null: plain HTTP. */
  tls: TlsPair | null;
  log: Logger;
}

const BODY_LIMIT = 1024 * 1024;
const REQUEST_MS = 30_000;
/** For a client that opens a connection and says nothing. */
const HANDSHAKE_MS = 10_000;
const CLOSE_IDLE_MS = 5_000;

/** The HTTP server with what is not GraphQL: pages, health, metrics. Readiness is switched off before it closes. */
export async function createHttpServer(parts: HttpServerParts): Promise<FastifyInstance> {
  const { tls } = parts;
  const app = Fastify({
    ...(tls ? { https: { ...tlsOptions(tls), handshakeTimeout: HANDSHAKE_MS } } : {}),
    loggerInstance: undefined,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: CLOSE_IDLE_MS,
    forceCloseConnections: 'idle',
    trustProxy: (address) => isIn(address, parts.trustProxy),
    genReqId: () => randomUUID(),
    routerOptions: { ignoreTrailingSlash: true },
    // A path that can't be decoded, or is too long: no hook runs for it.
    frameworkErrors: ({ statusCode = 400, message }, { id }, reply: FastifyReply) => {
      const headers = { ...BARE_ANSWER_HEADERS, 'x-request-id': id };
      void reply.code(statusCode).headers(headers).send({ error: true, message, requestId: id });
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  await addSecurityHeaders(app);
  measureRequests(app, parts.metrics);
  logRequests(app, parts.log);
  app.setErrorHandler((error: { statusCode?: number; message?: string }, request, reply) => {
    const status =
      error.statusCode && error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500)
      parts.log.error(
        { requestId: request.id, url: request.url.split('?')[0], error: messageOf(error) },
        'a request failed',
      );
    const message =
      status === 500
        ? 'Something went wrong on our side; the log has it under this request id.'
        : messageOf(error);
    return reply.code(status).send({ error: true, message, requestId: request.id });
  });
  await app.register(cors, {
    delegator: (request, callback) => {
      const { origin, host } = request.headers;
      callback(null, {
        origin: parts.origins.allows(origin, host) ? (origin ?? false) : false,
        credentials: true,
        methods: ['GET', 'HEAD', 'POST', 'DELETE'],
        exposedHeaders: ['retry-after', 'x-request-id'],
        maxAge: 600,
      });
    },
  });
  await addOpenApi(app, parts.version);
  await addProbes(app, parts);
  await addPages(app, parts);
  return app;
}

async function addPages(
  app: FastifyInstance,
  { webRoot, graphiql, sandbox }: HttpServerParts,
): Promise<void> {
  app.get('/places.json', async () => ({ graphiql, sandbox }));
  const underPolicy = (policy: string) => ({
    setHeaders: (response: { setHeader(name: string, value: string): unknown }) =>
      response.setHeader('content-security-policy', policy),
  });
  await app.register(fastifyStatic, {
    root: join(webRoot, 'home'),
    prefix: '/',
    wildcard: false,
    ...underPolicy(PAGE_POLICIES.home),
  });
  if (graphiql) {
    await app.register(fastifyStatic, {
      root: join(webRoot, 'graphiql'),
      prefix: '/graphiql/',
      decorateReply: false,
      wildcard: false,
      ...underPolicy(PAGE_POLICIES.graphiql),
    });
  }
}
