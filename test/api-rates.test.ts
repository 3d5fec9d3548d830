import { COST_LIMIT } from '../src/graphql/limits/operation-cost';
import { RateLimit } from '../src/valkey/rate-limits';
import { byHttp, byWebSocket } from './support/both-doors';
import { OwnValkey } from './support/own-valkey';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

/** Refused: 11 fields at its root. */
const TOO_MUCH = `{ ${'__typename '.repeat(11)} }`;

describe('rates', () => {
  let app: TestTrailGraph;
  beforeAll(async () => {
    app = await startTrailGraph({
      settings: {
        WS_OPERATIONS: 'all',
        RATE_LIMIT_ANONYMOUS: '60',
        RATE_LIMIT_CALLER: '1000',
        SIGNUP: 'open',
      },
    });
  });
  afterAll(() => app.stop());

  test('are told with each answer, and kept for each user and for each address', async () => {
    const admin = await app.admin();
    const page = '{ events(first: 100) { nodes { id } } }';
    const first = await byHttp(admin, { query: page });
    const { rateLimit, cost } = first.extensions!;
    expect(cost).toEqual({ requested: 101, limit: COST_LIMIT });
    expect(rateLimit).toEqual({ limit: 1_000, remaining: 899, resetSeconds: expect.any(Number) });
    expect(rateLimit!.resetSeconds).toBeGreaterThan(0);
    expect(rateLimit!.resetSeconds).toBeLessThanOrEqual(60);
    // What is refused costs a point, over WebSocket as well.
    await byHttp(admin, { query: '{ nothing }' });
    await byHttp(admin, { query: '{' });
    await byWebSocket(admin, { query: TOO_MUCH });
    const wrong = await byHttp(admin, { query: TOO_MUCH });
    expect(wrong).toMatchObject({ status: 400, extensions: { rateLimit: { remaining: 895 } } });
    await byWebSocket(admin, { query: page });
    for (let left = 693; left >= 0; left -= 101)
      expect((await byHttp(admin, { query: page })).extensions!.rateLimit!.remaining).toBe(left);
    const over = await byHttp(admin, { query: page });
    expect(over).toMatchObject({
      status: 429,
      errors: [{ extensions: { code: 'RATE_LIMITED' } }],
      extensions: { rateLimit: { remaining: 0, limit: 1_000 } },
    });
    const seconds = over.errors[0]!.extensions.retryAfterSeconds as number;
    expect(seconds).toBeGreaterThan(0);
    expect(over.headers!.get('retry-after')).toBe(String(seconds));
    expect(over.errors[0]!.message).toContain('the 1,000 points of this minute');
    expect((await byWebSocket(admin, { query: page })).errors[0]!.extensions.code).toBe('RATE_LIMITED');
    // Somebody else has a budget of their own.
    const { signUp } = await app.anonymous.run<{ signUp: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken } }',
      { input: { email: 'other@example.com', password: 'somebody else is here' } },
    );
    expect(
      (await byHttp(app.anonymous.as(signUp.accessToken), { query: page })).extensions!.rateLimit!.remaining,
    ).toBe(899);
  });

  test('bound who is not logged in, by address: guesses of tokens too', async () => {
    const guess = app.anonymous.as('a.b.c');
    let status: number | null = 0;
    for (let n = 0; n < 200 && status !== 429; n++)
      ({ status } = await byHttp(guess, { query: '{ viewer { role } }' }));
    expect(status).toBe(429);
    const { errors, headers } = await byHttp(app.anonymous, { query: '{ health { status } }' });
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining('Your address'),
      extensions: { code: 'RATE_LIMITED' },
    });
    expect(headers!.get('retry-after')).toMatch(/^\d+$/);
  });
});

describe('a rate while Valkey is away', () => {
  let valkey: OwnValkey;
  beforeAll(async () => {
    valkey = await OwnValkey.prepare();
    await valkey.start();
  });
  afterAll(() => valkey.close());

  test('is kept by the process, without waiting for one that hangs', async () => {
    const client = valkey.client();
    await client.ping();
    const limit = new RateLimit({ valkey: client, prefix: 'test', pointsPerMinute: 10 });
    const elsewhere = new RateLimit({ valkey: client, prefix: 'test', pointsPerMinute: 10 });
    expect(await limit.spend('a', 4)).toMatchObject({ limit: 10, remaining: 6, exceeded: false });
    expect(await elsewhere.spend('a', 4)).toMatchObject({ limit: 10, remaining: 2, exceeded: false });
    valkey.freeze();
    await expect(limit.spend('a', 4)).resolves.toMatchObject({ remaining: 6, exceeded: false });
    await expect(limit.spend('a', 6)).resolves.toMatchObject({ remaining: 0, exceeded: false });
    await expect(limit.spend('a', 1)).resolves.toMatchObject({ remaining: 0, exceeded: true });
    valkey.thaw();
  });
});
