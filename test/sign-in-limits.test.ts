import { Readable } from 'node:stream';
import type { PasswordInput } from '../src/cli/ask-password';
import { resetPassword } from '../src/cli/user/change';
import { readCommandSettings } from '../src/config/environment';
import { call, newAddress } from './support/caller';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const LOGIN = 'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }';
const REFRESH = 'mutation { refreshSession(refreshToken: "nonsense") { accessToken } }';
const CHANGE = 'mutation ($current: String!) { changePassword(current: $current, next: "a new password 1") }';
const FIVE_FAILURES = Array(5).fill('UNAUTHENTICATED');

let accounts = 0;
const newAccount = (): string => `nobody${++accounts}@example.com`;
const wrong = (email: string) => ({ input: { email, password: 'a wrong password 1' } });

describe('failed sign-ins', () => {
  let app: TestTrailGraph;
  let token: string;
  const tryLogin = (email: string, from: string) => call(app, LOGIN, wrong(email), { from });
  const fail = async (
    times: number,
    email: () => string,
    from: () => string,
  ): Promise<(string | undefined)[]> => {
    const codes: (string | undefined)[] = [];
    for (let n = 0; n < times; n++) codes.push((await tryLogin(email(), from())).code);
    return codes;
  };
  /** As if the time of all pauses had passed. */
  const passPauses = async (): Promise<void> => {
    const keys = await app.core.valkey.keys(`${app.database}:attempts:pause:*`);
    if (keys.length > 0) await app.core.valkey.del(...keys);
  };

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { TRUST_PROXY: '127.0.0.0/8', SIGNUP: 'open' } });
    token = (await app.admin()).token!;
  });
  afterAll(() => app.stop());

  test('are five for an account, wherever they come from; then it says how long to wait', async () => {
    const codes = await fail(5, () => ADMIN.email, newAddress);
    expect(codes).toEqual(FIVE_FAILURES);
    const refused = await call(app, LOGIN, { input: ADMIN }, { from: newAddress() });
    expect(refused.code).toBe('RATE_LIMITED');
    const { retryAfterSeconds } = refused.errors![0]!.extensions as unknown as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(0);
    expect(retryAfterSeconds).toBeLessThanOrEqual(10);
    expect(refused.retryAfter).toBe(String(retryAfterSeconds));
  });

  test('make each further pause longer, and a login that succeeds ends them', async () => {
    await passPauses();
    expect((await tryLogin(ADMIN.email, newAddress())).code).toBe('UNAUTHENTICATED');
    const refused = await tryLogin(ADMIN.email, newAddress());
    expect(refused.code).toBe('RATE_LIMITED');
    expect(Number(refused.retryAfter)).toBeGreaterThan(10);
    await passPauses();
    expect((await call(app, LOGIN, { input: ADMIN }, { from: newAddress() })).code).toBeUndefined();
    expect(await fail(5, () => ADMIN.email, newAddress)).toEqual(FIVE_FAILURES);
    await passPauses();
    expect((await call(app, LOGIN, { input: ADMIN }, { from: newAddress() })).code).toBeUndefined();
  });

  test('are five for an address, whatever the account; others are not held up', async () => {
    const from = newAddress();
    expect(await fail(5, newAccount, () => from)).toEqual(FIVE_FAILURES);
    expect((await tryLogin(newAccount(), from)).code).toBe('RATE_LIMITED');
    expect((await tryLogin(newAccount(), newAddress())).code).toBe('UNAUTHENTICATED');
    // An IPv6 customer has a whole network of addresses.
    let host = 0;
    const network = () => `2001:db8:1:2::${(++host).toString(16)}`;
    expect(await fail(5, newAccount, network)).toEqual(FIVE_FAILURES);
    expect((await tryLogin(newAccount(), network())).code).toBe('RATE_LIMITED');
    expect((await tryLogin(newAccount(), '2001:db8:1:3::1')).code).toBe('UNAUTHENTICATED');
  });

  test('are answered alike for an account that does not exist', async () => {
    const nobody = newAccount();
    const answers = [];
    for (let n = 0; n < 6; n++) answers.push(await tryLogin(nobody, newAddress()));
    expect(answers.map(({ code }) => code)).toEqual([...FIVE_FAILURES, 'RATE_LIMITED']);
    const known = await tryLogin(ADMIN.email, newAddress());
    expect(known.errors![0]!.message).toBe(answers[0]!.errors![0]!.message);
    await call(app, LOGIN, { input: ADMIN }, { from: newAddress() });
  });

  test('are one for a document, however many aliases it has', async () => {
    const login = 'login(input: { email: "alias@example.com", password: "x" }) { accessToken }';
    const document = `mutation { ${Array.from({ length: 10 }, (_, n) => `a${n}: ${login}`).join(' ')} }`;
    const codes: string[] = [];
    for (let n = 0; n < 6; n++) {
      const { errors } = await call(app, document, {}, { from: newAddress() });
      codes.push(...errors!.map(({ extensions }) => extensions.code));
    }
    expect(codes).toEqual([...FIVE_FAILURES, 'RATE_LIMITED']);
    const tried = { action: 'login', target: 'alias@example.com' };
    expect(await app.core.store.db.collection('audit').countDocuments(tried)).toBe(5);
  });

  test('are no more when many come at once', async () => {
    const email = newAccount();
    const answers = await Promise.all(Array.from({ length: 30 }, () => tryLogin(email, newAddress())));
    const tried = answers.filter(({ code }) => code === 'UNAUTHENTICATED');
    expect(tried).toHaveLength(5);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(25);
  });

  test('are none where all who come at once know the password', async () => {
    const from = newAddress();
    const logIns = Array.from({ length: 12 }, () => call(app, LOGIN, { input: ADMIN }, { from }));
    expect((await Promise.all(logIns)).map(({ code }) => code)).toEqual(Array(12).fill(undefined));
  });

  test('hold up sign-ups that are guesses, not those that are mistakes', async () => {
    const signUp = (email: string, password: string, from: string) =>
      call(
        app,
        'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken } }',
        { input: { email, password } },
        { from },
      );
    const from = newAddress();
    for (let n = 0; n < 7; n++)
      expect((await signUp(newAccount(), 'short', from)).code).toBe('BAD_USER_INPUT');
    expect((await signUp(newAccount(), 'a fine long password', from)).code).toBeUndefined();
    for (let n = 0; n < 5; n++)
      expect((await signUp(ADMIN.email, 'a fine long password', newAddress())).code).toBe('CONFLICT');
    expect((await signUp(ADMIN.email, 'a fine long password', newAddress())).code).toBe('RATE_LIMITED');
  });

  test('hold up changePassword by its user, and refreshSession by its address', async () => {
    const change = () => call(app, CHANGE, { current: 'not the password' }, { token, from: newAddress() });
    for (let n = 0; n < 5; n++) expect((await change()).code).toBe('BAD_USER_INPUT');
    expect((await change()).code).toBe('RATE_LIMITED');
    const from = newAddress();
    const codes = [];
    for (let n = 0; n < 32; n++) codes.push((await call(app, REFRESH, {}, { from })).code);
    expect(codes.filter((code) => code === 'UNAUTHENTICATED')).toHaveLength(30);
    expect(codes.at(-1)).toBe('RATE_LIMITED');
    expect((await call(app, REFRESH, {}, { from: newAddress() })).code).toBe('UNAUTHENTICATED');
  });
});

