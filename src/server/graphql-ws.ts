import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import type { Caller } from '../auth/accounts';
import { messageOf, Unauthenticated } from '../domain/errors';
import type { Context } from '../graphql/context';
import { formatGraphQLError } from '../graphql/errors';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { Authenticate } from './authenticate';
import type { Origins } from './origins';

export interface GraphqlWsParts {
  schema: GraphQLSchema;
  authenticate: Authenticate;
  subscriptions: Context['subscriptions'];
  origins: Origins;
  /** Whether queries and mutations may run over WebSocket as well. */
  allOperations: boolean;
  metrics: Metrics;
  log: Logger;
}

const MAX_PAYLOAD = 64 * 1024;
const INIT_WAIT_MS = 3_000;
const WATCH_EVERY_MS = 1_000;
/** A socket that has so much unread for so long is closed with 4413 (requirements C6). */
const MAX_UNREAD = 1024 * 1024;
const UNREAD_FOR_MS = 10_000;
const GOING_AWAY = 1001;

type Known = {
  authorization?: string;
  caller?: Caller | null;
  slowSince?: number;
};
type Connected = Extra & Partial<Known>;

/** GraphQL over WebSocket (graphql-transport-ws) at /graphql, on the server that serves HTTP. */
export function addGraphqlWs(server: Server, parts: GraphqlWsParts): { close(): Promise<void> } {
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: MAX_PAYLOAD,
    verifyClient: ({ origin, req }: { origin?: string; req: { headers: { host?: string } } }) =>
      parts.origins.allows(origin, req.headers.host),
  });
  const connected = new Set<Connected>();
  const served = useServer<Record<string, unknown>, Known>(
    {
      schema: parts.schema,
      connectionInitWaitTimeout: INIT_WAIT_MS,
      onConnect: (context) => connect(context, parts, connected),
      onDisconnect: ({ extra }) => {
        connected.delete(extra);
      },
      onSubscribe: (_, id, payload) => prepare(parts, payload, id),
      onOperation: (_context, _id, _payload, _args, result) => counted(result, parts.metrics),
      context: ({ extra }): Context & Record<string, unknown> => ({
        caller: extra.caller ?? null,
        requestId: randomUUID(),
        ip: extra.request.socket.remoteAddress ?? null,
        subscriptions: parts.subscriptions,
      }),
      onError: (_, _id, _payload, errors) => format(parts, errors),
      onNext: (_, _id, _payload, _args, result) =>
        result.errors
          ? { ...result, errors: format(parts, result.errors) as unknown as GraphQLError[] }
          : undefined,
    },
    sockets,
  );
  const watch = setInterval(() => void watchSockets(connected, parts), WATCH_EVERY_MS);
  return {
    close: async () => {
      clearInterval(watch);
      for (const { socket } of connected) socket.close(GOING_AWAY, 'the server is stopping');
      await served.dispose();
    },
  };
}

/** @returns false to close with 4403 */
async function connect(
  { extra, connectionParams }: { extra: Connected; connectionParams?: Record<string, unknown> },
  parts: GraphqlWsParts,
  connected: Set<Connected>,
): Promise<boolean> {
  const given = connectionParams?.authorization ?? connectionParams?.Authorization;
  const authorization = typeof given === 'string' ? given : undefined;
  try {
    extra.caller = await parts.authenticate(authorization);
  } catch (error) {
    if (error instanceof Unauthenticated) return false;
    throw error;
  }
  if (!extra.caller && !parts.allOperations) return false;
  extra.authorization = authorization;
  connected.add(extra);
  return true;
}

/** Checks the document as HTTP does; only subscriptions run here unless the settings say otherwise. */
function prepare(
  { schema, allOperations }: GraphqlWsParts,
  payload: { query: string; operationName?: string | null },
  _id: string,
): readonly GraphQLError[] | undefined {
  let document: DocumentNode;
  try {
    document = parse(payload.query, { maxTokens: 10_000 });
  } catch (error) {
    return [error as GraphQLError];
  }
  const faults = validate(schema, document);
  if (faults.length > 0) return faults;
  const operation = getOperationAST(document, payload.operationName);
  if (!operation) return [new GraphQLError('No operation of that name stands in the document.')];
  if (operation.operation === 'subscription' || allOperations) return undefined;
  return [
    new GraphQLError(
      'Only subscriptions run over WebSocket here: send queries and mutations by HTTP, or set WS_OPERATIONS=all.',
    ),
  ];
}

function format(
  { log }: GraphqlWsParts,
  errors: readonly GraphQLError[],
): ReturnType<GraphQLError['toJSON']>[] {
  return errors.map((error) => {
    const json = typeof error.toJSON === 'function' ? error.toJSON() : error;
    return formatGraphQLError(json, error, null, (unknown) =>
      log.error({ error: messageOf(unknown), stack: (unknown as Error).stack }, 'a subscription failed'),
    );
  });
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

/** Closes sockets whose caller does not hold any more (4403), and those that do not read (4413). */
async function watchSockets(
  connected: Set<Connected>,
  { authenticate, metrics }: GraphqlWsParts,
): Promise<void> {
  const now = Date.now();
  for (const extra of connected) {
    const { socket } = extra;
    if (socket.readyState !== WebSocket.OPEN) continue;
    extra.slowSince = socket.bufferedAmount > MAX_UNREAD ? (extra.slowSince ?? now) : undefined;
    if (extra.slowSince !== undefined && now - extra.slowSince > UNREAD_FOR_MS) {
      metrics.closedSlow();
      socket.close(4413, 'too much is unread');
      socket.terminate();
    } else if (extra.authorization) {
      authenticate(extra.authorization).catch((error: unknown) => {
        if (error instanceof Unauthenticated) socket.close(4403, 'Forbidden');
      });
    }
  }
}
