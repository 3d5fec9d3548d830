import Fastify, { type FastifyInstance } from 'fastify';
import { Unavailable } from '../src/domain/errors';
import { createLogger } from '../src/observe/logger';
import { addEnrichmentApi } from '../src/rest/enrichment/enrichment-api';
import { addPushDoor } from '../src/rest/push-door';
import { RecordBodies } from '../src/rest/sent-body';
import { addSourcesApi } from '../src/rest/sources/sources-api';
import { RestClient } from './support/rest-client';

const TOLD_NOBODY = 'what only the log is told';

let app: FastifyInstance;
let rest: RestClient;
let failure: Error;
const logLines: string[] = [];
const caller = {
  kind: 'person' as const,
  id: 'user',
  name: 'user@example.com',
  sessionId: 'session',
  role: 'ADMIN' as const,
  expiresAt: new Date(Date.now() + 600_000),
};

beforeAll(async () => {
  app = Fastify();
  const log = createLogger({
    level: 'warn',
    pretty: false,
    destination: { write: (line) => void logLines.push(line) },
  });
  const fails = async (): Promise<never> => {
    throw failure;
  };
  const authenticate = async () => caller;
  const bodies = new RecordBodies();
  await addPushDoor(app, {
    source: fails,
    admit: fails,
    submit: fails,
    setPending: fails,
    now: () => new Date(),
    bodies,
    log,
  });
  await addEnrichmentApi(app, {
    authenticate,
    bodies,
    log,
    signUp: fails,
    createUser: fails,
    login: fails,
    ingest: fails,
    newest: fails,
  });
  await addSourcesApi(app, { authenticate, log, list: fails, create: fails, delete: fails });
  rest = new RestClient(await app.listen({ host: '127.0.0.1', port: 0 }));
});
afterAll(() => app.close());
beforeEach(() => {
  logLines.length = 0;
});

const CALLS = [
  ['POST', '/ingest/source', '{}'],
  ['POST', '/v1/signup', '{"email":"a@example.com","password":"correct horse"}'],
  ['POST', '/v1/login', '{"email":"a@example.com","password":"correct horse"}'],
  ['POST', '/v1/enrichment', '{"Records":[{}]}'],
  ['GET', '/v1/enrichment', undefined],
  ['GET', '/sources', undefined],
  ['POST', '/sources', '{"sourceType":"AWS"}'],
  ['DELETE', '/sources/source', undefined],
] as const;

const call = (method: string, path: string, body: string | undefined) =>
  rest.call(method, path, { token: 'token', ...(body ? { body } : {}) });

test.each(CALLS)(
  '%s %s: what nobody foresaw is 500, and told to the log alone',
  async (method, path, body) => {
    failure = new TypeError(TOLD_NOBODY);
    const answer = await call(method, path, body);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain(TOLD_NOBODY);
    expect(logLines).toHaveLength(1);
    expect(JSON.parse(logLines[0]!)).toMatchObject({ error: TOLD_NOBODY, requestId: expect.any(String) });
  },
);

test.each(CALLS)('%s %s: a part that is away is 503, with Retry-After', async (method, path, body) => {
  failure = new Unavailable('The database does not answer.', 7);
  const answer = await call(method, path, body);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '7']);
  expect(logLines).toEqual([]);
});

test.each(CALLS)(
  '%s %s: a database that is away is 503, with Retry-After; what the driver says is told to the log alone',
  async (method, path, body) => {
    failure = Object.assign(new Error(`connect ECONNREFUSED 10.1.2.3:27017 ${TOLD_NOBODY}`), {
      name: 'MongoServerSelectionError',
    });
    const answer = await call(method, path, body);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.text).not.toContain(TOLD_NOBODY);
    expect(answer.text).not.toContain('10.1.2.3');
    expect(logLines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ error: failure.message, requestId: expect.any(String) }),
    ]);
  },
);

test('a push that could not be kept tells the sender to come again, and the log why', async () => {
  failure = new Unavailable('The records could not be kept.', 1, new Error(TOLD_NOBODY));
  const answer = await call('POST', '/ingest/source', '{}');
  expect(answer.status).toBe(503);
  expect(answer.text).not.toContain(TOLD_NOBODY);
  expect(logLines.map((line) => JSON.parse(line) as object)).toMatchObject([{ error: TOLD_NOBODY }]);
});