describe('an operator at the machine who sets another password', () => {
  const reset = async (app: TestTrailGraph, password: string): Promise<void> => {
    const { MONGODB_URI, TRAILGRAPH_MASTER_KEY } = app.environment;
    await resetPassword({
      email: ADMIN.email,
      fromStdin: true,
      stdin: Readable.from([`${password}\n`]) as PasswordInput,
      dataDir: null,
      settings: readCommandSettings({ MONGODB_URI, TRAILGRAPH_MASTER_KEY }),
      print: () => undefined,
      prompt: () => undefined,
    });
  };

  test.each([
    ['', false],
    [', also where the processes count by themselves while Valkey is away', true],
  ])('ends the pause of that account%s, and its next five failures make another one', async (_, away) => {
    const app = await startTrailGraph({ settings: { TRUST_PROXY: '127.0.0.0/8' } });
    try {
      await app.admin();
      if (away) app.core.valkey.disconnect();
      const login = async (password: string): Promise<string | undefined> => {
        const input = { ...ADMIN, password };
        return (await call(app, LOGIN, { input }, { from: newAddress() })).code;
      };
      const guessed: (string | undefined)[] = [];
      for (let n = 0; n < 6; n++) guessed.push(await login('a wrong password 1'));
      expect(guessed).toEqual([...FIVE_FAILURES, 'RATE_LIMITED']);
      await reset(app, 'another horse, as correct');
      expect(await login(ADMIN.password)).toBe('UNAUTHENTICATED');
      expect(await login('another horse, as correct')).toBeUndefined();
      const again: (string | undefined)[] = [];
      for (let n = 0; n < 6; n++) again.push(await login('a wrong password 1'));
      expect(again).toEqual([...FIVE_FAILURES, 'RATE_LIMITED']);
    } finally {
      await app.stop();
    }
  });
});

describe('failed sign-ins while Valkey is away, and no proxy is trusted', () => {
  test('are counted by the process, by the address of the connection', async () => {
    const app = await startTrailGraph();
    try {
      app.core.valkey.disconnect();
      const codes = [];
      for (let n = 0; n < 6; n++)
        codes.push((await call(app, LOGIN, wrong(newAccount()), { from: newAddress() })).code);
      expect(codes).toEqual([...FIVE_FAILURES, 'RATE_LIMITED']);
    } finally {
      await app.stop();
    }
  });
});
