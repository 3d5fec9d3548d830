import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import type { Metrics } from '../observe/metrics';
import type { HealthCheck } from './health';
import { listenAt } from './listen';
import { addProbes } from './probes';
import { addSecurityHeaders } from './security-headers';

export interface WorkerServerParts {
  health: HealthCheck;
  metrics: Metrics;
  host: string;
  /** 0 takes a free one. */
  port: number;
}

const REQUEST_MS = 10_000;

/**
 * `/livez`, `/readyz` and `/metrics` of a worker that serves nothing else.
 * @throws Invalid where the port can't be had
 */
export async function startWorkerServer(
  parts: WorkerServerParts,
): Promise<{ url: string; close(): Promise<void> }> {
  const { health, metrics, host, port } = parts;
  const app = Fastify({ bodyLimit: 1, requestTimeout: REQUEST_MS, forceCloseConnections: true });
  await addSecurityHeaders(app);
  await addProbes(app, { health, metrics });
  await listenAt(app, { host, port, setting: 'METRICS_PORT' });
  const { port: taken } = app.server.address() as AddressInfo;
  return { url: `http://${host}:${taken}`, close: () => app.close() };
}
