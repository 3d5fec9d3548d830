import 'reflect-metadata';
import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Accounts } from './auth/accounts';
import { CallerCache } from './auth/caller-cache';
import { secretHint } from './auth/ingest-tokens';
import { hashToken, tokenMatches } from './auth/opaque-token';
import { atLeast } from './auth/roles';
import type { Core } from './core';
import type { BackfillStatus } from './domain/backfill';
import { Forbidden, Invalid, messageOf, NotFound, Unauthenticated } from './domain/errors';
import { DIRECT_SOURCE_ID, type Source } from './domain/source';
import { BackfillAdmin } from './graphql/backfills/backfill-admin';
import { BackfillSubscriptions } from './graphql/backfills/backfill-subscription';
import { BackfillResolver, SourceBackfillsResolver } from './graphql/backfills/resolver';
import { EventReader } from './graphql/events/event-reader';
import { EventSubscriptions } from './graphql/events/event-subscription';
import { EventConnectionResolver, EventResolver } from './graphql/events/resolver';
import { HealthResolver } from './graphql/health/resolver';
import { PeopleResolver } from './graphql/people/resolver';
import { createSchema, type Resolvers } from './graphql/schema';
import { BatchResolver, SourceResolver } from './graphql/sources/resolver';
import { SourceAdmin } from './graphql/sources/source-admin';
import {
  DeliveryConnectionResolver,
  DeliveryResolver,
  EventLinksResolver,
  WebhookResolver,
} from './graphql/webhooks/resolver';
import { WebhookAdmin } from './graphql/webhooks/webhook-admin';
import { ChangePoll } from './live/change-poll';
import { EventFeed } from './live/event-feed';
import type { AddressGuard } from './net/address-guard';
import { openAccounts } from './open-accounts';
import { IngestGate } from './pipeline/ingest-gate';
import { SettlementWatch } from './pipeline/settlement-watch';
import { addPushDoor } from './rest/push-door';
import { authenticateBy, bearer } from './server/authenticate';
import { addGraphqlHttp } from './server/graphql-http';
import { addGraphqlWs } from './server/graphql-ws';
import { HealthCheck } from './server/health';
import { createHttpServer } from './server/http-server';
import { Origins, SANDBOX_ORIGINS } from './server/origins';

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
  const directToken = derived(core, 'direct ingest token');
  await core.ensureDirectSource({ hash: hashToken(directToken), hint: secretHint(directToken) });
  const setupToken = isLoopback(options.host) ? null : derived(core, 'set-up token').slice(0, 24);
  const { users, sessions, signingKeys, box, now } = core;
  const accounts = await openAccounts(
    { users, sessions, signingKeys, box, now, masterKey: core.options.masterKey },
    { signUpOpen: core.settings.SIGNUP === 'open', setupToken },
  );
  const callers = new CallerCache(accounts);
  const settlements = new SettlementWatch(core.batches);
  const gate = new IngestGate({
    batches: core.batches,
    settlements,
    hint: (ids) => core.hint('enrich', ids),
  });
  const feed = openFeed(core);
  const health = new HealthCheck(core.store.db, core.valkey, core.options.version);
  const schema = await createSchema(resolversOf(core, { accounts, gate, health, guards: options.guards }));
  const { settings, log, metrics } = core;
  const origins = new Origins(settings.APOLLO_SANDBOX ? SANDBOX_ORIGINS : []);
  const app = await createHttpServer({
    health,
    metrics,
    origins,
    webRoot: options.webRoot,
    graphiql: settings.GRAPHIQL,
    log,
  });
  await addPushDoor(app, {
    source: (id) => core.sources.get(id),
    admit: (source, authorization) => admit(source, authorization, callers),
    submit: (source, text) => gate.submit({ sourceId: source._id, kind: source.kind }, text),
  });
  const authenticate = authenticateBy(callers);
  const subscriptions = new EventSubscriptions(feed);
  const progress = followBackfills(core);
  const backfillSubscriptions = progress.subscriptions;
  const { GRAPHQL_INTROSPECTION: introspection, APOLLO_SANDBOX: sandbox } = settings;
  const apollo = await addGraphqlHttp(app, {
    schema,
    authenticate,
    subscriptions,
    backfillSubscriptions,
    introspection,
    sandbox,
    log,
  });
  // Before its WebSocket server listens along: that would tell a port in use in its own words, with a stack.
  await listen(app, options);
  const ws = addGraphqlWs(app.server, {
    schema,
    authenticate,
    subscriptions,
    backfillSubscriptions,
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
      feed.close();
      progress.close();
      // At once: a socket whose peer is gone takes its time, and meanwhile nothing new is to come in by HTTP.
      await Promise.all([ws.close(), apollo.stop().then(() => app.close())]);
      settlements.close();
    },
  };
}

