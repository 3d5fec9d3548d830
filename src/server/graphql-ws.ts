import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import type { Context as WsContext } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { messageOf, Unauthenticated } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError } from '../graphql/errors';
import type { AddressOf } from '../net/client-address';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { Authenticate } from './authenticate';
import type { Origins } from './origins';
import { SharedSubscriptions } from './subscriptions/shared-subscriptions';
import { Wire } from './subscriptions/wire';
import { documentFaults } from './ws-document';
import { type WatchedSocket, WsWatch, type WsWatchParts } from './ws-watch';

export interface GraphqlWsParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  recheck: WsWatchParts['recheck'];
  now: () => Date;
  /** Where a request comes from, by its socket and its headers. */
  addressOf: AddressOf;
  subscriptions: Context['subscriptions'];
  origins: Origins;
  introspection: boolean;
  /** Whether queries and mutations may run over WebSocket as well. */
  allOperations: boolean;
  metrics: Metrics;
  log: Logger;
}

type WsContextValue = Context & Record<string, unknown> & { wire: Wire };

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
  const requestIds = new RequestIds();
  const shared = new SharedSubscriptions({
    present: (result, requestId) => presented(parts.log, result, requestId),
    executed: () => parts.metrics.eventExecuted(),
  });
  const served = useServer<Record<string, unknown>, Pick<WatchedSocket, 'watched'>>(
    {
      schema: parts.schema,
      isProd: true, // Whatever goes wrong is told to the log, not in the reason of a close.
      connectionInitWaitTimeout: INIT_WAIT_MS,
      onConnect: (context) => connect(context, parts, watch),
      onClose: ({ extra }) => watch.remove(extra),
      onSubscribe: (_, _id, payload) => documentFaults(parts, payload),
      onOperation: (_context, _id, _payload, _args, result) => counted(result, parts.metrics),
      subscribe: (args) => shared.subscribe(args, (args.contextValue as WsContextValue).wire),
      context: ({ extra }, id, payload): WsContextValue => ({
        caller: extra.watched?.caller ?? null,
        requestId: requestIds.of(payload),
        ip: parts.addressOf(extra.request.socket.remoteAddress, extra.request.headers['x-forwarded-for']),
        subscriptions: parts.subscriptions,
        wire: new Wire(extra.socket, id, () => parts.metrics.eventSent()),
      }),
      onError: (_, _id, payload, errors) => format(parts.log, errors, requestIds.of(payload)),
      onNext: (_, _id, payload, _args, result) => presented(parts.log, result, requestIds.of(payload)),
    },
    sockets,
  );
  return {
    close: async () => {
      watch.close();
      await served.dispose();
    },
  };
}

/** @returns false to close with 4403 */
async function connect(
  { extra, connectionParams, subscriptions }: WsContext<Record<string, unknown>, WatchedSocket>,
  { authenticate, allOperations, log }: GraphqlWsParts,
  watch: WsWatch,
): Promise<boolean> {
  const given = connectionParams?.authorization ?? connectionParams?.Authorization;
  const authorization = typeof given === 'string' ? given : undefined;
  try {
    const caller = await authenticate(authorization);
    if (!caller && !allOperations) return false;
    // One that was closed meanwhile would be watched for ever.
    if (extra.socket.readyState !== WebSocket.OPEN) return false;
    const endOperations = (): void => {
      for (const operation of Object.values(subscriptions)) {
        if (operation && 'return' in operation) void operation.return(undefined);
      }
    };
    extra.watched = { caller, endOperations, unreadSince: undefined };
    watch.add(extra);
    return true;
  } catch (error) {
    if (error instanceof Unauthenticated) return false;
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

function presented(log: Logger, result: ExecutionResult, requestId: string): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: format(log, result.errors, requestId) as unknown as GraphQLError[] };
}

function format(
  log: Logger,
  errors: readonly GraphQLError[],
  requestId: string,
): ReturnType<GraphQLError['toJSON']>[] {
  return errors.map((error) =>
    formatGraphQLError(error.toJSON(), error, requestId, (unknown) => {
      if (isLostPeer(unknown)) return;
      const stack = (unknown as Error | undefined)?.stack;
      log.error({ requestId, error: messageOf(unknown), stack }, 'an operation over WebSocket failed');
    }),
  );
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
