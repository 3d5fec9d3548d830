import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Webhook as Verifier } from 'standardwebhooks';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { LOOKUP_KEYS, LookupServer, type TrailRecord } from './support/lookup-server';
import { newRecord } from './support/pushing';
import { Receiver } from './support/receiver';
import { type RestAnswer, RestClient } from './support/rest-client';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Shown {
  id: string;
  sourceType: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  logFetchInterval: number;
  callbackUrl: string;
  s3Bucket: string;
  s3Prefix: string;
}

/** As the forwarder's own document has it. */
const EXAMPLE = {
  id: 'source1',
  sourceType: 'AWS',
  accessKeyId: 'AKIAEXAMPLE000000000',
  secretAccessKey: 'the-secret-of-source1',
  region: 'us-east-1',
  logFetchInterval: 10,
  callbackUrl: 'https://example.com/callback?key=hush',
  s3Bucket: 'bucket-name',
  s3Prefix: 'logs/',
};
const MASK = '********';
const PASSWORD = 'correct horse battery';

let app: TestTrailGraph;
let rest: RestClient;
let server: LookupServer;
let admin: GraphqlClient;
const tokens = { user: '', operator: '', admin: '' };
const before = { ...process.env };

beforeAll(async () => {
  server = await LookupServer.start();
  // Where sources without an endpoint of their own are sent, so that none ever asks AWS.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  app = await startTrailGraph({ settings: { HOST: '0.0.0.0' } });
  rest = new RestClient(app.url);
});
afterAll(async () => {
  await app?.stop();
  await server?.close();
  process.env = before;
});

describe('the first user of a server that others can reach', () => {
  test('needs the set-up token by REST too; after that sign-up is closed', async () => {
    const signUp = async (body: object): Promise<[number, string]> => {
      const answer = await rest.call('POST', '/v1/signup', { body });
      return [answer.status, answer.json().message];
    };
    const closed = [403, expect.stringMatching(/^registro no permitido/)];
    expect(await signUp(ADMIN)).toEqual(closed);
    expect(await signUp({ ...ADMIN, setupToken: 'x'.repeat(24) })).toEqual(closed);
    expect((await signUp({ ...ADMIN, setupToken: app.api.setupToken }))[0]).toBe(201);
    expect(await signUp({ ...ADMIN, email: 'other@example.com' })).toEqual(closed);
    tokens.admin = await rest.token(ADMIN);
    admin = app.anonymous.as(tokens.admin);
    for (const role of ['user', 'operator'] as const) {
      const body = { email: `${role}@example.com`, password: PASSWORD };
      const answer = await rest.call('POST', '/v1/signup', { token: tokens.admin, body: { ...body, role } });
      expect(answer.status).toBe(201);
      tokens[role] = await rest.token(body);
    }
  });
});

const add = (source: unknown, token = tokens.operator): Promise<RestAnswer> =>
  rest.call('POST', '/sources', { token, body: source });
const remove = (id: string, token = tokens.operator): Promise<RestAnswer> =>
  rest.call('DELETE', `/sources/${id}`, { token });
const list = async (token = tokens.operator): Promise<Shown[]> => {
  const answer = await rest.call('GET', '/sources', { token });
  expect(answer.status).toBe(200);
  return answer.json<Shown[]>();
};
const shown = async (id: string, token = tokens.operator): Promise<Shown | undefined> =>
  (await list(token)).find((source) => source.id === id);

