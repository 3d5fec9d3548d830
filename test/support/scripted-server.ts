import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What a connection does after it has sent so many events. */
export interface Act {
  send: number;
  end:
    | { close: number }
    | { errors: { message: string; extensions: { code: string; retryAfterSeconds?: number } }[] }
    | 'cut'
    | 'complete'
    | 'silence';
}

/** A connection as the server saw it. */
export interface SeenConnection {
  authorization: unknown;
  after: unknown;
  sent: number;
  closed: boolean;
}

/** Speaks graphql-transport-ws as a test tells it, over a stream of numbered events whose cursors are their numbers. */
export interface ScriptedServer {
  url: string;
  connections: SeenConnection[];
  /** How many events there are; those that come later are sent on as well. */
  grow(total: number): void;
  close(): Promise<void>;
}

interface Message {
  type: string;
  id: string;
  payload?: { authorization?: unknown; variables?: { after?: string | null } };
}

/**
 * @param acts one for each connection, in order; those after them send whatever there is
 * @param head the cursor that is told for what is stored by now
 */
export async function startScriptedServer(acts: Act[], total: number, head = 0): Promise<ScriptedServer> {
  const connections: SeenConnection[] = [];
  const senders = new Set<() => void>();
  let there = total;
  const http = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data: { liveCursor: String(head) } }));
  });
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  sockets.on('connection', (socket) => {
    const act = acts[connections.length];
    const seen: SeenConnection = { authorization: undefined, after: undefined, sent: 0, closed: false };
    connections.push(seen);
    let silent = false;
    socket.on('close', () => {
      seen.closed = true;
    });
    socket.on('message', (data) => {
      const { type, id, payload } = JSON.parse(String(data)) as Message;
      if (type === 'ping' && !silent) socket.send('{"type":"pong"}');
      if (type === 'connection_init') {
        seen.authorization = payload?.authorization;
        socket.send('{"type":"connection_ack"}');
      }
      if (type !== 'subscribe') return;
      seen.after = payload?.variables?.after;
      const send = sender(socket, { id, seen, most: act?.send ?? Infinity }, () => there);
      send();
      senders.add(send);
      socket.on('close', () => senders.delete(send));
      silent = act?.end === 'silence';
      if (act) perform(socket, id, act);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    connections,
    grow: (more) => {
      there = more;
      for (const send of senders) send();
    },
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** Sends the events after the cursor, up to so many on this connection. */
function sender(
  socket: WebSocket,
  { id, seen, most }: { id: string; seen: SeenConnection; most: number },
  there: () => number,
): () => void {
  const first = Number(seen.after ?? 0);
  return () => {
    for (; seen.sent < Math.min(most, there() - first); seen.sent++) {
      const cursor = String(first + seen.sent + 1);
      const payload = { data: { eventEnriched: { cursor, id: cursor } } };
      socket.send(JSON.stringify({ id, type: 'next', payload }));
    }
  };
}

function perform(socket: WebSocket, id: string, { end }: Act): void {
  if (end === 'cut') socket.terminate();
  else if (end === 'complete') socket.send(JSON.stringify({ id, type: 'complete' }));
  else if (end === 'silence') return;
  else if ('close' in end) socket.close(end.close);
  else socket.send(JSON.stringify({ id, type: 'error', payload: end.errors }));
}
