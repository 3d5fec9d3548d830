import type { FastifyInstance } from 'fastify';
import type { Core } from './core';
import { clientAddress } from './net/client-address';
import type { People } from './open-people';
import { Admission } from './server/admission';
import { authenticateBy } from './server/authenticate';
import { addGraphqlHttp, type GraphqlHttpParts } from './server/graphql-http';
import { addGraphqlWs } from './server/graphql-ws';
import type { Origins } from './server/origins';
import { PersistedOperations } from './server/persisted-operations';
import { RequestRates } from './server/request-rates';
import { MOST_SOCKETS } from './server/ws-limits';
import { LeasedPlaces } from './valkey/leased-places';

export interface ApiGraphqlParts extends Pick<GraphqlHttpParts, 'schema' | 'subscriptions'> {
  people: People;
  origins: Origins;
}

export interface AddedGraphql {
  /** Takes WebSockets, once the server listens. */
  openSockets(): GraphqlSockets;
  /** Ends GraphQL over HTTP, once what is under way has ended. */
  stop(): Promise<void>;
}

export interface GraphqlSockets {
  /** Closes them all, and takes no new ones. */
  close(): Promise<void>;
  /** Lets go of the users' places that this process holds in Valkey, once the sockets are closed. */
  giveBackPlaces(): void;
}

/** Adds GraphQL over HTTP at /graphql, and makes GraphQL over WebSocket ready, with one admission for both. */
export async function addGraphql(
  app: FastifyInstance,
  core: Core,
  { schema, people, subscriptions, origins }: ApiGraphqlParts,
): Promise<AddedGraphql> {
  const { settings, metrics, log } = core;
  const both = {
    schema,
    authenticate: authenticateBy(people.cache),
    addressOf: clientAddress(settings.TRUST_PROXY),
    admission: new Admission({ schema, ...admissionParts(core) }),
    subscriptions,
    introspection: settings.GRAPHQL_INTROSPECTION,
    log,
  };
  const apollo = await addGraphqlHttp(app, { ...both, sandbox: settings.APOLLO_SANDBOX });
  const openSockets = (): GraphqlSockets => {
    const places = new LeasedPlaces({
      valkey: core.valkey,
      prefix: settings.TRAILGRAPH_PREFIX,
      most: MOST_SOCKETS,
    });
    const sockets = addGraphqlWs(app.server, {
      ...both,
      recheck: (known) => people.callers.recheck(known),
      now: core.now,
      places,
      origins,
      allOperations: settings.WS_OPERATIONS === 'all',
      metrics,
    });
    return { close: () => sockets.close(), giveBackPlaces: () => places.close() };
  };
  return { openSockets, stop: () => apollo.stop() };
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