describe('sources', () => {
  test('there are none at first: the built-in one reads no AWS', async () => {
    expect(await list(tokens.user)).toEqual([]);
  });

  test('one with a bucket is added, and shown as it was given, its secret masked', async () => {
    const answer = await add(EXAMPLE);
    expect([answer.status, answer.text, answer.headers.get('location')]).toEqual([
      201,
      'Source added successfully',
      '/sources/source1',
    ]);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await list()).toEqual([{ ...EXAMPLE, secretAccessKey: MASK }]);
    expect(await list(tokens.user)).toEqual([
      {
        ...EXAMPLE,
        accessKeyId: MASK,
        secretAccessKey: MASK,
        callbackUrl: 'https://example.com/callback',
      },
    ]);
    const { source, webhooks } = await admin.run<{ source: object; webhooks: { nodes: object[] } }>(
      '{ source(id: "source1") { name kind aws { region } s3 { bucket prefix pollIntervalSeconds } } webhooks { nodes { name url format sourceIds batchSize } } }',
    );
    expect(source).toEqual({
      name: 'source1',
      kind: 'S3_BUCKET',
      aws: { region: 'us-east-1' },
      s3: { bucket: 'bucket-name', prefix: 'logs', pollIntervalSeconds: 10 },
    });
    expect(webhooks.nodes).toEqual([
      {
        name: 'callback of source1',
        url: EXAMPLE.callbackUrl,
        format: 'FORWARDER_V1',
        sourceIds: ['source1'],
        batchSize: 1,
      },
    ]);
  });

  test('an id that is in use, or was, is refused', async () => {
    for (const id of ['source1', 'direct']) expect((await add({ ...EXAMPLE, id })).status).toBe(409);
    const answer = await remove('source1');
    expect([answer.status, answer.text]).toEqual([200, 'Source deleted successfully']);
    expect(await list()).toEqual([]);
    const again = await add(EXAMPLE);
    expect([again.status, again.text]).toEqual([
      409,
      'A source with the id source1 exists, or did: choose another id.',
    ]);
  });

  test('deleting one ends its callback, and what is not there is not found', async () => {
    expect(await admin.run('{ webhooks { nodes { id } } }')).toEqual({ webhooks: { nodes: [] } });
    for (const id of ['source1', 'direct', 'no-such', '%00', 'a%2Fb']) {
      const answer = await remove(id);
      expect([id, answer.status, answer.text]).toEqual([id, 404, 'Source not found']);
    }
  });

  test('the id is optional, and what is empty counts as absent', async () => {
    const { id, callbackUrl, s3Bucket, s3Prefix, ...rest } = EXAMPLE;
    const answer = await add({
      ...rest,
      id: '',
      callbackUrl: '',
      s3Bucket: '',
      s3Prefix: '',
      logFetchInterval: 0,
    });
    expect(answer.status).toBe(201);
    const made = answer.headers.get('location')!.replace('/sources/', '');
    expect(made).toMatch(/^src_[0-9a-f]{20}$/);
    expect(await shown(made)).toEqual({
      ...rest,
      id: made,
      secretAccessKey: MASK,
      logFetchInterval: 60,
      callbackUrl: '',
      s3Bucket: '',
      s3Prefix: '',
    });
    expect((await remove(made)).status).toBe(200);
  });

  test.each<[string, unknown, string]>([
    ['{}', {}, 'sourceType must be AWS'],
    ['another type', { ...EXAMPLE, sourceType: 'GCP' }, 'sourceType must be AWS'],
    ['a text as interval', { ...EXAMPLE, logFetchInterval: '10' }, 'logFetchInterval must be a number'],
    ['half a second', { ...EXAMPLE, logFetchInterval: 10.5 }, 'logFetchInterval must be a whole number'],
    ['too short an interval', { ...EXAMPLE, logFetchInterval: 4 }, 'logFetchInterval must be 5 at least'],
    ['a negative interval', { ...EXAMPLE, logFetchInterval: -10 }, 'logFetchInterval must be 5 at least'],
    ['no Region', { ...EXAMPLE, region: 'nowhere' }, 'region is not a Region'],
    ['no bucket', { ...EXAMPLE, s3Bucket: 'No_Bucket' }, 's3Bucket is not the name of a bucket'],
    ['no secret', { ...EXAMPLE, secretAccessKey: '' }, 'secretAccessKey goes with accessKeyId'],
    ['operators', { ...EXAMPLE, id: { $ne: '' } }, 'id Invalid input: expected string, received object'],
    [
      'an id that fits into no path',
      { ...EXAMPLE, id: '../direct' },
      'id must be 1 to 64 letters, digits, dots, dashes or underscores',
    ],
    ['a callback that is no URL', { ...EXAMPLE, callbackUrl: 'example.com' }, 'callbackUrl is not a URL'],
    [
      'a callback into private ranges',
      { ...EXAMPLE, callbackUrl: 'http://10.0.0.1/' },
      expect.stringMatching(/^callbackUrl .*10\.0\.0\.1/),
    ],
    ['a list', [], 'the body is not a JSON object'],
    ['no JSON', '{', 'the body is not JSON'],
    ['no body', '', 'the body is empty'],
  ])('refuses %s, and keeps its id free', async (_, body, why) => {
    const named = (body as { id?: unknown }).id === EXAMPLE.id;
    const answer = await add(named ? { ...(body as object), id: 'still-free' } : body);
    const [, told] = /^Invalid source data: (.*)$/.exec(answer.text) ?? [];
    expect([answer.status, told]).toEqual([400, why]);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await app.core.sources.getAny('still-free')).toBeNull();
    expect(await list()).toEqual([]);
  });

  test("only an ADMIN adds one that uses the server's own credentials", async () => {
    const own = { sourceType: 'AWS', region: 'eu-central-1', id: 'own-credentials' };
    expect((await add(own)).status).toBe(403);
    expect((await add(own, tokens.admin)).status).toBe(201);
    expect(await shown('own-credentials')).toMatchObject({ accessKeyId: '', secretAccessKey: '' });
    await remove('own-credentials');
  });

  test('who is nobody gets nothing; a VIEWER may list only', async () => {
    for (const [method, path] of [
      ['GET', '/sources'],
      ['POST', '/sources'],
      ['DELETE', '/sources/source1'],
    ] as const) {
      const answer = await rest.call(method, path);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect((await rest.call(method, path, { token: 'nonsense' })).status).toBe(401);
    }
    expect((await add(EXAMPLE, tokens.user)).status).toBe(403);
    expect((await remove('source1', tokens.user)).status).toBe(403);
  });

  test('slashes, methods, sizes and encodings', async () => {
    expect((await rest.call('GET', '/sources/', { token: tokens.user })).json()).toEqual([]);
    const wrong = async (method: string, path: string): Promise<[number, string | null]> => {
      const answer = await rest.call(method, path);
      return [answer.status, answer.headers.get('allow')];
    };
    expect(await wrong('PUT', '/sources')).toEqual([405, 'GET, POST, HEAD']);
    expect(await wrong('GET', '/sources/source1')).toEqual([405, 'DELETE']);
    expect(await wrong('POST', '/sources/source1/')).toEqual([405, 'DELETE']);
    expect((await rest.call('GET', '/sources/source1/events')).status).toBe(404);
    expect((await add('x'.repeat(65_537))).status).toBe(413);
    const zipped = await add(gzipSync(JSON.stringify({ ...EXAMPLE, id: 'zipped' })));
    expect([zipped.status, zipped.text]).toEqual([201, 'Source added successfully']);
    expect((await remove('zipped')).status).toBe(200);
  });
});

