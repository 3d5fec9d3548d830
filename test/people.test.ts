import { SigningKeyRing } from '../src/auth/signing-keys';
import { SigningKeyStore } from '../src/store/signing-keys';
import { call, newAddress } from './support/caller';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { newRecord } from './support/pushing';
import { RawSocket } from './support/raw-socket';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const PASSWORD = 'a fine long password';
const TOKENS = '{ accessToken refreshToken }';
const LOGIN = `mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) ${TOKENS} }`;
const REFRESH = `mutation ($token: String!) { refreshSession(refreshToken: $token) ${TOKENS} }`;
const CREATE_USER =
  'mutation ($email: String!, $password: String!, $role: Role!) { createUser(input: { email: $email, password: $password }, role: $role) { id email role disabled lastLoginAt } }';
const UPDATE_USER =
  'mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { id role disabled } }';
const DELETE_USER = 'mutation ($id: ID!) { deleteUser(id: $id) }';
const CHANGE_PASSWORD =
  'mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }';
const KEY = 'id name prefix role createdAt lastUsedAt expiresAt revokedAt';
const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { ${KEY} } } }`;
const REVOKE_KEY = `mutation ($id: ID!) { revokeApiKey(id: $id) { ${KEY} } }`;
const ME = `{ viewer { role user { email } apiKey { ${KEY} } } }`;
/** Three times the second that requirements C5 gives. */
const CLOSED_WITHIN_MS = 3_000;

interface Tokens {
  accessToken: string;
  refreshToken: string;
}
interface Key {
  id: string;
  prefix: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
  [field: string]: unknown;
}

let app: TestTrailGraph;
/** An ADMIN whom no test of users touches: a key. */
let admin: GraphqlClient;
let named = 0;

beforeAll(async () => {
  app = await startTrailGraph({ settings: { TRUST_PROXY: '127.0.0.0/8' } });
  const { secret } = await createKey(await app.admin(), 'ADMIN');
  admin = app.anonymous.as(secret);
});
afterAll(() => app.stop());

async function createKey(by: GraphqlClient, role: string, over: object = {}) {
  const input = { name: 'a key', role, ...over };
  return (await by.run<{ createApiKey: { secret: string; apiKey: Key } }>(CREATE_KEY, { input }))
    .createApiKey;
}

async function createUser(role = 'VIEWER'): Promise<{ id: string; email: string }> {
  const variables = { email: `person${++named}@example.com`, password: PASSWORD, role };
  return (await admin.run<{ createUser: { id: string; email: string } }>(CREATE_USER, variables)).createUser;
}

const logIn = (email: string, password = PASSWORD) =>
  call<{ login: Tokens }>(app, LOGIN, { email, password }, { from: newAddress() });
const tokensOf = async (email: string): Promise<Tokens> => (await logIn(email)).data!.login;
const codeAs = async (token: string, query: string, variables = {}) =>
  (await call(app, query, variables, { token, from: newAddress() })).code;

async function isWorthNothing(token: string): Promise<void> {
  await eventually(async () => (await codeAs(token, ME)) === 'UNAUTHENTICATED', 'the token is worth nothing');
}

describe('users', () => {
  test('are made, listed in pages and changed by an ADMIN, and can log in', async () => {
    const email = 'New.Person@Example.com';
    const { createUser: made } = await admin.run<{ createUser: { id: string } }>(CREATE_USER, {
      email,
      password: PASSWORD,
      role: 'OPERATOR',
    });
    expect(made).toMatchObject({ email: 'new.person@example.com', role: 'OPERATOR', disabled: false });
    expect((await logIn(email)).data!.login.accessToken).toBeTruthy();
    const again = await admin.raw(CREATE_USER, { email, password: PASSWORD, role: 'VIEWER' });
    expect(again.errors![0]!.extensions.code).toBe('CONFLICT');
    const PAGE = `query ($after: String) { users(first: 1, after: $after) { totalCount nodes { id email role lastLoginAt } pageInfo { hasNextPage endCursor } } }`;
    const seen: { id: string; email: string; lastLoginAt: string | null }[] = [];
    for (let after: string | null = null; ; ) {
      const {
        users,
      }: {
        users: {
          totalCount: number;
          nodes: typeof seen;
          pageInfo: { hasNextPage: boolean; endCursor: string };
        };
      } = await admin.run(PAGE, { after });
      expect(users.totalCount).toBe(2);
      seen.push(...users.nodes);
      if (!users.pageInfo.hasNextPage) break;
      after = users.pageInfo.endCursor;
    }
    expect(seen.map((user) => user.email)).toEqual(['admin@example.com', 'new.person@example.com']);
    expect(Date.parse(seen[1]!.lastLoginAt!)).toBeGreaterThan(Date.now() - 60_000);
    const { updateUser } = await admin.run<{ updateUser: object }>(UPDATE_USER, {
      id: made.id,
      input: { role: 'VIEWER' },
    });
    expect(updateUser).toEqual({ id: made.id, role: 'VIEWER', disabled: false });
  });

  test('can have neither role nor state cleared, and one who is not there is NOT_FOUND', async () => {
    const { id } = await createUser();
    const cleared = await admin.raw(UPDATE_USER, { id, input: { role: null, disabled: null } });
    expect(cleared.errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['input', 'role'] }, { path: ['input', 'disabled'] }],
    });
    expect((await admin.raw(UPDATE_USER, { id: 'nobody', input: {} })).errors![0]!.extensions.code).toBe(
      'NOT_FOUND',
    );
    expect((await admin.raw(DELETE_USER, { id: 'nobody' })).errors![0]!.extensions.code).toBe('NOT_FOUND');
  });

  test('who are disabled or deleted are signed out for good, and in no way let in again', async () => {
    const { id, email } = await createUser();
    const before = await tokensOf(email);
    await admin.run(UPDATE_USER, { id, input: { disabled: true } });
    await isWorthNothing(before.accessToken);
    expect(await codeAs('', REFRESH, { token: before.refreshToken })).toBe('UNAUTHENTICATED');
    expect((await logIn(email)).code).toBe('UNAUTHENTICATED');
    await admin.run(UPDATE_USER, { id, input: { disabled: false } });
    expect(await codeAs(before.accessToken, ME)).toBe('UNAUTHENTICATED');
    const after = await tokensOf(email);
    expect(await admin.run(DELETE_USER, { id })).toEqual({ deleteUser: id });
    await isWorthNothing(after.accessToken);
    expect((await logIn(email)).code).toBe('UNAUTHENTICATED');
  });
});

describe('an active ADMIN', () => {
  const changes = [
    { query: UPDATE_USER, variables: { input: { role: 'OPERATOR' } } },
    { query: UPDATE_USER, variables: { input: { disabled: true } } },
    { query: DELETE_USER, variables: {} },
  ];
  const activeAdmins = () =>
    app.core.store.db.collection('users').countDocuments({ role: 'ADMIN', disabled: false });
  const first = async (): Promise<string> => String((await app.core.users.byEmail('admin@example.com'))!._id);

  test('who is the last one can be neither demoted, disabled nor deleted', async () => {
    for (const { query, variables } of changes) {
      const { errors } = await admin.raw(query, { ...variables, id: await first() });
      expect(errors![0]!.extensions.code).toBe('CONFLICT');
    }
    await admin.run(UPDATE_USER, { id: await first(), input: { role: 'ADMIN', disabled: false } });
    expect(await activeAdmins()).toBe(1);
  });

  test('is left however many are taken away at once', async () => {
    const ids = [await first()];
    for (let n = 0; n < 3; n++) ids.push((await createUser('ADMIN')).id);
    for (let round = 0; round < 12; round++) {
      const answers = await Promise.all(
        ids.map((id, n) => {
          const { query, variables } = changes[(n + round) % 2]!;
          return admin.raw(query, { ...variables, id });
        }),
      );
      const codes = answers.map(({ errors }) => errors?.[0]?.extensions.code ?? 'done').sort();
      expect(codes).toEqual(['CONFLICT', 'done', 'done', 'done']);
      expect(await activeAdmins()).toBe(1);
      for (const id of ids) await app.core.users.change(id, { role: 'ADMIN', disabled: false });
    }
    const gone = await Promise.all(ids.map((id) => admin.raw(DELETE_USER, { id })));
    expect(gone.filter(({ errors }) => !errors)).toHaveLength(3);
    expect(await activeAdmins()).toBe(1);
  });

  test('is taken away by whoever comes next where a process died between deciding and doing', async () => {
    const meta = app.core.store.db.collection<{ _id: string; version: number; intent: unknown }>('meta');
    const [one, two] = [await createUser('ADMIN'), await createUser('ADMIN')];
    const intent = { userId: one.id, change: { role: 'VIEWER' } };
    await meta.updateOne({ _id: 'adminChanges' }, { $set: { intent }, $inc: { version: 1 } });
    await admin.run(UPDATE_USER, { id: two.id, input: { role: 'VIEWER' } });
    expect((await app.core.users.get(one.id))!.role).toBe('VIEWER');
    expect(await meta.findOne({ _id: 'adminChanges' })).toMatchObject({ intent: null });
    // Late, the process that was taken for dead does what it had decided: nothing happens any more.
    const three = await createUser('ADMIN');
    await app.core.users.change(one.id, { role: 'ADMIN' });
    const { version } = (await meta.findOne({ _id: 'adminChanges' }))!;
    await meta.updateOne({ _id: 'adminChanges' }, { $set: { intent, version: version - 1 } });
    await app.core.users.change(three.id, { role: 'VIEWER' });
    expect((await app.core.users.get(one.id))!.role).toBe('ADMIN');
    expect((await app.core.users.get(three.id))!.role).toBe('VIEWER');
  });
});

describe('the keys that sign access tokens', () => {
  test('take over from each other each 30 days, and no token is refused meanwhile', async () => {
    const { store, box } = app.core;
    let now = new Date();
    const later = (ms: number): void => {
      now = new Date(now.getTime() + ms);
    };
    const keys = new SigningKeyStore(store.db.client.db(`${app.database}-keys`));
    const open = () => SigningKeyRing.open({ keys, box, now: () => now });
    const [one, two] = await Promise.all([open(), open()]);
    const issue = async (ring: SigningKeyRing) =>
      (await ring.issue({ userId: 'u', sessionId: 's', role: 'VIEWER', now })).token;
    const kidOf = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid;
    await two.verify(await issue(one), now);
    later(31 * 86_400_000);
    const before = await issue(one);
    await one.look();
    const during = await issue(one);
    expect(kidOf(during)).toBe(kidOf(before)); // Others may not know the new key yet.
    await two.verify(during, now);
    later(61_000);
    await two.look();
    const after = await issue(one);
    expect(kidOf(after)).not.toBe(kidOf(before));
    for (const token of [before, during, after]) for (const ring of [one, two]) await ring.verify(token, now);
    await one.look();
    expect(await keys.all()).toHaveLength(2);
    later(3_600_000);
    await Promise.all([one.look(), two.look()]);
    expect((await keys.all()).map(({ kid }) => kid)).toEqual([kidOf(after)]);
    await expect(two.verify(before, now)).rejects.toThrow('not valid');
    await store.db.client.db(`${app.database}-keys`).dropDatabase();
  });
});

describe('changePassword', () => {
  test('takes the password that stands and a good one, and ends the other sessions', async () => {
    const { email } = await createUser();
    const [mine, other] = [await tokensOf(email), await tokensOf(email)];
    const change = (current: string, next: string) =>
      call(app, CHANGE_PASSWORD, { current, next }, { token: mine.accessToken, from: newAddress() });
    const wrong = await change('not the password', 'another fine password');
    expect(wrong.errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['current'] }],
    });
    const weak = await change(PASSWORD, 'short');
    expect(weak.errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['next'] }],
    });
    expect((await change(PASSWORD, 'another fine password')).data).toEqual({ changePassword: true });
    await isWorthNothing(other.accessToken);
    expect(await codeAs(mine.accessToken, ME)).toBeUndefined();
    expect((await logIn(email)).code).toBe('UNAUTHENTICATED');
    expect((await logIn(email, 'another fine password')).code).toBeUndefined();
  });
});

describe('a login', () => {
  test('that the password outran is refused, and writes no older hash over the new one', async () => {
    const { id, email } = await createUser();
    const seen = (await app.core.users.get(id))!.passwordHash;
    const loggedIn = jest.spyOn(app.core.users, 'loggedIn').mockImplementationOnce(async () => {
      // The password is changed after the old one was verified, before there is a session that could be ended.
      await app.core.users.setPassword(id, seen, 'another hash');
      await app.core.sessions.revokeOf(id, new Date());
    });
    try {
      expect((await logIn(email)).code).toBe('UNAUTHENTICATED');
    } finally {
      loggedIn.mockRestore();
    }
    const sessions = app.core.store.db.collection('sessions');
    expect(await sessions.countDocuments({ userId: id, revokedAt: null })).toBe(0);
    expect(await app.core.users.setPassword(id, seen, 'of a login that hashes the old password anew')).toBe(
      false,
    );
    expect((await app.core.users.get(id))!.passwordHash).toBe('another hash');
  });
});

describe('an API key', () => {
  test('is shown once, does what its role may, and tells who it is and when it was used', async () => {
    const { secret, apiKey } = await createKey(admin, 'OPERATOR', { name: ' forwarder ' });
    expect(secret).toMatch(/^tg_[a-z0-9]{8}_[\w-]{43}$/);
    expect(apiKey).toMatchObject({
      name: 'forwarder',
      prefix: secret.slice(0, 11),
      role: 'OPERATOR',
      lastUsedAt: null,
    });
    const client = app.anonymous.as(secret);
    expect(await client.run(ME)).toMatchObject({
      viewer: { role: 'OPERATOR', user: null, apiKey: { id: apiKey.id } },
    });
    expect(await codeAs(secret, '{ users { totalCount } }')).toBe('FORBIDDEN');
    const list = async () => (await admin.run<{ apiKeys: Key[] }>(`{ apiKeys { ${KEY} } }`)).apiKeys;
    const used = async () => (await list()).find(({ id }) => id === apiKey.id)!.lastUsedAt;
    await eventually(async () => (await used()) !== null, 'its use is noted');
    expect(JSON.stringify(await list())).not.toContain(secret.slice(12));
    const kept = await app.core.store.db.collection('api_keys').find().toArray();
    expect(JSON.stringify(kept)).not.toContain(secret.slice(12));
  });

  test('has its use written once a minute', async () => {
    const { secret, apiKey } = await createKey(admin, 'VIEWER');
    const used = async () => (await app.core.apiKeys.get(apiKey.id))!.lastUsedAt?.getTime();
    const holder = app.anonymous.as(secret);
    await holder.run(ME);
    await eventually(async () => (await used()) !== undefined, 'the first use is noted');
    const at = (await used())!;
    await app.core.apiKeys.used(apiKey.id, new Date(at + 30_000), new Date(at - 30_000));
    expect(await used()).toBe(at);
    const clock = jest.spyOn(app.core.clock, 'now').mockImplementation(() => new Date(at + 61_000));
    try {
      await eventually(async () => {
        await holder.run(ME);
        return (await used()) === at + 61_000;
      }, 'a use a minute later is noted');
    } finally {
      clock.mockRestore();
    }
  });

  test('opens the push door for an OPERATOR, not for a VIEWER', async () => {
    const push = async (role: string) => {
      const { secret } = await createKey(admin, role);
      const body = JSON.stringify({ Records: [newRecord()] });
      return fetch(`${app.url}/ingest/direct`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}` },
        body,
      });
    };
    const taken = await push('OPERATOR');
    expect([taken.status, await taken.json()]).toMatchObject([200, { stored: 1 }]);
    expect((await push('VIEWER')).status).toBe(403);
  });

  test('that is revoked, has run out or was made up is refused', async () => {
    const { secret, apiKey } = await createKey(admin, 'VIEWER');
    expect(await codeAs(secret, ME)).toBeUndefined();
    const { revokeApiKey } = await admin.run<{ revokeApiKey: Key }>(REVOKE_KEY, { id: apiKey.id });
    expect(revokeApiKey.revokedAt).not.toBeNull();
    await isWorthNothing(secret);
    const again = await admin.run<{ revokeApiKey: Key }>(REVOKE_KEY, { id: apiKey.id });
    expect(again.revokeApiKey.revokedAt).toBe(revokeApiKey.revokedAt);
    const brief = await createKey(admin, 'VIEWER', {
      expiresAt: new Date(Date.now() + 600_000).toISOString(),
    });
    expect(await codeAs(brief.secret, ME)).toBeUndefined();
    await app.core.store.db
      .collection<{ _id: string }>('api_keys')
      .updateOne({ _id: brief.apiKey.id }, { $set: { expiresAt: new Date(Date.now() - 1) } });
    await isWorthNothing(brief.secret);
    expect(await codeAs(`${brief.apiKey.prefix}_${'x'.repeat(43)}`, ME)).toBe('UNAUTHENTICATED');
    expect(await codeAs(`tg_nokeyxxx_${'x'.repeat(43)}`, ME)).toBe('UNAUTHENTICATED');
  });

  test.each([
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(101) }],
    ['expiresAt', { expiresAt: '2020-01-01T00:00:00Z' }],
  ])('is not made where its %s is wrong: %j', async (field, over) => {
    const { errors } = await admin.raw(CREATE_KEY, { input: { name: 'a key', role: 'VIEWER', ...over } });
    expect(errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: ['input', field] }],
    });
  });

  test('has neither a session nor a password', async () => {
    expect(await codeAs(admin.token!, 'mutation { logout }')).toBe('FORBIDDEN');
    expect(await codeAs(admin.token!, CHANGE_PASSWORD, { current: 'x', next: 'y' })).toBe('FORBIDDEN');
  });
});

