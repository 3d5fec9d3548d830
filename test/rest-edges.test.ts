import type { Webhook } from '../src/domain/webhook';
import { eventually } from './support/eventually';
import { RestClient } from './support/rest-client';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** No Region answers there: nothing is asked of AWS. */
const SOURCE = {
  sourceType: 'AWS',
  accessKeyId: 'AKIAEXAMPLE000000000',
  secretAccessKey: 'the-secret-of-a-source',
  region: 'us-east-1',
  logFetchInterval: 86_400,
  s3Bucket: 'bucket-name',
};
const CALLBACK = 'https://example.com/callback';
/** Its origin is let in while APOLLO_SANDBOX is on. */
const SANDBOX = 'https://studio.apollographql.com';

let app: TestTrailGraph;
let rest: RestClient;
let token: string;

beforeAll(async () => {
  app = await startTrailGraph({ settings: { ROLE: 'api' } });
  await app.admin();
  rest = new RestClient(app.url);
  token = await rest.token(ADMIN);
});
afterAll(() => app.stop());

const callbacksOf = (id: string): Promise<Webhook[]> => app.core.webhooks.ofOneSource('FORWARDER_V1', [id]);
const addSource = (to: RestClient, id: string, callbackUrl: string, signal?: AbortSignal) =>
  fetch(`${to.url}/sources`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ ...SOURCE, id, callbackUrl }),
    ...(signal ? { signal } : {}),
  });

describe('a source with a callback', () => {
  test('whose server died half-way has its callback when it is asked for again, and no other', async () => {
    const doomed = await startTrailGraph({ database: app.database, settings: { ROLE: 'api' } });
    // It comes as far as the source and no further: as far as others can see it is dead.
    let finish = (): void => undefined;
    const end = new Promise<never>((_, reject) => {
      finish = () => reject(new Error('the process is gone'));
    });
    const makes = jest.spyOn(doomed.core.sources, 'create').mockReturnValueOnce(end);
    const cut = new AbortController();
    const lost = addSource(new RestClient(doomed.url), 'halfway', `${CALLBACK}?try=1`, cut.signal);
    await eventually(() => makes.mock.calls.length === 1, 'it is about to make the source');
    cut.abort();
    await expect(lost).rejects.toThrow();
    expect(await app.core.sources.getAny('halfway')).toBeNull();
    expect((await callbacksOf('halfway')).map(({ url }) => url)).toEqual([`${CALLBACK}?try=1`]);

    expect((await addSource(rest, 'halfway', `${CALLBACK}?try=2`)).status).toBe(201);
    expect((await callbacksOf('halfway')).map(({ url }) => url)).toEqual([`${CALLBACK}?try=2`]);
    expect((await addSource(rest, 'halfway', `${CALLBACK}?try=3`)).status).toBe(409);
    expect((await callbacksOf('halfway')).map(({ url }) => url)).toEqual([`${CALLBACK}?try=2`]);
    finish();
    await doomed.stop();
  });

  test('that was not made leaves no callback behind', async () => {
    const asked = await Promise.all(
      [1, 2, 3, 4].map((n) => addSource(rest, 'wanted', `${CALLBACK}?by=${n}`).then(({ status }) => status)),
    );
    expect(asked.sort()).toEqual([201, 409, 409, 409]);
    expect(await callbacksOf('wanted')).toHaveLength(1);
    const wrong = await rest.call('POST', '/sources', {
      token,
      body: { ...SOURCE, id: 'wrong', callbackUrl: CALLBACK, logFetchInterval: 1 },
    });
    expect(wrong.status).toBe(400);
    expect(await callbacksOf('wrong')).toEqual([]);
  });

  test('whose server died while it was deleted is deleted with its callback when that is asked for again', async () => {
    expect((await addSource(rest, 'leaving', CALLBACK)).status).toBe(201);
    const fails = jest.spyOn(app.core.sources, 'delete').mockRejectedValueOnce(new Error('gone'));
    expect((await rest.call('DELETE', '/sources/leaving', { token })).status).toBe(500);
    fails.mockRestore();
    expect((await rest.call('DELETE', '/sources/leaving', { token })).status).toBe(200);
    expect(await callbacksOf('leaving')).toEqual([]);
    expect((await rest.call('DELETE', '/sources/leaving', { token })).status).toBe(404);
  });
});

const ROUTES: [string, string][] = [
  ['/v1/health', 'GET, HEAD'],
  ['/v1/signup', 'POST'],
  ['/v1/login', 'POST'],
  ['/v1/enrichment', 'GET, POST, HEAD'],
  ['/sources', 'GET, POST, HEAD'],
  ['/sources/some', 'DELETE'],
  ['/ingest/direct', 'POST'],
];

describe.each(ROUTES)('the path %s', (path, allow) => {
  const preflight = (origin: string) =>
    fetch(`${app.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': allow.split(', ')[0]!,
        'access-control-request-headers': 'authorization,content-type',
      },
    });

  test('refuses every other method with 405, tells which it takes, and reads nothing of the request', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      if (allow.split(', ').includes(method)) continue;
      const body = method === 'GET' ? {} : { body: '{ not JSON' };
      const answer = await rest.call(method, path, body);
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, allow]);
      expect(answer.text.length).toBeGreaterThan(0);
      if (path.startsWith('/sources')) expect(answer.text).toContain(`${method} is not for this path`);
      else expect(answer.json().error).toBe(true);
    }
  });

  test('may be used from pages of our own and of Apollo Sandbox, and from no other', async () => {
    for (const origin of [SANDBOX, app.url]) {
      const allowed = await preflight(origin);
      expect([origin, allowed.status]).toEqual([origin, 204]);
      expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
      expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    }
    const foreign = await preflight('https://elsewhere.example.com');
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });
});