function openFeed(core: Core): EventFeed {
  const { commits, events } = core;
  const store = {
    head: () => commits.head(),
    oldest: () => commits.oldest(),
    commitsAfter: (n: number, limit: number) => commits.after(n, limit),
    eventsOf: ({ run, ids }: { run: string; ids: string[] }) => events.ofRun(run, ids),
  };
  return new EventFeed(store, core.bus, (error) =>
    core.log.warn({ error: messageOf(error) }, 'the live feed reads on from the store'),
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

function resolversOf(
  core: Core,
  parts: { accounts: Accounts; gate: IngestGate; health: HealthCheck; guards: ApiOptions['guards'] },
): Resolvers {
  const { sources, batches, backfills, commits, webhooks, deliveries, box, now } = core;
  const reader = new EventReader(core.events, commits);
  const sourceAdmin = new SourceAdmin({
    sources,
    box,
    endpoints: parts.guards.endpoints,
    now,
    hint: (id) => core.hint('fetch', [id]),
    endBackfills: (id) => backfills.wakeOf(id),
  });
  const backfillAdmin = new BackfillAdmin({
    backfills,
    sources,
    now,
    hint: (id) => core.hint('fetch', [id]),
  });
  const webhookAdmin = new WebhookAdmin({
    webhooks,
    deliveries,
    sources,
    commits,
    box,
    guard: parts.guards.webhooks,
    hint: (id) => core.hint('forward', [id]),
  });
  const ingest = {
    submit: async (sourceId: string | null, text: Buffer) => {
      const source = await sources.get(sourceId ?? DIRECT_SOURCE_ID);
      if (!source) throw new NotFound(`There is no source ${sourceId}.`);
      if (source.state === 'PAUSED') throw new Invalid('The source is paused: resume it first.');
      return parts.gate.submit({ sourceId: source._id, kind: source.kind }, text);
    },
  };
  return {
    people: new PeopleResolver(parts.accounts, core.users),
    sources: new SourceResolver({ sources, batches, commits, admin: sourceAdmin, now }),
    batches: new BatchResolver(sources),
    backfills: new BackfillResolver({ backfills, sources, admin: backfillAdmin, now }),
    sourceBackfills: new SourceBackfillsResolver(backfills, now),
    events: new EventResolver(reader, ingest),
    eventConnections: new EventConnectionResolver(reader),
    eventLinks: new EventLinksResolver({ deliveries, sources }),
    webhooks: new WebhookResolver({ webhooks, deliveries, commits, sources, admin: webhookAdmin }),
    deliveries: new DeliveryResolver({ deliveries, webhooks }),
    deliveryConnections: new DeliveryConnectionResolver({ deliveries }),
    health: new HealthResolver(parts.health),
  };
}

/** The source's own token opens its door; so does the access token of an OPERATOR. */
async function admit(source: Source, authorization: string | undefined, callers: CallerCache): Promise<void> {
  if (!authorization) throw new Unauthenticated('Expected `Authorization: Bearer <ingest token>`.');
  const token = bearer(authorization);
  if (source.httpPush && tokenMatches(token, source.httpPush.tokenHash)) return;
  const refused = new Unauthenticated('There is no such source, or the token is not its own.');
  const caller = await callers.authenticate(token).catch((error: unknown) => {
    if (error instanceof Unauthenticated) throw refused;
    throw error;
  });
  if (!atLeast(caller.role, 'OPERATOR')) throw new Forbidden('Only an OPERATOR may ingest.');
}

/** A token that every process with the same master key knows, and nobody else. */
function derived(core: Core, purpose: string): string {
  return createHmac('sha256', core.options.masterKey).update(`trailgraph ${purpose}`).digest('base64url');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function listen(app: FastifyInstance, { host, port }: ApiOptions): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error;
    await app.close();
    throw new Invalid(
      `Port ${port} on ${host} is in use: stop what listens there, or set PORT to another one (0 takes a free one).`,
    );
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
