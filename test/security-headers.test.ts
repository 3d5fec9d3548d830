import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const NOTHING = {
  'default-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

describe('security headers', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    app = await startTrailGraph({ settings: { TRUST_PROXY: '127.0.0.1' } });
  });
  afterAll(() => app.stop());

  const JSON_TYPE = { 'content-type': 'application/json' };
  const QUERY = JSON.stringify({ query: '{ health { status } }' });

  /** The sources that each directive of an answer's policy lets in. */
  const policyOf = (headers: Headers): Record<string, string> =>
    Object.fromEntries(
      headers
        .get('content-security-policy')!
        .split(/; ?/)
        .map((part) => [part.slice(0, part.indexOf(' ')), part.slice(part.indexOf(' ') + 1)]),
    );

  test.each<[string, string, number, RequestInit?]>([
    ['an answer of GraphQL', '/graphql', 200, { method: 'POST', headers: JSON_TYPE, body: QUERY }],
    ['a refusal of GraphQL', '/graphql', 400, { method: 'POST', headers: JSON_TYPE, body: '{}' }],
    [
      'a body that is too long',
      '/graphql',
      413,
      { method: 'POST', headers: JSON_TYPE, body: `"${'x'.repeat(2 ** 21)}"` },
    ],
    ['the push door', '/ingest/direct', 401, { method: 'POST', headers: JSON_TYPE, body: '{}' }],
    ['the sources of the forwarder', '/sources', 401],
    ['the enrichment API', '/v1/enrichment', 401],
    ['a method that is not taken', '/sources', 405, { method: 'PUT' }],
    ['a path that is not there', '/nothing-here', 404],
    ['a path that can not be read', '/%', 400],
    ['the OpenAPI description', '/openapi.json', 200],
    ['liveness', '/livez', 200],
    ['readiness', '/readyz', 200],
    ['metrics', '/metrics', 200],
    ['the list of places', '/places.json', 200],
    ['the way to the sandbox', '/sandbox', 302],
  ])('let %s do nothing in a browser', async (_, path, status, request = {}) => {
    const answer = await fetch(app.url + path, { redirect: 'manual', ...request });
    expect(answer.status).toBe(status);
    expect(policyOf(answer.headers)).toEqual(NOTHING);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'x-request-id': expect.any(String),
    });
    expect(answer.headers.has('strict-transport-security')).toBe(false);
  });

  test.each<[string, string, Record<string, string>]>([
    ['the start page', '/', { 'style-src': "'self'" }],
    ['its icon', '/icon.svg', { 'style-src': "'self'" }],
    [
      'GraphiQL',
      '/graphiql/',
      {
        'style-src': "'self' 'unsafe-inline'",
        'img-src': "'self' data:",
        'font-src': "'self'",
        'worker-src': "'self'",
      },
    ],
  ])('let %s load what is its own', async (_, path, own) => {
    const { status, headers } = await fetch(app.url + path);
    expect(status).toBe(200);
    expect(policyOf(headers)).toEqual({
      ...NOTHING,
      'script-src': "'self'",
      'img-src': "'self'",
      'connect-src': "'self'",
      ...own,
    });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('let the page of Apollo Sandbox run what Apollo wrote into it this time, and nobody frame it', async () => {
    const page = async () => {
      const answer = await fetch(`${app.url}/graphql`, { headers: { accept: 'text/html' } });
      expect(answer.status).toBe(200);
      const text = await answer.text();
      const policy = policyOf(answer.headers);
      const nonce = /'nonce-([0-9a-f]{64})'/.exec(policy['script-src']!)![1]!;
      expect(policy).toMatchObject({
        'default-src': "'none'",
        'script-src': `'nonce-${nonce}'`,
        'connect-src': "'self'",
        'frame-src': 'https://sandbox.embed.apollographql.com',
        'frame-ancestors': "'none'",
      });
      const tags = [...text.matchAll(/<(?:script|style)[^>]*>/g)].map(([tag]) => tag);
      expect(tags.length).toBeGreaterThanOrEqual(3);
      for (const tag of tags) expect(tag).toContain(nonce);
      return nonce;
    };
    expect(await page()).not.toBe(await page());
  });

  test('ask for HTTPS henceforth where a trusted proxy says that it was used', async () => {
    for (const path of ['/', '/livez', '/nothing-here']) {
      const { headers } = await fetch(app.url + path, { headers: { 'x-forwarded-proto': 'https' } });
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    }
    const plain = await fetch(`${app.url}/livez`, { headers: { 'x-forwarded-proto': 'http' } });
    expect(plain.headers.has('strict-transport-security')).toBe(false);
  });
});
