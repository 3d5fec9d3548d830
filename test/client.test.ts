import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { NoAnswer, TrailGraphError } from '../src/client/errors';
import { TrailGraphClient, type TrailGraphClientOptions } from '../src/client/trailgraph-client';
import { streamCursor } from '../src/domain/cursor';
import { findFreePort } from '../src/embedded/free-port';
import {
  CreateSourceDocument,
  EventsDocument,
  type EventsQuery,
  SourceChangedDocument,
  ViewerDocument,
} from '../src/generated/graphql';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { opened } from './support/live-state';
import { makePushSource, type PushSource } from './support/pushing';
import { shortToken } from './support/short-token';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { type SpawnedProgram, spawnProgram } from './support/worker-process';

const START_WITHIN_MS = 60_000;

let app: TestTrailGraph;
let admin: GraphqlClient;
let source: PushSource;
let client: TrailGraphClient;
const clients: TrailGraphClient[] = [];

function newClient(options: Partial<TrailGraphClientOptions> = {}): TrailGraphClient {
  const made = new TrailGraphClient({
    url: app.url,
    token: admin.token!,
    webSocketImpl: WebSocket,
    ...options,
  });
  clients.push(made);
  return made;
}

beforeAll(async () => {
  app = await startTrailGraph();
  admin = await app.admin();
  source = await makePushSource(app, 'pushed');
  client = newClient();
});
afterAll(async () => {
  for (const each of clients) each.close();
  await app.stop();
});

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: unknown) => error,
  );
}

describe('the client runs', () => {
  test('queries and mutations whose results are typed by their documents', async () => {
    const { createSource } = await client.run(CreateSourceDocument, {
      input: { name: 'typed', httpPush: {} },
    });
    expect(createSource.source.name).toBe('typed');
    expect(typeof createSource.ingestToken).toBe('string');
    const { viewer } = await client.run(ViewerDocument, {});
    expect(viewer?.user?.email).toBe(ADMIN.email);
    const plain = await client.run<{ viewer: { role: string } }, object>('{ viewer { role } }', {});
    expect(plain).toEqual({ viewer: { role: 'ADMIN' } });
  });

  test('into a TrailGraphError that tells code, fields, path, status and request id', async () => {
    const error = await failureOf(client.run(CreateSourceDocument, { input: { name: '', httpPush: {} } }));
    expect(error).toBeInstanceOf(TrailGraphError);
    const { code, fields, path, requestId, status } = error as TrailGraphError;
    expect({ code, path, status }).toEqual({ code: 'BAD_USER_INPUT', path: ['createSource'], status: 200 });
    expect(fields.map((fault) => fault.path)).toEqual([['input', 'name']]);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await failureOf(newClient({ token: 'nonsense' }).run(ViewerDocument, {}))).toMatchObject({
      code: 'UNAUTHENTICATED',
      status: 401,
    });
    expect(await failureOf(client.run('{ nothing }', {}))).toMatchObject({
      code: 'GRAPHQL_VALIDATION_FAILED',
      status: 400,
    });
  });

  test('into the reason of its signal', async () => {
    const controller = new AbortController();
    const running = failureOf(client.run(ViewerDocument, {}, { signal: controller.signal }));
    controller.abort('enough');
    expect(await running).toBe('enough');
  });

  test('through all pages of a connection', async () => {
    const ids = await source.pushNew(7, { eventName: 'Paged' });
    const pages: EventsQuery['events'][] = [];
    const variables = { first: 3, filter: { eventNames: ['Paged'] } };
    for await (const page of client.pages(EventsDocument, variables, ({ events }) => events))
      pages.push(page);
    expect(pages.map(({ nodes }) => nodes.length)).toEqual([3, 3, 1]);
    expect(pages.flatMap(({ nodes }) => nodes.map(({ id }) => id)).sort()).toEqual([...ids].sort());
  });
});

