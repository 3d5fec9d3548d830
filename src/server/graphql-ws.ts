import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import type { Context as WsContext } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { messageOf, Unauthenticated } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError, withoutSuggestion } from '../graphql/errors';
import type { AddressOf } from '../net/client-address';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { Admission } from './admission';
import type { Authenticate } from './authenticate';
import type { Origins } from './origins';
import { RenderedTexts } from './subscriptions/rendered-texts';
import { SharedSubscriptions } from './subscriptions/shared-subscriptions';
import { Wire } from './subscriptions/wire';
import { operationOf } from './ws-document';
import { MOST_SOCKETS, type SocketPlaces, tooManyOperations } from './ws-limits';
import { type WatchedSocket, WsWatch, type WsWatchParts } from './ws-watch';

export interface GraphqlWsParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  recheck: WsWatchParts['recheck'];
  now: () => Date;
  /** Where a request comes from, by its socket and its headers. */
  addressOf: AddressOf;
  admission: Admission;
  places: SocketPlaces;
  subscriptions: Context['subscriptions'];
  origins: Origins;
  introspection: boolean;
  /** Whether queries and mutations may run over WebSocket as well. */
  allOperations: boolean;
  metrics: Metrics;
  log: Logger;
}

type WsContextValue = Context & Record<string, unknown> & { wire: Wire };

/** A peer is pinged so often, and given up where it does not answer before the next ping. */
const KEEP_ALIVE_MS = 12_000;
const TOO_MANY_SOCKETS = 4429;
const MAX_PAYLOAD = 64 * 1024;
const INIT_WAIT_MS = 3_000;
/** How long a peer has to read what was sent before a close, and to answer it. */
const CLOSE_WITHIN_MS = 10_000;

