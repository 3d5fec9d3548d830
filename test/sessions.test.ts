import { eventually } from './support/eventually';
import { GraphqlClient } from './support/graphql-client';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Session {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
  user: { email: string; role: string };
}

const FIELDS = '{ accessToken refreshToken expiresAt user { email role } }';
const SIGN_UP = `mutation ($input: CredentialsInput!, $setupToken: String) { signUp(input: $input, setupToken: $setupToken) ${FIELDS} }`;
const LOGIN = `mutation ($input: CredentialsInput!) { login(input: $input) ${FIELDS} }`;
const REFRESH = `mutation ($token: String!) { refreshSession(refreshToken: $token) ${FIELDS} }`;
const ME = '{ viewer { role user { email } } }';
const SOMEBODY = { email: 'somebody@example.com', password: 'a fine long password' };

const codeOf = async (client: GraphqlClient, query: string, variables = {}): Promise<string | undefined> =>
  (await client.raw(query, variables)).errors?.[0]?.extensions.code;

describe('sessions', () => {
  let app: TestTrailGraph;
  const logIn = async (): Promise<Session> =>
    (await app.anonymous.run<{ login: Session }>(LOGIN, { input: ADMIN })).login;
  const refresh = async (token: string): Promise<Session> =>
    (await app.anonymous.run<{ refreshSession: Session }>(REFRESH, { token })).refreshSession;

  beforeAll(async () => {
    app = await startTrailGraph();
    await app.admin();
  });
  afterAll(() => app.stop());

  test('the first user was an ADMIN; after that sign-up is closed', async () => {
    const { accessToken } = await logIn();
    expect(await app.anonymous.as(accessToken).run(ME)).toEqual({
      viewer: { role: 'ADMIN', user: { email: ADMIN.email } },
    });
    expect(await codeOf(app.anonymous, SIGN_UP, { input: SOMEBODY })).toBe('FORBIDDEN');
    expect(await codeOf(app.anonymous, LOGIN, { input: SOMEBODY })).toBe('UNAUTHENTICATED');
  });

  test('nobody signs in with a wrong password, and an unknown user is answered alike', async () => {
    const wrong = await app.anonymous.raw(LOGIN, { input: { ...ADMIN, password: 'not the password' } });
    const unknown = await app.anonymous.raw(LOGIN, { input: SOMEBODY });
    expect(wrong.errors![0]!.extensions.code).toBe('UNAUTHENTICATED');
    expect(unknown.errors![0]!.message).toBe(wrong.errors![0]!.message);
  });

  test('an access token lasts 15 minutes', async () => {
    const { expiresAt } = await logIn();
    const seconds = (Date.parse(expiresAt) - Date.now()) / 1_000;
    expect(seconds).toBeGreaterThan(14 * 60);
    expect(seconds).toBeLessThanOrEqual(15 * 60 + 1);
  });

  test('a refresh token is replaced at each use; two tabs that use one at once get the same next one', async () => {
    const session = await logIn();
    const [one, two] = await Promise.all([refresh(session.refreshToken), refresh(session.refreshToken)]);
    expect(one.refreshToken).not.toBe(session.refreshToken);
    expect(two.refreshToken).toBe(one.refreshToken);
    const next = await refresh(one.refreshToken);
    expect(await app.anonymous.as(next.accessToken).run(ME)).toMatchObject({ viewer: { role: 'ADMIN' } });
  });

  test('a refresh token that was replaced long ago ends the session and all that came of it', async () => {
    const session = await logIn();
    const once = await refresh(session.refreshToken);
    const twice = await refresh(once.refreshToken);
    expect(await codeOf(app.anonymous, REFRESH, { token: session.refreshToken })).toBe('UNAUTHENTICATED');
    expect(await codeOf(app.anonymous, REFRESH, { token: twice.refreshToken })).toBe('UNAUTHENTICATED');
    for (const { accessToken } of [session, once, twice]) {
      await eventually(
        async () => (await codeOf(app.anonymous.as(accessToken), ME)) === 'UNAUTHENTICATED',
        'the access token is worth nothing',
        3_000,
      );
    }
  });

  test('the refresh token before the last one is no good 10 s later', async () => {
    const session = await logIn();
    await refresh(session.refreshToken);
    const clock = jest.spyOn(app.core.clock, 'now').mockImplementation(() => new Date(Date.now() + 11_000));
    try {
      expect(await codeOf(app.anonymous, REFRESH, { token: session.refreshToken })).toBe('UNAUTHENTICATED');
    } finally {
      clock.mockRestore();
    }
  });

  test.each(['', 'nonsense', `tgr_nobody_${'x'.repeat(43)}`])('%p is no refresh token', async (token) => {
    expect(await codeOf(app.anonymous, REFRESH, { token })).toBe('UNAUTHENTICATED');
  });

  test('logging out ends the session, and no other', async () => {
    const [mine, other] = [await logIn(), await logIn()];
    expect(await app.anonymous.as(mine.accessToken).run('mutation { logout }')).toEqual({ logout: true });
    expect(await codeOf(app.anonymous, REFRESH, { token: mine.refreshToken })).toBe('UNAUTHENTICATED');
    await eventually(
      async () => (await codeOf(app.anonymous.as(mine.accessToken), ME)) === 'UNAUTHENTICATED',
      'the access token is worth nothing',
      3_000,
    );
    expect(await app.anonymous.as(other.accessToken).run(ME)).toMatchObject({ viewer: { role: 'ADMIN' } });
    expect(await codeOf(app.anonymous, 'mutation { logout }')).toBe('UNAUTHENTICATED');
  });
});

describe('the first sign-up', () => {
  test('makes one ADMIN, however many come at once', async () => {
    const app = await startTrailGraph({ settings: { SIGNUP: 'open' } });
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        app.anonymous.run<{ signUp: Session }>(SIGN_UP, {
          input: { ...SOMEBODY, email: `user${n}@example.com` },
        }),
      ),
    );
    const roles = answers.map(({ signUp }) => signUp.user.role).sort();
    expect(roles).toEqual(['ADMIN', 'VIEWER', 'VIEWER', 'VIEWER', 'VIEWER']);
    await app.stop();
  });

  test('is refused with what is wrong with the address and the password', async () => {
    const app = await startTrailGraph();
    const { errors } = await app.anonymous.raw(SIGN_UP, { input: { email: 'nobody', password: 'short' } });
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['input', 'email'] }, { path: ['input', 'password'] }],
    });
    await app.stop();
  });

  test('needs the set-up token where the server listens on more than this machine', async () => {
    const app = await startTrailGraph({ settings: { HOST: '0.0.0.0' } });
    const anonymous = new GraphqlClient(app.url);
    const { setupToken } = app.api;
    expect(setupToken).toMatch(/^.{24}$/);
    expect(await codeOf(anonymous, SIGN_UP, { input: SOMEBODY })).toBe('FORBIDDEN');
    expect(await codeOf(anonymous, SIGN_UP, { input: SOMEBODY, setupToken: 'x'.repeat(24) })).toBe(
      'FORBIDDEN',
    );
    const { signUp } = await anonymous.run<{ signUp: Session }>(SIGN_UP, { input: SOMEBODY, setupToken });
    expect(signUp.user).toEqual({ email: SOMEBODY.email, role: 'ADMIN' });
    await app.stop();
    const again = await startTrailGraph({ settings: { HOST: '0.0.0.0' }, database: app.database });
    expect(again.api.setupToken).toBeNull();
    await again.stop();
  });
});