describe('a socket is closed with 4403 soon', () => {
  const closing = async (token: string, what: string, end: () => Promise<unknown>): Promise<void> => {
    const socket = await RawSocket.authorized(app.url, token);
    try {
      await end();
      const since = performance.now();
      expect((await socket.closed).code).toBe(4403);
      const ms = Math.round(performance.now() - since);
      process.stdout.write(`closed ${ms} ms after ${what}\n`);
      expect(ms).toBeLessThan(CLOSED_WITHIN_MS);
    } finally {
      socket.cut();
    }
  };

  test('after its API key was revoked', async () => {
    const { secret, apiKey } = await createKey(admin, 'VIEWER');
    await closing(secret, 'revokeApiKey', () => admin.run(REVOKE_KEY, { id: apiKey.id }));
  });

  test('after its user was disabled, deleted or changed the password elsewhere', async () => {
    const { id, email } = await createUser();
    const { accessToken: elsewhere } = await tokensOf(email);
    const variables = { current: PASSWORD, next: 'another fine password' };
    await closing((await tokensOf(email)).accessToken, 'changePassword', () =>
      call(app, CHANGE_PASSWORD, variables, { token: elsewhere, from: newAddress() }),
    );
    await closing(elsewhere, 'updateUser', () => admin.run(UPDATE_USER, { id, input: { disabled: true } }));
    const other = await createUser();
    await closing((await tokensOf(other.email)).accessToken, 'deleteUser', () =>
      admin.run(DELETE_USER, { id: other.id }),
    );
  });
});
