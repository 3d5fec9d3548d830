import 'reflect-metadata';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { addGraphql } from './api-graphql';
import { addPushDoorOf } from './api-push';
import { resolversOf } from './api-resolvers';
import { addRestApis } from './api-rest';
import { openSubscriptions } from './api-subscriptions';
import type { Accounts } from './auth/accounts';
import { derivedToken } from './auth/derived-token';
import type { Settings } from './config/settings';
import type { Core } from './core';
import { createSchema } from './graphql/schema';
import type { AddressGuard } from './net/address-guard';
import { openPeople } from './open-people';
import { IngestGate } from './pipeline/ingest-gate';
import { SettlementWatch } from './pipeline/settlement-watch';
import { directTokenOf, followKey } from './rekey';
import { RecordBodies } from './rest/sent-body';
import { HealthCheck, type ProxyOfWebhooks } from './server/health';
import { createHttpServer, type HttpServerParts } from './server/http-server';
import { listenAt } from './server/listen';
import { Origins, SANDBOX_ORIGINS } from './server/origins';
import { openTls } from './server/tls';

export interface ApiOptions {
  host: string;
  port: number;
  guards: { webhooks: AddressGuard; endpoints: AddressGuard };
  webRoot: string;
}

/** The API as it listens. The owner stops it. */
export interface RunningApi {
  url: string;
  accounts: Accounts;
  /** What the first sign-up must show; null where the server can only be reached from this machine. */
  setupToken: string | null;
  /** Opens the door of the source `direct`, for tools at this machine. */
  directToken: string;
  stop(): Promise<void>;
}

/** Starts the API in this process: HTTP, GraphQL over HTTP and WebSocket, the REST APIs, the push door. */
export async function startApi(core: Core, { host, port, guards, webRoot }: ApiOptions): Promise<RunningApi> {
  const { settings, log } = core;
  const { masterKey, previousKey } = core.options;
  const tls = await openTls(settings, log);
  await core.ensureDirectSource(directTokenOf(masterKey));
  if (previousKey) await followKey(core.sources, previousKey, masterKey);
  const setupToken = isLoopback(host) ? null : derivedToken(masterKey, 'set-up token').slice(0, 24);
  const people = await openPeople(core, { signUpOpen: settings.SIGNUP === 'open', setupToken });
  const settlements = new SettlementWatch(core.batches);
  const gate = new IngestGate({
    batches: core.batches,
    settlements,
    hint: (ids) => core.hint('enrich', ids),
  });
  const health = new HealthCheck(core.store.db, core.valkey, core.options.version, proxyOf(core));
  const resolvers = resolversOf(core, { people, gate, settlements, health, guards });
  const schema = await createSchema(resolvers, people.audit);
  const origins = originsOf(settings);
  const app = await openHttp(core, { health, origins, webRoot, tls: tls?.pair ?? null });
  const bodies = new RecordBodies();
  await addPushDoorOf(app, core, { gate, bodies, callers: people.cache });
  await addRestApis(app, core, { people, gate, bodies, guards });
  const live = openSubscriptions(core);
  const graphql = await addGraphql(app, core, {
    schema,
    people,
    subscriptions: live.subscriptions,
    origins,
  });
  // Before its WebSocket server listens along: that would tell a port in use in its own words, with a stack.
  await listenAt(app, { host, port, setting: 'PORT' });
  const endTls = app.server instanceof HttpsServer ? tls?.follow(app.server) : undefined;
  const sockets = graphql.openSockets();
  return {
    url: urlOf(app, host),
    accounts: people.accounts,
    setupToken: (await core.users.hasFirstUser()) ? null : setupToken,
    directToken: derivedToken(masterKey, 'direct ingest token'),
    stop: async () => {
      endTls?.();
      live.close();
      // At once: a socket whose peer is gone takes its time, and meanwhile nothing new is to come in by HTTP.
      await Promise.all([sockets.close(), graphql.stop().then(() => app.close())]);
      sockets.giveBackPlaces();
      settlements.close();
      people.close();
    },
  };
}

function originsOf({ CORS_ORIGINS, APOLLO_SANDBOX }: Settings): Origins {
  return new Origins([...CORS_ORIGINS, ...(APOLLO_SANDBOX ? SANDBOX_ORIGINS : [])]);
}

function openHttp(
  { settings, options, metrics, log }: Core,
  parts: Pick<HttpServerParts, 'health' | 'origins' | 'webRoot' | 'tls'>,
): Promise<FastifyInstance> {
  return createHttpServer({
    ...parts,
    metrics,
    version: options.version,
    graphiql: settings.GRAPHIQL,
    sandbox: settings.APOLLO_SANDBOX,
    trustProxy: settings.TRUST_PROXY,
    log,
  });
}

/** The proxy for webhooks, as health tells of it. */
export function proxyOf(core: Core): ProxyOfWebhooks {
  return {
    used: core.settings.WEBHOOK_PROXY !== undefined,
    trouble: () => core.proxyReports.trouble(),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${app.server instanceof HttpsServer ? 'https' : 'http'}://${name}:${port}`;
}