/** GraphQL over WebSocket (graphql-transport-ws) at /graphql, on the server that serves HTTP. */
export function addGraphqlWs(server: Server, parts: GraphqlWsParts): { close(): Promise<void> } {
  const options: ServerOptions & { closeTimeout: number } = {
    server,
    path: '/graphql',
    maxPayload: MAX_PAYLOAD,
    closeTimeout: CLOSE_WITHIN_MS,
    verifyClient: ({ origin, req }: { origin?: string; req: { headers: { host?: string } } }) =>
      parts.origins.allows(origin, req.headers.host),
  };
  const sockets = new WebSocketServer(options);
  const watch = new WsWatch(parts);
  const addressOf = ({ request }: WatchedSocket): string | null =>
    parts.addressOf(request.socket.remoteAddress, request.headers['x-forwarded-for']);
  const requestIds = new RequestIds();
  const shared = new SharedSubscriptions({
    present: (result, requestId) => presented(parts.log, result, requestId, false),
    executed: () => parts.metrics.eventExecuted(),
    texts: new RenderedTexts(),
  });
  const served = useServer<Record<string, unknown>, Pick<WatchedSocket, 'watched'>>(
    {
      schema: parts.schema,
      isProd: true, // Whatever goes wrong is told to the log, not in the reason of a close.
      connectionInitWaitTimeout: INIT_WAIT_MS,
      onConnect: (context) => connect(context, parts, watch),
      onClose: ({ extra }) => {
        watch.remove(extra);
        if (extra.watched) parts.places.give(extra.watched.place);
      },
      onSubscribe: ({ extra, subscriptions }, _id, payload) =>
        tooManyOperations(Object.keys(subscriptions).length) ??
        operationOf(parts, payload, { caller: extra.watched?.caller ?? null, ip: addressOf(extra) }),
      onOperation: (_context, _id, _payload, _args, result) => counted(result, parts.metrics),
      subscribe: (args) => shared.subscribe(args, (args.contextValue as WsContextValue).wire),
      context: ({ extra }, id, payload): WsContextValue => ({
        caller: extra.watched?.caller ?? null,
        requestId: requestIds.of(payload),
        ip: addressOf(extra),
        subscriptions: parts.subscriptions,
        wire: new Wire(extra.socket, extra.request.socket, id, () => parts.metrics.eventSent()),
      }),
      onError: ({ extra }, _id, payload, errors) =>
        format(parts.log, errors, requestIds.of(payload), isAnonymous(extra)),
      onNext: ({ extra }, _id, payload, _args, result) =>
        presented(parts.log, result, requestIds.of(payload), isAnonymous(extra)),
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  return {
    close: async () => {
      watch.close();
      await served.dispose();
    },
  };
}

function isAnonymous({ watched }: WatchedSocket): boolean {
  return !watched?.caller;
}

/** @returns false to close with 4403 */
async function connect(
  { extra, connectionParams, subscriptions }: WsContext<Record<string, unknown>, WatchedSocket>,
  { authenticate, admission, places, addressOf, allOperations, log }: GraphqlWsParts,
  watch: WsWatch,
): Promise<boolean> {
  const given = connectionParams?.authorization ?? connectionParams?.Authorization;
  const authorization = typeof given === 'string' ? given : undefined;
  const { request } = extra;
  const ip = addressOf(request.socket.remoteAddress, request.headers['x-forwarded-for']);
  try {
    const caller = await authenticate(authorization);
    if (!caller && !allOperations) return false;
    const endOperations = (): void => {
      for (const operation of Object.values(subscriptions)) {
        if (operation && 'return' in operation) void operation.return(undefined);
      }
    };
    const place = await places.take(caller ? `${caller.kind} ${caller.id}` : `address ${ip}`);
    if (!place) {
      extra.socket.close(TOO_MANY_SOCKETS, `Too many sockets: at most ${MOST_SOCKETS} for each user`);
      return false;
    }
    // One that was closed meanwhile would be watched, and keep its place, for ever.
    if (extra.socket.readyState !== WebSocket.OPEN) {
      places.give(place);
      return false;
    }
    extra.watched = { caller, place, endOperations, unreadSince: undefined };
    watch.add(extra);
    return true;
  } catch (error) {
    if (error instanceof Unauthenticated) {
      await admission.countRefusal(ip, {}).catch(() => undefined); // Refused it is in any case.
      return false;
    }
    log.error({ error: messageOf(error) }, 'a WebSocket could not be let in');
    extra.socket.close(4500, 'Internal server error');
    return false;
  }
}

/** One id for each operation: its message is what all hooks get to see of it. */
class RequestIds {
  private readonly ids = new WeakMap<object, string>();

  of(payload: object): string {
    const id = this.ids.get(payload) ?? randomUUID();
    this.ids.set(payload, id);
    return id;
  }
}

function presented(
  log: Logger,
  result: ExecutionResult,
  requestId: string,
  anonymous: boolean,
): ExecutionResult {
  if (!result.errors) return result;
  const errors = format(log, result.errors, requestId, anonymous) as unknown as GraphQLError[];
  return { ...result, errors };
}

function format(
  log: Logger,
  errors: readonly GraphQLError[],
  requestId: string,
  anonymous: boolean,
): ReturnType<GraphQLError['toJSON']>[] {
  const formatted = errors.map((error) =>
    formatGraphQLError(jsonOf(error), error, requestId, (unknown) => {
      if (isLostPeer(unknown)) return;
      const stack = (unknown as Error | undefined)?.stack;
      log.error({ requestId, error: messageOf(unknown), stack }, 'an operation over WebSocket failed');
    }),
  );
  return anonymous ? formatted.map(withoutSuggestion) : formatted;
}

/** graphql-js passes on what a part of it threw, such as a stack overflow, as if it were one of its own errors. */
function jsonOf(error: GraphQLError): ReturnType<GraphQLError['toJSON']> {
  return typeof error.toJSON === 'function' ? error.toJSON() : { message: messageOf(error) };
}

/** What could not be sent ends an operation like a failure of its own; nobody is there to be told. */
function isLostPeer(error: unknown): boolean {
  const { syscall, code } = (error ?? {}) as { syscall?: unknown; code?: unknown };
  return syscall === 'write' || code === 'ERR_STREAM_DESTROYED';
}

/** Counts a subscription from its start to its end. */
function counted<T>(result: T, metrics: Metrics): T {
  const iterable = result as {
    [Symbol.asyncIterator]?: () => AsyncIterator<unknown>;
    return?: () => Promise<unknown>;
  };
  if (typeof iterable[Symbol.asyncIterator] !== 'function') return result;
  metrics.subscribed(1);
  const inner = iterable[Symbol.asyncIterator]!();
  let open = true;
  const end = (): void => {
    if (open) metrics.subscribed(-1);
    open = false;
  };
  const outer: AsyncIterableIterator<unknown> = {
    next: async () => {
      const step = await inner.next().catch((error: unknown) => {
        end();
        throw error;
      });
      if (step.done) end();
      return step;
    },
    return: async () => {
      end();
      await inner.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => outer,
  };
  return outer as T;
}
