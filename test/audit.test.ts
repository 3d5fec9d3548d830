import { buildSchema } from 'graphql';
import { schemaText } from '../src/graphql/schema';
import { call, newAddress } from './support/caller';
import { documentOf, leastVariables, operationsOf } from './support/generated-operations';
import type { GraphqlClient } from './support/graphql-client';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string | null;
  ip: string | null;
  changes: Record<string, unknown>;
  outcome: string;
  error: string | null;
  requestId: string | null;
}

const LOG = `query ($first: Int, $after: String) { auditLog(first: $first, after: $after) {
  nodes { id at actor action target ip changes outcome error requestId } pageInfo { hasNextPage endCursor } } }`;
const LOGIN =
  'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken refreshToken user { id } } }';
const REFRESH = 'mutation ($token: String!) { refreshSession(refreshToken: $token) { refreshToken } }';
const CREATE_KEY =
  'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id prefix } } }';
const CREATE_SOURCE =
  'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }';
const CREATE_WEBHOOK =
  'mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }';

describe('the audit log', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  const logLines: string[] = [];

  beforeAll(async () => {
    app = await startTrailGraph({ logLines, settings: { TRUST_PROXY: '127.0.0.0/8', SIGNUP: 'closed' } });
    admin = await app.admin();
  });
  afterAll(() => app.stop());

  const page = async (first: number, after: string | null = null) =>
    (
      await admin.run<{
        auditLog: { nodes: Entry[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      }>(LOG, {
        first,
        after,
      })
    ).auditLog;
  const newest = async (action: string): Promise<Entry> => {
    const { nodes } = await page(200);
    const found = nodes.find((entry) => entry.action === action);
    if (!found) throw new Error(`no entry of ${action}`);
    return found;
  };
  const viewerKey = async (): Promise<string> => {
    const input = { name: 'reader', role: 'VIEWER' };
    return (await admin.run<{ createApiKey: { secret: string } }>(CREATE_KEY, { input })).createApiKey.secret;
  };

  test('tells who changed what, when, from where, and what came of it', async () => {
    const from = newAddress();
    const input = { name: 'pushed', httpPush: { token: 'an-ingest-token-of-the-caller-0123456789' } };
    const made = await call<{ createSource: { source: { id: string } } }>(
      app,
      CREATE_SOURCE,
      { input },
      {
        token: admin.token!,
        from,
      },
    );
    const { id } = made.data!.createSource.source;
    const entry = await newest('createSource');
    expect(entry).toMatchObject({
      actor: ADMIN.email,
      target: id,
      ip: from,
      changes: { input: { name: 'pushed', httpPush: { token: '********' } } },
      outcome: 'DONE',
      error: null,
    });
    expect(entry.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs(Date.now() - Date.parse(entry.at))).toBeLessThan(60_000);
    await admin.run('mutation ($id: ID!) { pauseSource(id: $id) { id } }', { id });
    expect(await newest('pauseSource')).toMatchObject({ target: id, ip: '127.0.0.1', changes: { id } });
  });

  test('has what was refused, with its code', async () => {
    const token = await viewerKey();
    const input = { name: 'mine', demo: {} };
    expect((await call(app, CREATE_SOURCE, { input }, { token })).code).toBe('FORBIDDEN');
    expect(await newest('createSource')).toMatchObject({
      actor: `key reader (${token.slice(0, 11)})`,
      outcome: 'REFUSED',
      error: 'FORBIDDEN',
      target: null,
    });
    expect((await app.anonymous.raw(CREATE_SOURCE, { input })).errors![0]!.extensions.code).toBe(
      'UNAUTHENTICATED',
    );
    expect(await newest('createSource')).toMatchObject({ actor: 'anonymous', error: 'UNAUTHENTICATED' });
    await admin.raw('mutation { deleteWebhook(id: "nobody") }');
    expect(await newest('deleteWebhook')).toMatchObject({
      target: 'nobody',
      outcome: 'REFUSED',
      error: 'NOT_FOUND',
    });
  });

  test('has logins, failed logins, sign-ups and the reuse of a refresh token', async () => {
    const from = newAddress();
    const at = { from };
    const wrong = { email: ' Admin@Example.com', password: 'a wrong password 1' };
    await call(app, LOGIN, { input: wrong }, at);
    expect(await newest('login')).toMatchObject({
      actor: 'anonymous',
      target: ADMIN.email,
      ip: from,
      changes: { input: { email: ADMIN.email, password: '********' } },
      outcome: 'REFUSED',
      error: 'UNAUTHENTICATED',
    });
    await call(app, LOGIN, { input: { email: 'hunter2 is my password', password: 'x' } }, at);
    expect(await newest('login')).toMatchObject({ target: null, changes: { input: { email: '********' } } });
    type Session = { refreshToken: string; user: { id: string } };
    const { login } = (await call<{ login: Session }>(app, LOGIN, { input: ADMIN }, at)).data!;
    expect(await newest('login')).toMatchObject({
      actor: ADMIN.email,
      target: login.user.id,
      outcome: 'DONE',
    });
    const refresh = (token: string) => call<{ refreshSession: Session }>(app, REFRESH, { token }, at);
    const next = (await refresh(login.refreshToken)).data!.refreshSession;
    await refresh(next.refreshToken);
    expect(await newest('refreshSession')).toMatchObject({ outcome: 'DONE' });
    expect((await refresh(login.refreshToken)).code).toBe('UNAUTHENTICATED');
    expect(await newest('refreshSession')).toMatchObject({
      actor: 'anonymous',
      target: login.user.id,
      outcome: 'REFUSED',
      error: 'REFRESH_TOKEN_REUSED',
    });
    await call(
      app,
      'mutation { signUp(input: { email: "a@example.com", password: "some password 1" }) { accessToken } }',
      {},
      at,
    );
    expect(await newest('signUp')).toMatchObject({
      target: 'a@example.com',
      outcome: 'REFUSED',
      error: 'FORBIDDEN',
    });
  });

  test('keeps no secret, and all of a bounded size', async () => {
    const secret = 'canary-of-the-audit-log-0123456789';
    const input = {
      name: 'hook',
      url: `https://user:${secret}@hooks.example.com/services/${secret}?key=${secret}`,
      secret: `whsec_${Buffer.from(secret).toString('base64')}`,
      headers: [{ name: 'X-Key', value: secret }],
      filter: { eventNames: ['Delete*'], any: [{ actors: ['ann'] }] },
    };
    await admin.raw(CREATE_WEBHOOK, { input });
    expect((await newest('createWebhook')).changes).toEqual({
      input: {
        name: 'hook',
        url: 'https://hooks.example.com/********',
        secret: '********',
        headers: [{ name: 'X-Key', value: '********' }],
        filter: { eventNames: ['Delete*'], any: [{ actors: ['ann'] }] },
      },
    });
    const aws = { accessKeyId: 'AKIACANARYCANARY0001', secretAccessKey: secret, sessionToken: secret };
    await admin.raw(CREATE_SOURCE, {
      input: { name: 's3', s3: { bucket: 'a-bucket' }, aws: { ...aws, roleArn: secret } },
    });
    await admin.raw('mutation ($c: String!, $n: String!) { changePassword(current: $c, next: $n) }', {
      c: secret,
      n: 'x',
    });
    await admin.raw('mutation ($r: [JSON!]) { ingestEvents(records: $r) { received } }', {
      r: [{ secret }, { secret }],
    });
    expect((await newest('ingestEvents')).changes).toEqual({ records: '2 items' });
    const many = Array.from({ length: 200 }, (_, n) => `${n}`.padEnd(1_000, 'x'));
    await admin.raw(CREATE_WEBHOOK, {
      input: { ...input, filter: { any: Array(20).fill({ eventNames: many }) } },
    });
    const kept = await app.core.store.db.collection('audit').find().toArray();
    for (const entry of kept) expect(JSON.stringify(entry).length).toBeLessThan(12_000);
    const text = JSON.stringify(kept).replaceAll(`"roleArn":"${secret}"`, '');
    for (const each of [secret, Buffer.from(secret).toString('base64'), 'AKIACANARY', ADMIN.password])
      expect(text.includes(each)).toBe(false);
  });

  test('has every mutation of the schema', async () => {
    const token = await viewerKey();
    const operations = operationsOf(buildSchema(await schemaText())).filter(
      ({ kind }) => kind === 'mutation',
    );
    const from = newAddress();
    const answers = new Map<string, string | undefined>();
    for (const operation of operations) {
      const { code } = await call(app, documentOf(operation), leastVariables(operation), { token, from });
      answers.set(operation.field.name, code);
    }
    const { nodes } = await page(200);
    const entries = nodes.filter(({ ip }) => ip === from).reverse();
    expect(entries.map(({ action, error }) => [action, error])).toEqual([...answers]);
    expect(entries.filter(({ outcome }) => outcome !== 'REFUSED')).toEqual([]);
    expect(entries.length).toBeGreaterThan(30);
  });

  test('is read in pages, newest first, by an ADMIN only', async () => {
    const { nodes: all } = await page(200);
    const seen: Entry[] = [];
    for (let after: string | null = null; seen.length < all.length; ) {
      const { nodes, pageInfo }: Awaited<ReturnType<typeof page>> = await page(20, after);
      seen.push(...nodes);
      after = pageInfo.endCursor;
    }
    expect(seen.slice(0, all.length).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    const times = all.map(({ at }) => Date.parse(at));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect((await call(app, LOG, {}, { token: await viewerKey() })).code).toBe('FORBIDDEN');
    const explained = await app.core.store.db
      .collection('audit')
      .find()
      .sort({ at: -1, _id: -1 })
      .limit(20)
      .explain();
    expect(JSON.stringify(explained)).not.toContain('"stage":"SORT"');
  });

  test('does not grow without an end by what strangers are refused', async () => {
    const stranger = () => app.anonymous.raw('mutation { resumeSource(id: "x") { id } }');
    for (let n = 0; n < 20; n++) await Promise.all(Array.from({ length: 10 }, stranger));
    const kept = await app.core.store.db
      .collection('audit')
      .countDocuments({ action: 'resumeSource', actor: 'anonymous' });
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(120); // 60 a minute, and a new minute may have begun.
    expect(logLines.some((line) => line.includes('left out of the audit log'))).toBe(true);
  });

  test('refuses what it can not record, and nothing is done', async () => {
    const { db } = app.core.store;
    const input = { name: 'unrecorded', role: 'VIEWER' };
    await db.command({ collMod: 'audit', validator: { _id: 'none' } });
    try {
      const { errors } = await admin.raw(CREATE_KEY, { input });
      expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
      expect(errors![0]!.message).toContain('audit log');
      const login = await call(app, LOGIN, { input: ADMIN }, { from: newAddress() });
      expect(login).toMatchObject({ data: null, code: 'UNAVAILABLE' });
    } finally {
      await db.command({ collMod: 'audit', validator: {} });
    }
    expect(await db.collection('api_keys').countDocuments({ name: 'unrecorded' })).toBe(0);
    expect(
      logLines.some((line) => line.includes('could not be written') && line.includes('createApiKey')),
    ).toBe(true);
    expect((await admin.raw(CREATE_KEY, { input })).errors).toBeUndefined();
  });
});
