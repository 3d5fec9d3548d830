import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { opened } from './support/live-state';
import { makePushSource, newRecord } from './support/pushing';
import { RawSocket, type RawSocketOptions } from './support/raw-socket';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const LIVE = 'subscription { eventEnriched { id } }';
const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Between the end of a session and the close of its sockets. */
const CLOSED_WITHIN_MS = 3_000;

/** Runs queries too, and lets in who has no token. */
let all: TestTrailGraph;
/** Open all the while: one whose peer is gone without a word, one that has nothing to say. */
let deaf: RawSocket;
let quiet: RawSocket;
beforeAll(async () => {
  all = await startTrailGraph({
    settings: { WS_OPERATIONS: 'all', GRAPHQL_INTROSPECTION: 'off', APOLLO_SANDBOX: 'off' },
  });
  [deaf, quiet] = [await RawSocket.open(all.url, { deaf: true }), await RawSocket.open(all.url)];
  for (const socket of [deaf, quiet]) {
    socket.send({ type: 'connection_init' });
    await socket.next('connection_ack');
  }
});
afterAll(() => all.stop());

describe('GraphQL over WebSocket', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  const logLines: string[] = [];
  const sockets: RawSocket[] = [];
  const open = async (options?: RawSocketOptions): Promise<RawSocket> => {
    const socket = await RawSocket.open(app.url, options);
    sockets.push(socket);
    return socket;
  };
  const enter = async (token = admin.token!): Promise<RawSocket> => {
    const socket = await RawSocket.authorized(app.url, token);
    sockets.push(socket);
    return socket;
  };
  const logIn = async (): Promise<GraphqlClient> => {
    const { login } = await app.anonymous.run<{ login: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
      { input: ADMIN },
    );
    return app.anonymous.as(login.accessToken);
  };

  beforeAll(async () => {
    app = await startTrailGraph({ logLines });
    admin = await app.admin();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.cut();
    await opened(app, 0);
  });
  afterAll(() => app.stop());

  test.each([
    ['no token', {}],
    ['a bad token', { authorization: 'Bearer nonsense' }],
    ['a token that is not a text', { authorization: { bearer: true } }],
    ['credentials of another kind', { authorization: 'Basic YTpi' }],
  ])('with %s is closed with 4403', async (_, payload) => {
    const socket = await open();
    socket.send({ type: 'connection_init', payload });
    expect((await socket.closed).code).toBe(4403);
  });

  test('without connection_init within 3 s is closed with 4408', async () => {
    const started = performance.now();
    const socket = await open();
    expect((await socket.closed).code).toBe(4408);
    expect(performance.now() - started).toBeGreaterThan(2_900);
  });

  test('that subscribes before connection_init is closed with 4401', async () => {
    const socket = await open();
    socket.subscribe('1', LIVE);
    expect((await socket.closed).code).toBe(4401);
  });

  test('that uses an id twice is closed with 4409', async () => {
    const socket = await enter();
    socket.subscribe('1', LIVE);
    socket.subscribe('1', LIVE);
    expect((await socket.closed).code).toBe(4409);
  });

  test('that says connection_init twice is closed with 4429', async () => {
    const socket = await enter();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${admin.token}` } });
    expect((await socket.closed).code).toBe(4429);
  });

  test.each(['hello', '{"type":"something"}', '{"type":"subscribe","id":"1"}', '[]'])(
    'that says %s is closed with 4400',
    async (text) => {
      const socket = await enter();
      socket.send(text);
      expect((await socket.closed).code).toBe(4400);
    },
  );

  test('that speaks no subprotocol of ours is closed with 4406', async () => {
    expect((await (await open({ protocol: null })).closed).code).toBe(4406);
  });

  test('that says more than 64 KiB at once is closed with 1009', async () => {
    const complain = jest.spyOn(console, 'error').mockImplementation(() => undefined); // graphql-ws tells it there.
    const socket = await enter();
    socket.subscribe('1', `# ${'x'.repeat(64 * 1024)}\n${LIVE}`);
    expect((await socket.closed).code).toBe(1009);
    complain.mockRestore();
  });

  test('answers ping with pong', async () => {
    const socket = await enter();
    socket.send({ type: 'ping', payload: { n: 1 } });
    expect(await socket.next('pong')).toEqual({ type: 'pong', payload: { n: 1 } });
  });

  test.each([
    'https://evil.example',
    'http://localhost.evil.example',
    'null',
    'https://studio.apollographql.com.evil.example',
  ])('from a page of %s is refused at the handshake', async (origin) => {
    await expect(open({ origin })).rejects.toThrow('401');
  });

  test('from a page of its own or of Apollo Sandbox is let in', async () => {
    for (const origin of [
      app.url,
      'https://studio.apollographql.com',
      'https://sandbox.embed.apollographql.com',
    ]) {
      const socket = await open({ origin });
      socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${admin.token}` } });
      expect(await socket.next('connection_ack')).toEqual({ type: 'connection_ack' });
    }
  });

  test.each([
    ['a query', 'query { viewer { role } }', 'BAD_REQUEST'],
    ['a mutation', 'mutation { logout }', 'BAD_REQUEST'],
    ['text that is not GraphQL', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', 'subscription { eventEnriched { nothing } }', 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a literal of the wrong kind',
      'subscription { eventEnriched(filter: { from: "noon" }) { id } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'two fields in a subscription',
      'subscription { a: eventEnriched { id } b: eventEnriched { id } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
  ])('refuses %s with a code and a request id, and goes on', async (_, query, code) => {
    const socket = await enter();
    socket.subscribe('1', query);
    const { id, payload } = await socket.next('error');
    expect(id).toBe('1');
    for (const error of payload as object[])
      expect(error).toMatchObject({ extensions: { code, requestId: expect.stringMatching(REQUEST_ID) } });
    socket.subscribe('1', LIVE);
    await opened(app, 1);
  });

  test.each([
    ['a text', { filter: 'all' }],
    ['a date that is none', { filter: { from: 'noon' } }],
    ['an unknown member', { filter: { colour: 'red' } }],
  ])('refuses variables of the wrong type (%s) as BAD_USER_INPUT', async (_, variables) => {
    const socket = await enter();
    socket.subscribe(
      '1',
      'subscription ($filter: EventFilter) { eventEnriched(filter: $filter) { id } }',
      variables,
    );
    const { payload } = await socket.next('next');
    expect(payload).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', requestId: expect.stringMatching(REQUEST_ID) } }],
    });
    await socket.next('complete');
  });

  test('tells nothing of a failure of its own but where to look in the log', async () => {
    const socket = await enter();
    const source = await makePushSource(app, 'broken');
    socket.subscribe('first', 'subscription { eventEnriched { cursor } }');
    await opened(app, 1);
    await source.push(JSON.stringify({ Records: [newRecord()] }));
    const { payload: first } = await socket.next('next');
    const { cursor } = (first as { data: { eventEnriched: { cursor: string } } }).data.eventEnriched;
    socket.send({ type: 'complete', id: 'first' });
    await opened(app, 0);
    const [broken] = await source.pushNew(1);
    await app.core.store.db
      .collection<{ _id: string }>('enriched_events')
      .updateOne({ _id: broken! }, { $unset: { enrichment: 1 } });
    socket.subscribe(
      '1',
      'subscription ($after: String) { eventEnriched(after: $after) { enrichment { outcome } } }',
      { after: cursor },
    );
    const message = await socket.next('next', 'error');
    const errors = (
      Array.isArray(message.payload) ? message.payload : (message.payload as { errors: unknown[] }).errors
    ) as {
      message: string;
      extensions: { code: string; requestId: string };
    }[];
    expect(errors).toHaveLength(1);
    expect(errors[0]!.extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
      requestId: expect.stringMatching(REQUEST_ID),
    });
    expect(errors[0]!.message).toBe(
      'Something went wrong on our side; the log has it under this request id.',
    );
    expect(logLines.filter((line) => line.includes(errors[0]!.extensions.requestId))).toHaveLength(1);
  });

  test('runs at most 20 operations; another one is refused until one is completed', async () => {
    const socket = await enter();
    for (let n = 1; n <= 20; n++) socket.subscribe(String(n), LIVE);
    await opened(app, 20);
    socket.subscribe('21', LIVE);
    const { id, payload } = await socket.next('error');
    expect(id).toBe('21');
    expect(payload).toEqual([
      {
        message: expect.stringContaining('20 operations run on this socket already'),
        extensions: { code: 'BAD_USER_INPUT', fields: [], requestId: expect.stringMatching(REQUEST_ID) },
      },
    ]);
    await opened(app, 20);
    socket.send({ type: 'complete', id: '7' });
    await opened(app, 19);
    socket.subscribe('21', LIVE);
    await opened(app, 20);
  });

  test('of a user who has 100 open is closed with 4429 and the reason; others are let in', async () => {
    const credentials = { email: 'busy@example.com', password: 'many tabs are open' };
    await app.api.accounts.createUser(credentials, 'VIEWER');
    const { login } = await app.anonymous.run<{ login: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
      { input: credentials },
    );
    const mine = await Promise.all(Array.from({ length: 100 }, () => enter(login.accessToken)));
    const oneMore = await open();
    oneMore.send({ type: 'connection_init', payload: { authorization: `Bearer ${login.accessToken}` } });
    expect(await oneMore.closed).toEqual({
      code: 4429,
      reason: 'Too many sockets: at most 100 for each user',
    });
    await enter();
    mine[0]!.cut();
    await eventually(async () => {
      const again = await open();
      again.send({ type: 'connection_init', payload: { authorization: `Bearer ${login.accessToken}` } });
      return (await again.next('connection_ack').catch(() => null)) !== null;
    }, 'there is room for another one');
  });

  test('is closed with 4403 soon after its caller has logged out, the others are not', async () => {
    const other = await logIn();
    const mine = await enter(other.token!);
    const stays = await enter();
    mine.subscribe('1', LIVE);
    stays.subscribe('1', LIVE);
    await opened(app, 2);
    await other.run('mutation { logout }');
    const since = performance.now();
    expect((await mine.closed).code).toBe(4403);
    expect(performance.now() - since).toBeLessThan(CLOSED_WITHIN_MS);
    await opened(app, 1);
    stays.send({ type: 'ping' });
    await stays.next('pong');
    expect(mine.messages).toEqual([]);
  });

  test('is closed with 4403 soon after its token has run out', async () => {
    const socket = await enter();
    const clock = jest
      .spyOn(app.core.clock, 'now')
      .mockImplementation(() => new Date(Date.now() + 16 * 60_000));
    try {
      const since = performance.now();
      expect((await socket.closed).code).toBe(4403);
      expect(performance.now() - since).toBeLessThan(CLOSED_WITHIN_MS);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('GraphQL over WebSocket with WS_OPERATIONS=all', () => {
  test('runs queries and mutations, and subscriptions for callers only', async () => {
    const socket = await RawSocket.open(all.url);
    socket.send({ type: 'connection_init' });
    await socket.next('connection_ack');
    socket.subscribe('1', 'query { viewer { role } }');
    expect((await socket.next('next')).payload).toEqual({ data: { viewer: null } });
    socket.subscribe(
      '2',
      'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken user { role } } }',
      { input: ADMIN },
    );
    const { payload } = await socket.next('next');
    const { signUp } = (payload as { data: { signUp: { accessToken: string; user: object } } }).data;
    expect(signUp.user).toEqual({ role: 'ADMIN' });
    socket.subscribe('3', LIVE);
    expect((await socket.next('next')).payload).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    const known = await RawSocket.authorized(all.url, signUp.accessToken);
    known.subscribe('1', 'query { viewer { role } }');
    expect((await known.next('next')).payload).toEqual({ data: { viewer: { role: 'ADMIN' } } });
    known.subscribe('2', LIVE);
    await opened(all, 1);
    known.cut();
    socket.cut();
    await opened(all, 0);
  });

  test('does not tell the schema where introspection is off', async () => {
    const socket = await RawSocket.open(all.url);
    socket.send({ type: 'connection_init' });
    await socket.next('connection_ack');
    for (const query of ['{ __schema { types { name } } }', '{ helth { status } }']) {
      socket.subscribe('1', query);
      const { payload } = await socket.next('error');
      for (const error of payload as object[])
        expect(error).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } });
      expect(JSON.stringify(payload)).not.toContain('Did you mean');
    }
    socket.cut();
  });

  test('with APOLLO_SANDBOX=off refuses the pages of Apollo', async () => {
    for (const origin of ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'])
      await expect(RawSocket.open(all.url, { origin })).rejects.toThrow('401');
    (await RawSocket.open(all.url, { origin: all.url })).cut();
  });

  test('is pinged, and given up where nothing answers', async () => {
    await deaf.closed; // At the second ping, 24 s after it was opened: before all the other tests.
    expect(deaf.pings).toBeGreaterThan(0);
    expect(quiet.pings).toBeGreaterThan(0);
    expect(quiet.isOpen).toBe(true);
    quiet.cut();
  });
});
