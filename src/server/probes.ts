import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../observe/metrics';
import { describedOnly, jsonAnswer, objectOf, textAnswer } from '../rest/route-description';
import type { HealthCheck } from './health';

const TAGS = ['health'];
const HEALTH = {
  ...objectOf({
    status: { type: 'string', enum: ['UNKNOWN', 'HEALTHY', 'DEGRADED', 'FAILING'] },
    version: { type: 'string' },
    components: { type: 'array', items: { type: 'object' } },
  }),
  additionalProperties: true,
};

/** `/livez`, `/readyz` and `/metrics`. */
export async function addProbes(
  app: FastifyInstance,
  { health, metrics }: { health: HealthCheck; metrics: Metrics },
): Promise<void> {
  await app.register(async (scope) => {
    describedOnly(scope);
    const alive = jsonAnswer('It does.', objectOf({ status: { type: 'string', const: 'ok' } }));
    const livez = { tags: TAGS, operationId: 'livez', summary: 'Whether the process answers' };
    scope.get('/livez', { schema: { ...livez, response: { 200: alive } } }, async () => ({ status: 'ok' }));

    const ready = { 200: jsonAnswer('It can.', HEALTH), 503: jsonAnswer('The database is away.', HEALTH) };
    const readyz = { tags: TAGS, operationId: 'readyz', summary: 'Whether it can work, part by part' };
    scope.get('/readyz', { schema: { ...readyz, response: ready } }, async (_, reply) => {
      const state = await health.check();
      return reply.code(state.status === 'FAILING' ? 503 : 200).send(state);
    });

    const figures = { tags: TAGS, operationId: 'metrics', summary: 'Figures for Prometheus' };
    const told = { 200: textAnswer('In the text format of Prometheus.') };
    scope.get('/metrics', { schema: { ...figures, response: told } }, async (_, reply) => {
      // What answers, if slowly, has no message.
      for (const { name, message } of (await health.check()).components)
        metrics.component(name.replaceAll(' ', '_'), message === null);
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text());
    });
  });
}