describe('a source without a bucket', () => {
  test('asks LookupEvents, and its callback gets every event as the forwarder sent it, signed', async () => {
    const receiver = new Receiver();
    const record = (): TrailRecord => {
      const eventTime = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+/, '');
      return { ...newRecord(), eventTime };
    };
    const first = [record(), record()];
    server.add('eu-west-1', first);
    const source = {
      ...EXAMPLE,
      ...LOOKUP_KEYS,
      id: `lookups-${randomUUID().slice(0, 8)}`,
      region: 'eu-west-1',
      callbackUrl: await receiver.start(),
      s3Bucket: '',
    };
    expect((await add(source)).status).toBe(201);
    await eventually(() => receiver.received.length >= 2, 'the callback has heard of both');
    const { webhooks } = await admin.run<{ webhooks: { nodes: { id: string }[] } }>(
      '{ webhooks { nodes { id } } }',
    );
    const { rotateWebhookSecret } = await admin.run<{ rotateWebhookSecret: { secret: string } }>(
      'mutation ($id: ID!) { rotateWebhookSecret(id: $id, graceSeconds: 0) { secret } }',
      { id: webhooks.nodes[0]!.id },
    );
    const last = record();
    server.add('eu-west-1', [last]);
    await admin.run('mutation ($id: ID!) { fetchNow(sourceId: $id) { id } }', { id: source.id });
    await eventually(() => receiver.received.length >= 3, 'the callback has heard of the last', 90_000);

    const bodies = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const ids = [...first, last].map(({ eventID }) => eventID);
    expect(bodies.map(({ eventId }) => eventId).sort()).toEqual([...ids].sort());
    const index = bodies.findIndex(({ eventId }) => eventId === last.eventID);
    expect(bodies[index]).toEqual({
      eventId: last.eventID,
      eventName: last.eventName,
      eventSource: last.eventSource,
      eventTime: last.eventTime,
      username: 'alice',
      readOnly: 'false',
      resources: [],
      cloudTrailEvent: expect.any(String),
      forwardedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(JSON.parse(String(bodies[index]!.cloudTrailEvent))).toMatchObject(last);
    const { body, headers } = receiver.received[index]!;
    new Verifier(rotateWebhookSecret.secret).verify(body, headers as Record<string, string>);
    expect(headers['user-agent']).toMatch(/^TrailGraph\//);
    expect((await remove(source.id)).status).toBe(200);
    await receiver.stop();
  });
});

describe('many sources', () => {
  test('are all listed, compressed where that is asked for', async () => {
    const ids = Array.from({ length: 520 }, (_, n) => `many-${String(n).padStart(3, '0')}`);
    for (const _id of ids) await app.core.sources.create({ _id, name: _id, kind: 'LOOKUP_EVENTS' });
    expect((await list()).map(({ id }) => id)).toEqual(ids);
    const answer = await rest.call('GET', '/sources', { token: tokens.user });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
  });
});
