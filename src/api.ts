import 'reflect-metadata';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { resolversOf } from './api-resolvers';
import { addRestApis } from './api-rest';
import type { Accounts } from './auth/accounts';
import type { CallerCache } from './auth/caller-cache';
import { derivedToken } from './auth/derived-token';
import { tokenMatches } from './auth/opaque-token';
import { atLeast } from './auth/roles';
import type { Core } from './core';
import type { BackfillStatus } from './domain/backfill';
import { Forbidden, messageOf, Unauthenticated } from './domain/errors';
import type { Source } from './domain/source';
import { BackfillSubscriptions } from './graphql/backfills/backfill-subscription';
import { EventSubscriptions } from './graphql/events/event-subscription';
import { createSchema } from './graphql/schema';
import { SourceSubscriptions } from './graphql/sources/source-subscription';
import { DeliverySubscriptions } from './graphql/webhooks/delivery-subscription';
import { ChangePoll } from './live/change-poll';
import { DeliveryFeed } from './live/delivery-feed';
import { EventFeed } from './live/event-feed';
import { SourceFeed } from './live/source-feed';
import type { AddressGuard } from './net/address-guard';
import { clientAddress } from './net/client-address';
import { openPeople } from './open-people';
import { IngestGate } from './pipeline/ingest-gate';
import { SettlementWatch } from './pipeline/settlement-watch';
import { directTokenOf, followKey } from './rekey';
import type { PushCredential } from './rest/push-credentials';
import { addPushDoor } from './rest/push-door';
import { RecordBodies } from './rest/sent-body';
import { Admission } from './server/admission';
import { authenticateBy } from './server/authenticate';
import { addGraphqlHttp } from './server/graphql-http';
import { addGraphqlWs } from './server/graphql-ws';
import { HealthCheck, type ProxyOfWebhooks } from './server/health';
import { createHttpServer } from './server/http-server';
import { listenAt } from './server/listen';
import { Origins, SANDBOX_ORIGINS } from './server/origins';
import { PersistedOperations } from './server/persisted-operations';
import { RequestRates } from './server/request-rates';
import { openTls } from './server/tls';
import { MOST_SOCKETS } from './server/ws-limits';
import { DeliveryChangeStore } from './store/delivery-changes';
import { LeasedPlaces } from './valkey/leased-places';

export interface ApiOptions {
  host: string;
  port: number;
  guards: { webhooks: AddressGuard; endpoints: AddressGuard };
  webRoot: string;
}

export interface RunningApi {
  url: string;
  accounts: Accounts;
  /** What the first sign-up must show; null where the server can only be reached from this machine. */
  setupToken: string | null;
  /** Opens the door of the source `direct`, for tools at this machine. */
  directToken: string;
  stop(): Promise<void>;
}

/** Starts the API in this process: HTTP, GraphQL over HTTP and WebSocket, the push door. */
export async function startApi(core: Core, options: ApiOptions): Promise<RunningApi> {
  const { masterKey, previousKey } = core.options;
  const tls = await openTls(core.settings, core.log);
  const directToken = derivedToken(masterKey, 'direct ingest token');
  await core.ensureDirectSource(directTokenOf(masterKey));
  if (previousKey) await followKey(core.sources, previousKey, masterKey);
  const setupToken = isLoopback(options.host) ? null : derivedToken(masterKey, 'set-up token').slice(0, 24);
  const people = await openPeople(core, { signUpOpen: core.settings.SIGNUP === 'open', setupToken });
  const { accounts, cache: callers } = people;
  const settlements = new SettlementWatch(core.batches);
  const gate = new IngestGate({
    batches: core.batches,
    settlements,
    hint: (ids) => core.hint('enrich', ids),
  });
  const feed = openFeed(core);
  const health = new HealthCheck(core.store.db, core.valkey, core.options.version, proxyOf(core));
  const schema = await createSchema(
    resolversOf(core, { people, gate, settlements, health, guards: options.guards }),
    people.audit,
  );
  const { settings, log, metrics } = core;
  const origins = new Origins([
    ...settings.CORS_ORIGINS,
    ...(settings.APOLLO_SANDBOX ? SANDBOX_ORIGINS : []),
  ]);
  const app = await createHttpServer({
    health,
    metrics,
    version: core.options.version,
    origins,
    webRoot: options.webRoot,
    graphiql: settings.GRAPHIQL,
    sandbox: settings.APOLLO_SANDBOX,
    trustProxy: settings.TRUST_PROXY,
    tls: tls?.pair ?? null,
    log,
  });
  const bodies = new RecordBodies();
  await addPushDoor(app, {
    source: (id) => core.sources.get(id),
    admit: (source, credential) => admit(source, credential, callers),
    submit: (source, body, options) =>
      gate.submit({ sourceId: source._id, kind: source.kind }, body, options),
    setPending: ({ _id }, pendingSubscription) => core.sources.setStatus(_id, { pendingSubscription }),
    now: core.now,
    bodies,
    log,
  });
  await addRestApis(app, core, { people, gate, bodies, guards: options.guards });
  const authenticate = authenticateBy(callers);
  const addressOf = clientAddress(settings.TRUST_PROXY);
  const sourceFeed = openSourceFeed(core);
  const deliveryFeed = openDeliveryFeed(core);
  const progress = followBackfills(core);
  const subscriptions = {
    events: new EventSubscriptions(feed),
    sources: new SourceSubscriptions(sourceFeed),
    backfills: progress.subscriptions,
    deliveries: new DeliverySubscriptions(deliveryFeed),
  };
  const { GRAPHQL_INTROSPECTION: introspection, APOLLO_SANDBOX: sandbox } = settings;
  const admission = new Admission({ schema, ...admissionParts(core) });
  const apollo = await addGraphqlHttp(app, {
    schema,
    authenticate,
    addressOf,
    admission,
    subscriptions,
    introspection,
    sandbox,
    log,
  });
  const places = new LeasedPlaces({
    valkey: core.valkey,
    prefix: settings.TRAILGRAPH_PREFIX,
    most: MOST_SOCKETS,
  });
  // Before its WebSocket server listens along: that would tell a port in use in its own words, with a stack.
  await listenAt(app, { host: options.host, port: options.port, setting: 'PORT' });
  const endTls = app.server instanceof HttpsServer ? tls?.follow(app.server) : undefined;
  const ws = addGraphqlWs(app.server, {
    schema,
    authenticate,
    recheck: (known) => people.callers.recheck(known),
    now: core.now,
    addressOf,
    admission,
    places,
    subscriptions,
    origins,
    introspection,
    allOperations: settings.WS_OPERATIONS === 'all',
    metrics,
    log,
  });
  return {
    url: urlOf(app, options.host),
    accounts,
    setupToken: (await core.users.hasFirstUser()) ? null : setupToken,
    directToken,
    stop: async () => {
      endTls?.();
      feed.close();
      sourceFeed.close();
      deliveryFeed.close();
      progress.close();
      // At once: a socket whose peer is gone takes its time, and meanwhile nothing new is to come in by HTTP.
      await Promise.all([ws.close(), apollo.stop().then(() => app.close())]);
      places.close();
      settlements.close();
      people.close();
    },
  };
}

