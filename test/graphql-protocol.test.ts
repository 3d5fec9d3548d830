import type { GraphqlAnswer, GraphqlClient } from './support/graphql-client';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SANDBOX = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'];
const JSON_TYPE = { 'content-type': 'application/json' };

interface Answer extends GraphqlAnswer<Record<string, unknown>> {
  status: number;
  requestId: string | null;
  headers: Headers;
  text: string;
}

describe('GraphQL over HTTP', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  const logLines: string[] = [];

  const request = async (init: RequestInit, search = ''): Promise<Answer> => {
    const response = await fetch(`${app.url}/graphql${search}`, init);
    const text = await response.text();
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as GraphqlAnswer<Record<string, unknown>>;
    const { status, headers } = response;
    return { ...body, status, headers, text, requestId: headers.get('x-request-id') };
  };
  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    request({ method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
  const asAdmin = (): Record<string, string> => ({ authorization: `Bearer ${admin.token}` });

  /** One error, whose request id is that of the answer. */
  const expectError = (answer: Answer, status: number, code: string): void => {
    expect(answer).toMatchObject({ status, errors: [{ extensions: { code, requestId: answer.requestId } }] });
    expect(answer.errors).toHaveLength(1);
    expect(answer.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.text).not.toMatch(/stacktrace|node_modules|mongo/i);
  };

  beforeAll(async () => {
    app = await startTrailGraph({ logLines, settings: { SIGNUP: 'open' } });
    admin = await app.admin();
  });
  afterAll(() => app.stop());

  test('answers what a page could send without a preflight request with 400', async () => {
    const query = JSON.stringify({ query: '{ health { status } }' });
    expectError(
      await request({ method: 'POST', headers: { 'content-type': 'text/plain' }, body: query }),
      400,
      'BAD_REQUEST',
    );
    const search = `?query=${encodeURIComponent('{ health { status } }')}`;
    expectError(await request({}, search), 400, 'BAD_REQUEST');
    const preflighted = await request({ headers: { 'apollo-require-preflight': 'yes' } }, search);
    expect(preflighted).toMatchObject({ status: 200, data: { health: { status: 'HEALTHY' } } });
  });

  test('runs no mutation by GET', async () => {
    const search = `?query=${encodeURIComponent('mutation { logout }')}`;
    const answer = await request({ headers: { 'apollo-require-preflight': 'yes', ...asAdmin() } }, search);
    expectError(answer, 405, 'BAD_REQUEST');
  });

  test('takes no batches', async () => {
    expectError(
      await post([{ query: '{ viewer { role } }' }, { query: '{ viewer { role } }' }]),
      400,
      'BAD_REQUEST',
    );
  });

  test.each([
    ['no JSON', '{"query":', 400],
    ['nothing', '', 400],
    ['JSON without a query', '{}', 400],
    ['more than 1 MiB', JSON.stringify({ query: `{ viewer { role } } # ${'x'.repeat(1024 * 1024)}` }), 413],
  ])('answers a body that is %s as GraphQL errors', async (_, body, status) => {
    expectError(await request({ method: 'POST', headers: JSON_TYPE, body }), status, 'BAD_REQUEST');
  });

  test.each([
    ['text that is not GraphQL', { query: '{' }, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ viewer { colour } }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['a literal of the wrong type', { query: '{ event(id: {}) { id } }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable of the wrong type',
      { query: 'query ($n: Int) { sources(first: $n) { nodes { id } } }', variables: { n: 'many' } },
      'BAD_USER_INPUT',
    ],
    [
      'a date that is none',
      {
        query: 'query ($f: EventFilter) { events(filter: $f) { nodes { id } } }',
        variables: { f: { from: 'noon' } },
      },
      'BAD_USER_INPUT',
    ],
    [
      'an operation that is not there',
      { query: 'query A { viewer { role } } query B { viewer { role } }', operationName: 'C' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
  ])('refuses %s with 400 and its code', async (_, body, code) => {
    expectError(await post(body, asAdmin()), 400, code);
  });

  test('runs no subscriptions', async () => {
    const query = 'subscription { eventEnriched { id } }';
    expectError(await post({ query }, asAdmin()), 400, 'BAD_REQUEST');
  });

  test('tells the faulty fields of an input, all at once', async () => {
    const answer = await post(
      {
        query: 'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
        variables: { input: { name: '', s3: { bucket: 'No Bucket', pollIntervalSeconds: 1 } } },
      },
      asAdmin(),
    );
    expectError(answer, 200, 'BAD_USER_INPUT');
    expect(answer.errors![0]!.extensions.fields!.map(({ path }) => path.join('.'))).toEqual([
      'input.name',
      'input.s3.bucket',
      'input.s3.pollIntervalSeconds',
    ]);
  });

  test('answers a token that does not hold with 401, and nobody where one is needed with UNAUTHENTICATED', async () => {
    for (const authorization of ['Bearer nonsense', 'Basic YTpi', 'Bearer'])
      expectError(await post({ query: '{ viewer { role } }' }, { authorization }), 401, 'UNAUTHENTICATED');
    expect(await post({ query: '{ viewer { role } }' })).toMatchObject({
      status: 200,
      data: { viewer: null },
    });
    for (const query of [
      '{ sources { totalCount } }',
      '{ events { nodes { id } } }',
      'mutation { ingestEvents(records: []) { received } }',
      'mutation { createSource(input: { name: "a", httpPush: {} }) { ingestToken } }',
    ])
      expectError(await post({ query }), 200, 'UNAUTHENTICATED');
  });

  test('lets a VIEWER read and forbids the rest', async () => {
    const { signUp } = await app.anonymous.run<{ signUp: { accessToken: string; user: object } }>(
      'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken user { role } } }',
      { input: { email: 'viewer@example.com', password: 'only looking around' } },
    );
    expect(signUp.user).toEqual({ role: 'VIEWER' });
    const authorization = { authorization: `Bearer ${signUp.accessToken}` };
    expect(await post({ query: '{ sources { totalCount } }' }, authorization)).toMatchObject({
      data: { sources: { totalCount: 1 } },
    });
    for (const query of [
      'mutation { ingestEvents(records: []) { received } }',
      'mutation { createSource(input: { name: "a", httpPush: {} }) { ingestToken } }',
      'mutation { createWebhook(input: { name: "a", url: "https://example.com" }) { secret } }',
      'mutation { deleteSource(id: "direct") }',
    ])
      expectError(await post({ query }, authorization), 200, 'FORBIDDEN');
  });

  test('tells nothing of a failure of its own but where to look in the log', async () => {
    const { eventID } = newRecord();
    await admin.run('mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }', {
      records: [newRecord({ eventID })],
    });
    await app.core.store.db
      .collection<{ _id: string }>('enriched_events')
      .updateOne({ _id: eventID }, { $unset: { enrichment: 1 } });
    const query = 'query ($id: ID!) { event(id: $id) { enrichment { outcome } } }';
    const answer = await post({ query, variables: { id: eventID } }, asAdmin());
    expectError(answer, 200, 'INTERNAL_SERVER_ERROR');
    expect(answer.errors![0]!.message).toBe(
      'Something went wrong on our side; the log has it under this request id.',
    );
    const told = logLines.filter(
      (line) => line.includes(answer.requestId!) && !line.includes('request answered'),
    );
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0]!)).toMatchObject({ level: 50, requestId: answer.requestId });
  });

  test.each(SANDBOX)('may be called by a page of %s', async (origin) => {
    const preflight = await fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type,authorization');
    const { headers } = await post({ query: '{ health { status } }' }, { origin });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('vary')).toMatch(/origin/i);
  });

  test('may not be called by any other page', async () => {
    for (const origin of ['https://evil.example', 'null', `${SANDBOX[0]}.evil.example`]) {
      const { headers } = await post({ query: '{ health { status } }' }, { origin });
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('shows Apollo Sandbox to a browser, under a policy that lets in what it loads and no more', async () => {
    const { status, text, headers } = await request({ headers: { accept: 'text/html' } });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    const scripts = [...text.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, source]) => source!);
    expect(scripts.length).toBeGreaterThan(0);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(text)![1]!;
    const directives = new Map(
      policy.split(';').map((part) => {
        const [name, ...sources] = part.trim().split(/\s+/);
        return [name, sources] as const;
      }),
    );
    for (const source of scripts) {
      expect(new URL(source).host).toBe('embeddable-sandbox.cdn.apollographql.com');
      expect(directives.get('script-src')!.some((allowed) => source.startsWith(allowed))).toBe(true);
    }
    expect(directives.get('script-src')!.join(' ')).not.toMatch(/unsafe-inline|unsafe-eval|\*/);
    expect(directives.get('frame-src')).toContain('https://sandbox.embed.apollographql.com');
    const sandbox = await fetch(`${app.url}/sandbox`, { redirect: 'manual' });
    expect([sandbox.status, sandbox.headers.get('location')]).toEqual([302, '/graphql']);
  });

  test('tells the schema, and hints at what was meant to who is logged in', async () => {
    expect(await post({ query: '{ __schema { queryType { name } } }' })).toMatchObject({
      data: { __schema: { queryType: { name: 'Query' } } },
    });
    expect((await post({ query: '{ helth { status } }' }, asAdmin())).text).toContain('Did you mean');
    expect((await post({ query: '{ helth { status } }' })).text).not.toContain('Did you mean');
  });
});

describe('GraphQL over HTTP with GRAPHQL_INTROSPECTION=off and APOLLO_SANDBOX=off', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    app = await startTrailGraph({ settings: { GRAPHQL_INTROSPECTION: 'off', APOLLO_SANDBOX: 'off' } });
  });
  afterAll(() => app.stop());

  test('does not tell the schema, nor what was meant', async () => {
    for (const query of [
      '{ __schema { queryType { name } } }',
      '{ __type(name: "Query") { name } }',
      '{ helth { status } }',
    ]) {
      const { data, errors } = await app.anonymous.raw(query);
      expect(data ?? null).toBeNull();
      expect(errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
      expect(JSON.stringify(errors)).not.toContain('Did you mean');
    }
  });

  test('shows no page of Apollo, and its pages may not call', async () => {
    const page = await fetch(`${app.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(400);
    expect(await page.text()).not.toContain('apollographql.com');
    expect((await fetch(`${app.url}/sandbox`)).status).toBe(404);
    for (const origin of SANDBOX) {
      const answer = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { ...JSON_TYPE, origin },
        body: JSON.stringify({ query: '{ health { status } }' }),
      });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});
