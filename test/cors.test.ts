import { describedSettings } from '../src/config/catalogue';
import { readSettings } from '../src/config/environment';
import { RawSocket } from './support/raw-socket';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const LISTED = 'https://console.example.com:8443';
const SANDBOX = 'https://studio.apollographql.com';

describe('pages of other origins', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    app = await startTrailGraph({ settings: { CORS_ORIGINS: `${LISTED}, http://localhost:5173` } });
  });
  afterAll(() => app.stop());

  const PATHS: [string, string][] = [
    ['/graphql', 'POST'],
    ['/ingest/direct', 'POST'],
    ['/sources', 'POST'],
    ['/sources/some-id', 'DELETE'],
    ['/v1/enrichment', 'GET'],
    ['/v1/login', 'POST'],
    ['/readyz', 'GET'],
  ];
  const preflight = (path: string, method: string, origin: string): Promise<Response> =>
    fetch(app.url + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    });

  test.each(PATHS)('may call %s by %s where they are listed', async (path, method) => {
    for (const origin of [LISTED, 'http://localhost:5173', SANDBOX, app.url]) {
      const { status, headers } = await preflight(path, method, origin);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, origin]);
      expect(headers.get('access-control-allow-methods')).toContain(method);
      expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type');
      expect(headers.get('vary')).toMatch(/origin/i);
      const answer = await fetch(app.url + path, { method, headers: { origin } });
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-expose-headers')).toBe('retry-after, x-request-id');
    }
  });

  test.each([
    'https://evil.example',
    'https://console.example.com',
    'http://console.example.com:8443',
    'https://console.example.com:8443.evil.example',
    'https://sub.console.example.com:8443',
    'null',
  ])('may call nothing as %s', async (origin) => {
    for (const [path, method] of PATHS) {
      const asked = [
        await preflight(path, method, origin),
        await fetch(app.url + path, { method, headers: { origin } }),
      ];
      for (const { headers } of asked) {
        expect(headers.get('access-control-allow-origin')).toBeNull();
        expect(headers.get('access-control-allow-credentials')).toBeNull();
      }
    }
    await expect(RawSocket.open(app.url, { origin })).rejects.toThrow('401');
  });

  test('may open a WebSocket where they are listed', async () => {
    for (const origin of [LISTED, 'http://localhost:5173', SANDBOX, app.url])
      (await RawSocket.open(app.url, { origin })).cut();
  });

  test('are not believed on HTTPS by a header of a proxy that is not trusted', async () => {
    const { headers } = await fetch(app.url, { headers: { 'x-forwarded-proto': 'https' } });
    expect(headers.has('strict-transport-security')).toBe(false);
  });
});

describe('CORS_ORIGINS', () => {
  test.each([
    '*',
    'null',
    'console.example.com',
    'https://console.example.com/',
    'https://console.example.com/path',
    'https://user@console.example.com',
    'https://*.example.com',
    'HTTPS://console.example.com',
    'https://console.example.com:443',
    'ftp://console.example.com',
  ])('refuses %s, which no browser sends as an origin', (origin) => {
    expect(() => readSettings({ CORS_ORIGINS: `https://good.example,${origin}` })).toThrow(
      `CORS_ORIGINS: ${origin} is no origin`,
    );
  });

  test('lets in nobody unless it is set', () => {
    expect(readSettings({}).CORS_ORIGINS).toEqual([]);
    expect(describedSettings().find(({ name }) => name === 'CORS_ORIGINS')).toMatchObject({ default: null });
  });
});