/** @throws Invalid where the manifest of persisted operations is none */
function admissionParts({ settings, valkey }: Core): { persisted: PersistedOperations; rates: RequestRates } {
  const { PERSISTED_OPERATIONS: mode, PERSISTED_OPERATIONS_FILE: file } = settings;
  return {
    persisted: file === undefined ? PersistedOperations.NONE : PersistedOperations.read(mode, file),
    rates: new RequestRates({
      valkey,
      prefix: settings.TRAILGRAPH_PREFIX,
      caller: settings.RATE_LIMIT_CALLER,
      anonymous: settings.RATE_LIMIT_ANONYMOUS,
    }),
  };
}

function openFeed(core: Core): EventFeed {
  const { commits, events } = core;
  const store = {
    head: () => commits.head(),
    newest: () => commits.newest(),
    oldest: () => commits.oldest(),
    commitsAfter: (n: number, limit: number) => commits.after(n, limit),
    eventsOf: ({ run, ids }: { run: string; ids: string[] }) => events.ofRun(run, ids),
  };
  return new EventFeed(store, core.bus, (error) =>
    core.log.warn({ error: messageOf(error) }, 'the live feed reads on from the store'),
  );
}

function openSourceFeed(core: Core): SourceFeed {
  const store = {
    changedSince: (since: Date, limit: number) => core.sources.changedSince(since, limit),
    now: core.now,
  };
  return new SourceFeed(store, (error) =>
    core.log.warn({ error: messageOf(error) }, 'changes of sources are told of later'),
  );
}

function openDeliveryFeed(core: Core): DeliveryFeed {
  const changes = new DeliveryChangeStore(core.store.db);
  const store = {
    changedSince: (since: Date) => changes.changedSince(since),
    heads: (ids: string[]) => changes.heads(ids),
    now: core.now,
  };
  return new DeliveryFeed(store, (error) =>
    core.log.warn({ error: messageOf(error) }, 'changes of deliveries are told of later'),
  );
}

function followBackfills({ backfills, now, log }: Core): {
  subscriptions: BackfillSubscriptions;
  close(): void;
} {
  const poll = new ChangePoll<BackfillStatus>(
    {
      read: async (ids) => (ids ? backfills.statuses(await backfills.many(ids)) : []),
      idOf: ({ backfill }) => backfill._id,
      fingerprint: ({ backfill: { state, walked, known, error, walkEnded }, counts }) =>
        JSON.stringify([state, walked, known, error, walkEnded, counts]),
    },
    (error) => log.warn({ error: messageOf(error) }, 'the progress of backfills could not be read'),
  );
  const subscriptions = new BackfillSubscriptions({
    exists: async (id) => (await backfills.get(id)) !== null,
    subscribe: (id, signal) => poll.subscribe(id, signal),
    now,
  });
  return { subscriptions, close: () => poll.close() };
}

/** The source's own token opens its door; so does the access token or the API key of an OPERATOR. */
async function admit(source: Source, { token, bearer }: PushCredential, callers: CallerCache): Promise<void> {
  if (source.httpPush && tokenMatches(token, source.httpPush.tokenHash)) return;
  const refused = new Unauthenticated('There is no such source, or the token is not its own.');
  if (!bearer) throw refused;
  const caller = await callers.authenticate(token).catch((error: unknown) => {
    if (error instanceof Unauthenticated) throw refused;
    throw error;
  });
  if (!atLeast(caller.role, 'OPERATOR')) throw new Forbidden('Only an OPERATOR may ingest.');
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
