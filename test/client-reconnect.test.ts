import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { FellBehind, NoAnswer, TrailGraphError } from '../src/client/errors';
import type { SubscribeOptions } from '../src/client/subscription';
import { SessionTokens } from '../src/client/tokens';
import { TrailGraphClient, type TrailGraphClientOptions } from '../src/client/trailgraph-client';
import { eventually } from './support/eventually';
import { type Act, type ScriptedServer, startScriptedServer } from './support/scripted-server';

const TOTAL = 12;
const ALL = Array.from({ length: TOTAL }, (_, n) => String(n + 1));
/** Without `after`, so that it can't go on from a cursor. */
const PLAIN = 'subscription { eventEnriched { cursor id } }';

interface Numbered {
  eventEnriched: { cursor: string; id: string };
}

let server: ScriptedServer;
let client: TrailGraphClient;

async function start(
  acts: Act[],
  {
    total = TOTAL,
    head = 0,
    ...options
  }: { total?: number; head?: number } & Partial<TrailGraphClientOptions> = {},
): Promise<void> {
  server = await startScriptedServer(acts, total, head);
  client = new TrailGraphClient({ url: server.url, token: 'first', webSocketImpl: WebSocket, ...options });
}

afterEach(async () => {
  client.close();
  await server.close();
});

/** The ids of so many events. */
async function take(count: number, options: SubscribeOptions & { after?: string } = {}): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of client.events(options)) if (ids.push(id) === count) break;
  return ids;
}

async function failureOf(ids: string[], options: SubscribeOptions = {}): Promise<unknown> {
  try {
    for await (const { id } of client.events(options)) ids.push(id);
  } catch (error) {
    return error;
  }
  return 'none';
}

