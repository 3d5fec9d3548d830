import { availableParallelism } from 'node:os';
import { proxyOf, type RunningApi, startApi } from './api';
import { masterKeyFrom } from './auth/secret-box';
import type { Environment } from './config/environment';
import { SECRET_SETTINGS, type Settings } from './config/settings';
import { Core } from './core';
import { Invalid } from './domain/errors';
import { lockDataDir } from './embedded/data-dir-lock';
import { type EmbeddedServers, startEmbeddedServers } from './embedded/embedded-servers';
import { readOrCreateMasterKey } from './embedded/master-key';
import { type Cidr, parseCidrs } from './net/address-guard';
import type { Logger } from './observe/logger';
import { Openings } from './openings';
import type { CrashHook } from './pipeline/crash-points';
import { HealthCheck } from './server/health';
import { startWorkerServer } from './server/worker-server';
import { writeServerNote } from './server-note';
import { valkeyPlace } from './valkey-place';
import { WorkerProcesses } from './worker-processes';
import { guardsOf, type RunningWorker, startWorker } from './workers';

/** What the process that starts TrailGraph decides. */
export interface TrailGraphOptions {
  settings: Settings;
  version: string;
  log: Logger;
  /** Where programs to embed are looked for (PATH) and kept. */
  searchPath: string;
  cacheDir: string;
  /** The folder of built pages. */
  webRoot: string;
  /** What worker processes inherit, and the program that they run; null: the worker runs in this process. */
  workers: { program: string; environment: Environment } | null;
  crash: CrashHook;
}