describe('where no TrailGraph answers', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(({ url: path = '' }, response) => {
      if (path.startsWith('/silent')) return;
      const status = Number(path.split('/')[1]);
      response.writeHead(status, { 'retry-after': '7', location: '/200/' }).end('<html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const answerOf = (path: string, timeoutMs = 10_000): Promise<unknown> =>
    failureOf(newClient({ url: `${url}/${path}`, timeoutMs }).run(ViewerDocument, {}));

  test('it throws NoAnswer: nobody there, too slow, a proxy that answers instead', async () => {
    const nobody = await failureOf(
      newClient({ url: `http://127.0.0.1:${await findFreePort()}` }).run(ViewerDocument, {}),
    );
    expect(nobody).toBeInstanceOf(NoAnswer);
    expect(nobody).toMatchObject({ reason: 'ECONNREFUSED', status: null });
    expect(await answerOf('silent', 100)).toMatchObject({
      name: 'NoAnswer',
      reason: 'it took longer than 100 ms',
    });
    for (const status of [429, 502, 503])
      expect(await answerOf(String(status))).toMatchObject({
        name: 'NoAnswer',
        status,
        retryAfterSeconds: 7,
      });
  });

  test('it throws BAD_ANSWER where something else lives', async () => {
    for (const status of [200, 404])
      expect(await answerOf(String(status))).toMatchObject({
        name: 'TrailGraphError',
        code: 'BAD_ANSWER',
        status,
      });
  });

  test('it does not follow where it is sent', async () => {
    expect(await answerOf('302')).toBeInstanceOf(NoAnswer);
  });

  test('it refuses what is no URL of a server', () => {
    expect(() => newClient({ url: 'localhost:4000' })).toThrow('is not an http or https URL');
    expect(() => newClient({ url: 'nonsense' })).toThrow('Invalid URL');
  });
});

describe('a client that logged in', () => {
  test('has its session renewed, once for all who ask, when its token has run out', async () => {
    const sent: string[] = [];
    // The server's own answers, but with a token that runs out soon.
    const soon: typeof fetch = async (input, init) => {
      const [, name = ''] = /(?:query|mutation) (\w+)/.exec(String(init?.body)) ?? [];
      sent.push(name);
      const response = await fetch(input, init);
      if (name !== 'Login') return response;
      const { data } = (await response.json()) as { data: { login: { accessToken: string } } };
      data.login.accessToken = await shortToken(app, data.login.accessToken, 1_500);
      return new Response(JSON.stringify({ data }), { headers: response.headers });
    };
    const session = await TrailGraphClient.login(app.url, ADMIN, { fetch: soon, webSocketImpl: WebSocket });
    clients.push(session);
    await eventually(async () => {
      const answers = await Promise.all([1, 2, 3].map(() => session.run(ViewerDocument, {})));
      expect(answers.map(({ viewer }) => viewer?.user?.email)).toEqual([
        ADMIN.email,
        ADMIN.email,
        ADMIN.email,
      ]);
      return sent.includes('RefreshSession');
    }, 'the session was renewed');
    expect(sent.filter((name) => name === 'RefreshSession')).toHaveLength(1);
  });

  test('tells a wrong password', async () => {
    expect(
      await failureOf(TrailGraphClient.login(app.url, { email: ADMIN.email, password: 'wrong password' })),
    ).toMatchObject({ name: 'TrailGraphError', code: 'UNAUTHENTICATED' });
  });
});

describe('the client subscribes', () => {
  test('to what matches from now on, and to what else is told', async () => {
    await source.pushNew(1, { eventName: 'Wanted' });
    const events = client.events({ filter: { eventNames: ['Wanted'] } });
    const changes = client.subscribe(SourceChangedDocument, { ids: [source.id] });
    await opened(app, 2);
    await source.pushNew(2, { eventName: 'Other' });
    const [id] = await source.pushNew(1, { eventName: 'Wanted' });
    expect((await events.next()).value).toMatchObject({ id, eventName: 'Wanted' });
    expect((await changes.next()).value).toMatchObject({ sourceChanged: { id: source.id } });
    await events.return?.();
    await changes.return?.();
    await opened(app, 0);
  });

  test('after a cursor that is not there, into CURSOR_EXPIRED', async () => {
    const events = client.events({ after: streamCursor({ n: 999_999, pos: 0 }) });
    expect(await failureOf(events.next())).toMatchObject({ name: 'TrailGraphError', code: 'CURSOR_EXPIRED' });
  });

  test('and a reader slower than the events gets each of them once, in order', async () => {
    const events = client.events({ buffer: 20, filter: { eventNames: ['Many'] } });
    await opened(app, 1);
    const ids = await source.pushNew(700, { eventName: 'Many' });
    await opened(app, 0); // It has left, with its buffer full.
    const seen: string[] = [];
    for await (const { id } of events) {
      seen.push(id);
      if (seen.length % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (seen.length === ids.length) break;
    }
    expect(seen).toEqual(ids);
  });
});

describe('while the API comes and goes', () => {
  let port: number;
  let api: SpawnedProgram;
  const startApi = async (): Promise<void> => {
    api = spawnProgram({ ...app.environment, ROLE: 'api', PORT: String(port) });
    const ready = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}/livez`).catch(() => null))?.ok === true;
    await eventually(ready, 'the API answers', START_WITHIN_MS);
  };
  const stopApi = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    api.kill(signal);
    await api.ended(30_000);
  };
  beforeAll(async () => {
    port = await findFreePort();
    await startApi();
  });
  afterAll(() => stopApi('SIGKILL'));

  test('and tokens run out, a subscriber sees every event once', async () => {
    const refused: string[] = [];
    let given = await shortToken(app, admin.token!, 3_000);
    const coming = newClient({
      url: `http://127.0.0.1:${port}`,
      token: (old) => {
        if (old === given) {
          refused.push(old);
          given = admin.token!;
        }
        return given;
      },
    });
    let connected = 0;
    const events = coming.events({ filter: { eventNames: ['Lasting'] }, onConnected: () => connected++ });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { id } of events) seen.push(id);
    })();
    const ids: string[] = [];
    const push = async (count: number): Promise<void> => {
      ids.push(...(await source.pushNew(count, { eventName: 'Lasting' })));
    };
    await eventually(() => connected === 1, 'it has subscribed');
    await stopApi('SIGKILL'); // Before its first event.
    await push(5);
    await startApi();
    await eventually(() => refused.length === 1, 'its token was refused');
    await push(5);
    await eventually(() => seen.length === 10, 'it is there again');
    const before = connected;
    await Promise.all([stopApi('SIGTERM'), push(5), push(5)]);
    await push(5);
    await startApi();
    await push(5);
    await eventually(() => seen.length >= ids.length, 'all has come');
    await push(1);
    await eventually(() => seen.length >= ids.length, 'the last one has come');
    expect(connected).toBeGreaterThan(before);
    expect(new Set(seen).size).toBe(seen.length);
    expect([...seen].sort()).toEqual([...ids].sort());
    coming.close();
    await reading;
  }, 240_000);
});
