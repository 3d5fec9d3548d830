import type { GraphqlClient } from './graphql-client';
import { RawSocket } from './raw-socket';

export interface DoorAnswer {
  /** Of HTTP; null over WebSocket. */
  status: number | null;
  data?: unknown;
  errors: { message: string; extensions: { code: string } & Record<string, unknown> }[];
  extensions?: {
    cost?: { requested: number; limit: number };
    rateLimit?: { limit: number; remaining: number; resetSeconds: number };
  };
  headers?: Headers;
}

export type Body = { query?: string; variables?: object; operationName?: string } & Record<string, unknown>;

/** A body sent to /graphql by HTTP. */
export async function byHttp({ url, token }: GraphqlClient, body: Body): Promise<DoorAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Partial<DoorAnswer>;
  return { errors: [], ...answer, status: response.status, headers: response.headers };
}

/** The same as the payload of a `subscribe` message, on a socket of its own (WS_OPERATIONS=all). */
export async function byWebSocket({ url, token }: GraphqlClient, body: Body): Promise<DoorAnswer> {
  const socket = await RawSocket.open(url);
  try {
    socket.send({
      type: 'connection_init',
      ...(token ? { payload: { authorization: `Bearer ${token}` } } : {}),
    });
    await socket.next('connection_ack');
    socket.send({ type: 'subscribe', id: '1', payload: { query: '', ...body } });
    const { type, payload } = await socket.next('next', 'error');
    if (type === 'error') return { status: null, errors: payload as DoorAnswer['errors'] };
    return { errors: [], ...(payload as object), status: null };
  } finally {
    socket.cut();
  }
}

/** The same request through both doors; what they say of it must be alike. */
export async function atBothDoors(client: GraphqlClient, body: Body): Promise<DoorAnswer> {
  const http = await byHttp(client, body);
  const ws = await byWebSocket(client, body);
  const said = ({ errors }: DoorAnswer): object[] =>
    errors.map(({ message, extensions }) => ({ message, code: extensions.code }));
  expect(said(ws)).toEqual(said(http));
  return http;
}