/** A running TrailGraph. */
export interface TrailGraph {
  core: Core;
  /** Null in a process that is a worker alone. */
  api: RunningApi | null;
  embedded: boolean;
  /** Whether a demo source was made at this start. */
  demoMade: boolean;
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.0/8,::1/128';
const DEMO_SEED = 1;

/** Requests that are under way are answered within 4 s; a client that hangs is not waited for. */
const API_STOP_MS = 5_000;

/** Starts what the role asks for. Whatever was started is stopped again where a later step fails. */
export async function startTrailGraph(options: TrailGraphOptions): Promise<TrailGraph> {
  const openings = new Openings();
  try {
    return await start(options, openings);
  } catch (error) {
    await openings
      .close()
      .catch((closing: unknown) =>
        options.log.warn({ error: String(closing) }, 'not everything could be closed'),
      );
    throw error;
  }
}

async function start(options: TrailGraphOptions, openings: Openings): Promise<TrailGraph> {
  const { settings, log, version } = options;
  const servers = await openServers(options, openings);
  const core = await Core.open({
    settings,
    log,
    version,
    masterKey: servers.masterKey,
    previousKey: previousKeyOf(settings),
    mongodbUri: servers.mongodbUri,
    valkey: valkeyPlace(servers.redisUrl, settings),
  });
  openings.add(() => core.close());
  const ownPorts = [...settings.TRAILGRAPH_OWN_PORTS, ...servers.ownPorts];
  const allow: Cidr[] = servers.embedded ? parseCidrs(LOOPBACK) : [];
  if (settings.ROLE === 'worker') {
    const worker = await startWorker(core, { ownPorts, allow, crash: options.crash });
    openings.add(() => worker.stop());
    openings.add(await openWorkerServer(core));
    return { core, api: null, embedded: false, demoMade: false, stop: () => openings.close() };
  }
  const host = settings.HOST ?? (servers.embedded ? '127.0.0.1' : '0.0.0.0');
  if (settings.ROLE === 'api' || options.workers) core.startQueues(null);
  const demoMade = await makeDemo(core, settings.DEMO_SOURCE ?? (servers.embedded ? 'on' : 'off'));
  const guards = guardsOf(core, { ownPorts, allow });
  // The API is closed before the workers, so that what was pushed is still stored and answered.
  let stopWorkers = async (): Promise<void> => undefined;
  openings.add(() => stopWorkers());
  const api = await startApi(core, { host, port: settings.PORT, guards, webRoot: options.webRoot });
  openings.add(() => api.stop(), API_STOP_MS);
  if (settings.ROLE === 'all') {
    const workers = await startWorkers(core, options, { ownPorts, allow }, servers);
    stopWorkers = () => workers.stop();
  }
  if (servers.embedded) {
    const { mongodbUri, redisUrl } = servers;
    const note = { url: api.url, ingestToken: api.directToken, mongodbUri, redisUrl };
    openings.add(await writeServerNote(settings.DATA_DIR, note));
  }
  return { core, api, embedded: servers.embedded, demoMade, stop: () => openings.close() };
}

/** Where a worker that is nobody's child tells how it is. @returns what closes it */
async function openWorkerServer(core: Core): Promise<() => Promise<void>> {
  const { METRICS_PORT: port, HOST: host = '0.0.0.0' } = core.settings;
  if (port === undefined) return async () => undefined;
  const { version } = core.options;
  const health = new HealthCheck(core.store.db, core.valkey, version, proxyOf(core));
  const server = await startWorkerServer({ health, metrics: core.metrics, host, port });
  core.log.info({ url: server.url }, 'health and metrics of this worker');
  return () => server.close();
}

interface Servers {
  mongodbUri: string;
  redisUrl: string;
  masterKey: Buffer;
  embedded: boolean;
  ownPorts: number[];
}

/** The servers that the settings name, and our own where they name none. */
async function openServers(options: TrailGraphOptions, openings: Openings): Promise<Servers> {
  const { settings, log } = options;
  const need = { mongod: settings.MONGODB_URI === undefined, valkey: settings.REDIS_URL === undefined };
  const embedded = need.mongod || need.valkey;
  let started: EmbeddedServers | null = null;
  if (embedded) {
    const lock = await lockDataDir(settings.DATA_DIR);
    openings.add(() => lock.release());
    started = await startEmbeddedServers({
      dataDir: settings.DATA_DIR,
      need,
      ...(settings.MONGOD_BINARY ? { mongodBinary: settings.MONGOD_BINARY } : {}),
      ...(settings.VALKEY_BINARY ? { valkeyBinary: settings.VALKEY_BINARY } : {}),
      searchPath: options.searchPath,
      cacheDir: options.cacheDir,
      log,
      lock,
    });
    openings.add(started.close);
  }
  const mongodbUri = settings.MONGODB_URI ?? started?.mongodbUri;
  const redisUrl = settings.REDIS_URL ?? started?.redisUrl;
  if (!mongodbUri || !redisUrl) throw new Error('a server was neither named nor started');
  const ownPorts = [started?.mongodbUri, started?.redisUrl].flatMap((uri) =>
    uri ? [Number(new URL(uri).port)] : [],
  );
  return { mongodbUri, redisUrl, embedded, ownPorts, masterKey: await openMasterKey(settings, embedded) };
}

async function openMasterKey(settings: Settings, embedded: boolean): Promise<Buffer> {
  if (settings.TRAILGRAPH_MASTER_KEY) return masterKeyFrom(settings.TRAILGRAPH_MASTER_KEY);
  if (embedded) return readOrCreateMasterKey(settings.DATA_DIR);
  throw new Invalid(
    'TRAILGRAPH_MASTER_KEY must be set (32 random bytes: `openssl rand -base64 32`): it seals secrets at rest.',
  );
}

function previousKeyOf({ TRAILGRAPH_PREVIOUS_MASTER_KEY: given }: Settings): Buffer | null {
  return given ? masterKeyFrom(given) : null;
}

async function startWorkers(
  core: Core,
  options: TrailGraphOptions,
  guard: { ownPorts: number[]; allow: Cidr[] },
  servers: Servers,
): Promise<RunningWorker> {
  if (!options.workers) return startWorker(core, { ...guard, crash: options.crash });
  const { settings, log } = options;
  const cidrs = (own: Cidr[]): string => [...guard.allow, ...own].map((cidr) => cidr.text).join(',');
  return new WorkerProcesses({
    program: options.workers.program,
    count: settings.WORKERS ?? Math.max(1, availableParallelism() - 1),
    metrics: core.metrics,
    log,
    environment: {
      ...withoutSecretFiles(options.workers.environment),
      // Its figures go through its parent.
      METRICS_PORT: '',
      ROLE: 'worker',
      MONGODB_URI: servers.mongodbUri,
      REDIS_URL: servers.redisUrl,
      TRAILGRAPH_MASTER_KEY: servers.masterKey.toString('base64'),
      ...(settings.TRAILGRAPH_PREVIOUS_MASTER_KEY
        ? { TRAILGRAPH_PREVIOUS_MASTER_KEY: settings.TRAILGRAPH_PREVIOUS_MASTER_KEY }
        : {}),
      ...(settings.REDIS_SENTINEL_PASSWORD
        ? { REDIS_SENTINEL_PASSWORD: settings.REDIS_SENTINEL_PASSWORD }
        : {}),
      ...(settings.WEBHOOK_PROXY ? { WEBHOOK_PROXY: settings.WEBHOOK_PROXY } : {}),
      TRAILGRAPH_OWN_PORTS: guard.ownPorts.join(','),
      WEBHOOK_ALLOW_CIDRS: cidrs(settings.WEBHOOK_ALLOW_CIDRS),
      AWS_ENDPOINT_ALLOW_CIDRS: cidrs(settings.AWS_ENDPOINT_ALLOW_CIDRS),
    },
  });
}

/** A worker is given the secrets themselves, and refuses a setting that comes both ways. */
function withoutSecretFiles(environment: Environment): Environment {
  const files = SECRET_SETTINGS.map((name) => `${name}_FILE`);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !files.includes(name)));
}

/** Makes the demo source once; deleting it is final. */
async function makeDemo(core: Core, wanted: 'on' | 'off'): Promise<boolean> {
  if (wanted === 'off' || (await core.sources.getAny('demo'))) return false;
  const now = core.now();
  await core.sources.create({
    _id: 'demo',
    name: 'demo',
    kind: 'DEMO',
    demo: { eventsPerSecond: 5, seed: DEMO_SEED, startedAt: now, firstRecord: 0 },
    nextRunAt: now,
  });
  return true;
}