describe('a subscription of the client', () => {
  test.each<[string, Act['end']]>([
    ['closed with 1000', { close: 1000 }],
    ['closed with 1001, by a server that stops', { close: 1001 }],
    ['closed with 1012, by a server that restarts', { close: 1012 }],
    ['closed with 4413, having read too little', { close: 4413 }],
    ['closed with 4408', { close: 4408 }],
    ['closed with 4500, by a server whose database is away', { close: 4500 }],
    ['cut', 'cut'],
    ['ended without a reason', 'complete'],
    [
      'told UNAVAILABLE',
      { errors: [{ message: 'away', extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 } }] },
    ],
  ])('that is %s goes on after the last event, with none lost and none twice', async (_, end) => {
    const lost: unknown[] = [];
    await start([
      { send: 3, end },
      { send: 4, end },
    ]);
    expect(await take(TOTAL, { onLost: (why) => void lost.push(why) })).toEqual(ALL);
    expect(lost).toHaveLength(2);
    expect(server.connections).toHaveLength(3);
    await eventually(() => server.connections.every(({ closed }) => closed), 'no socket is left');
  });

  test('that is lost before its first event begins where it began before', async () => {
    await start([{ send: 0, end: { close: 1012 } }], { head: 5 });
    expect(await take(TOTAL - 5)).toEqual(ALL.slice(5));
    expect(server.connections.map(({ after }) => after)).toEqual(['5', '5']);
  });

  test('asks for another token when its own is refused', async () => {
    const refused: (string | undefined)[] = [];
    await start([{ send: 3, end: { close: 4403 } }], {
      token: async (old) => {
        refused.push(old);
        return old === 'first' ? 'second' : 'first';
      },
    });
    expect(await take(TOTAL)).toEqual(ALL);
    expect(server.connections.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ]);
    expect(refused).toEqual([undefined, undefined, 'first']); // The first one of all for the cursor to begin at.
  });

  test.each<[string, TrailGraphClientOptions['token']]>([
    ['there is only one', 'first'],
    ['it is the same again', () => 'first'],
  ])('whose token is refused ends with UNAUTHENTICATED where %s', async (_, token) => {
    await start([{ send: 3, end: { close: 4403 } }], { token: token! });
    const ids: string[] = [];
    const error = await failureOf(ids);
    expect(error).toBeInstanceOf(TrailGraphError);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(ids).toEqual(ALL.slice(0, 3));
  });

  test.each<[string, Act['end'], string]>([
    [
      'a cursor past retention',
      { errors: [{ message: 'gone', extensions: { code: 'CURSOR_EXPIRED' } }] },
      'CURSOR_EXPIRED',
    ],
    ['a role that may not', { errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] }, 'FORBIDDEN'],
    ['4400', { close: 4400 }, 'BAD_ANSWER'],
    ['4406', { close: 4406 }, 'BAD_ANSWER'],
  ])('ends with a typed error at %s, after what had come', async (_, end, code) => {
    await start([{ send: 3, end }]);
    const ids: string[] = [];
    const error = await failureOf(ids);
    expect(error).toBeInstanceOf(TrailGraphError);
    expect(error).toMatchObject({ code, status: null });
    expect(ids).toEqual(ALL.slice(0, 3));
  });

  test('notices that the server is silent', async () => {
    await start([{ send: 3, end: 'silence' }], { pingMs: 300 });
    expect(await take(TOTAL)).toEqual(ALL);
    expect(server.connections.length).toBeGreaterThan(1);
  });

  test('that can not connect, within its tries, ends with NoAnswer', async () => {
    await start([]);
    const taken: Socket[] = [];
    const deaf = createServer((socket) => void taken.push(socket)); // Takes connections, and never says a word.
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const { port } = deaf.address() as { port: number };
    const other = new TrailGraphClient({
      url: `http://127.0.0.1:${port}`,
      webSocketImpl: WebSocket,
      timeoutMs: 200,
    });
    const lost: unknown[] = [];
    const events = other.events({ after: '1', tries: 2, onLost: (why) => void lost.push(why) });
    await expect(events.next()).rejects.toBeInstanceOf(NoAnswer);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(lost).toHaveLength(2);
    other.close();
    for (const socket of taken) socket.destroy();
    deaf.close();
    await once(deaf, 'close');
  });

  test('with a reader slower than the events keeps no more than its buffer, and loses nothing', async () => {
    const total = 2_000;
    await start([], { total });
    const ids: string[] = [];
    for await (const { id } of client.events({ buffer: 50 })) {
      ids.push(id);
      if (ids.length % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (ids.length === total) break;
    }
    expect(ids).toEqual(Array.from({ length: total }, (_, n) => String(n + 1)));
    expect(server.connections.length).toBeGreaterThan(10);
  });

  test('without a cursor ends with FellBehind when its buffer is full, after what it kept', async () => {
    await start([]);
    const results = client.subscribe<Numbered, object>(PLAIN, {}, { buffer: 5 });
    await eventually(() => server.connections[0]?.closed === true, 'it has left');
    const ids: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { eventEnriched } of results) ids.push(eventEnriched.id);
    };
    await expect(read()).rejects.toBeInstanceOf(FellBehind);
    expect(ids).toEqual(ALL.slice(0, 5));
  });

  test('ends with its signal, at once, also where it waits for an event', async () => {
    await start([], { total: 1 });
    const controller = new AbortController();
    const events = client.events({ signal: controller.signal });
    expect((await events.next()).value).toMatchObject({ id: '1' });
    const waiting = events.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await eventually(() => server.connections[0]!.closed, 'the socket is closed');
    expect(server.connections).toHaveLength(1);
  });

  test('ends with its signal while it waits to connect again', async () => {
    await start([{ send: 1, end: { close: 1012 } }], { total: 1 });
    const controller = new AbortController();
    const events = client.events({ signal: controller.signal, onLost: () => controller.abort() });
    const ids: string[] = [];
    for await (const { id } of events) ids.push(id);
    expect(server.connections).toHaveLength(1);
  });

  test('ends when its reader leaves the loop, and when the client is closed', async () => {
    await start([]);
    for await (const { id } of client.events()) {
      expect(id).toBe('1');
      break;
    }
    await eventually(() => server.connections[0]?.closed === true, 'the first socket is closed');
    const events = client.events({ after: String(TOTAL) });
    await eventually(() => server.connections.length === 2, 'it has connected again');
    client.close();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await eventually(() => server.connections[1]!.closed, 'the second socket is closed');
    await expect(client.run('{ viewer { role } }', {})).rejects.toThrow('This client was closed.');
  });
});

describe('the tokens of a session', () => {
  const jwt = (lives: number, n: number): string =>
    `e30.${Buffer.from(JSON.stringify({ iat: 1_000, exp: 1_000 + lives, n })).toString('base64url')}.x`;

  test('are renewed ahead of their end, by one request however many ask', async () => {
    const asked: string[] = [];
    const tokens = new SessionTokens({ accessToken: jwt(1, 1), refreshToken: 'r1' }, async (refreshToken) => {
      asked.push(refreshToken);
      return { accessToken: jwt(900, 2), refreshToken: 'r2' };
    });
    expect(await tokens.current()).toBe(jwt(1, 1));
    await eventually(async () => {
      const given = await Promise.all([tokens.current(), tokens.current(), tokens.current()]);
      return given.every((token) => token === jwt(900, 2));
    }, 'they are renewed');
    expect(asked).toEqual(['r1']);
  });

  test('are renewed when one is refused, and asked for again where the answer was lost', async () => {
    let lost = 0;
    const tokens = new SessionTokens({ accessToken: jwt(900, 1), refreshToken: 'r1' }, async () => {
      if (lost++ === 0) throw new NoAnswer('lost');
      return { accessToken: jwt(900, 2), refreshToken: 'r2' };
    });
    expect(await tokens.current()).toBe(jwt(900, 1));
    expect(await tokens.current('another one')).toBe(jwt(900, 1));
    expect(await tokens.current(jwt(900, 1))).toBe(jwt(900, 2));
    expect(lost).toBe(2);
  });
});
