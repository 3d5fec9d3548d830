import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, demoRecords, push } from './support/ledger';
import { RestClient } from './support/rest-client';
import { TardyMongod } from './support/tardy-mongod';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SPAN = { from: '2025-06-15T00:00:00Z', to: '2025-06-16T00:00:00Z' };

interface Answer {
  status: number;
  data: unknown;
  errors: { message: string; path: string[]; extensions: { code: string; retryAfterSeconds?: number } }[];
}

describe('a query that the database gave up because it took too long', () => {
  let mongod: TardyMongod;
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let events: string;
  const records = demoRecords(1, 0, 20);
  const logLines: string[] = [];

  beforeAll(async () => {
    mongod = await TardyMongod.start();
    app = await startTrailGraph({
      servers: { mongodbUri: mongod.uri, redisUrl: process.env.TEST_REDIS_URL! },
      logLines,
    });
    admin = await app.admin();
    events = `${app.database}.enriched_events`;
    expect(await push(app, await createPushSource(admin), records)).toBe(200);
    await app.drain();
  });
  afterEach(() => mongod.inTime());
  afterAll(async () => {
    await app?.stop();
    await mongod?.close();
  });

  const ask = async (query: string, variables: object): Promise<Answer> => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${admin.token}` },
      body: JSON.stringify({ query, variables }),
    });
    return {
      errors: [],
      ...((await response.json()) as object),
      status: response.status,
    } as unknown as Answer;
  };

  test('is UNAVAILABLE for eventStats, and says what this filter lacks and what to narrow', async () => {
    const query = 'query ($f: EventFilter) { eventStats(filter: $f) { total top(by: ACTOR) { key } } }';
    const variables = { f: { ...SPAN, text: 'role' } };
    await mongod.outOfTime(events, ['aggregate']);
    const { status, data, errors } = await ask(query, variables);
    expect([status, data]).toEqual([200, null]);
    expect(errors.length).toBeGreaterThan(0);
    for (const { message, extensions } of errors) {
      expect(extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 1 });
      expect(message).toMatch(
        /^Counting took more than 10 s: .*Narrow `from` and `to`, or filter by at most one of/,
      );
    }
    await mongod.inTime();
    expect((await ask(query, variables)).errors).toEqual([]);
  });

  test('is UNAVAILABLE for counts that are kept by the hour, where these take too long', async () => {
    const query = 'query ($f: EventFilter) { eventStats(filter: $f) { total } }';
    await mongod.outOfTime(`${app.database}.rollup_generations`, ['find']);
    const { data, errors } = await ask(query, { f: SPAN });
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining('narrow'),
        path: ['eventStats', 'total'],
        extensions: { code: 'UNAVAILABLE' },
      },
    ]);
    await mongod.inTime();
    expect(await ask(query, { f: SPAN })).toMatchObject({ data: { eventStats: { total: records.length } } });
  });

  test.each([
    ['events', 'query ($f: EventFilter) { events(filter: $f) { nodes { id } } }', 'find'],
    ['their number', 'query ($f: EventFilter) { events(first: 1, filter: $f) { totalCount } }', 'aggregate'],
  ])('is UNAVAILABLE for %s, and says to narrow the filter', async (_, query, command) => {
    await mongod.outOfTime(events, [command]);
    const { status, data, errors } = await ask(query, { f: { ...SPAN, text: 'role' } });
    expect([status, data]).toEqual([200, null]);
    expect(errors).toMatchObject([
      {
        message: 'This took too long: narrow the filter or its time range.',
        extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 },
      },
    ]);
    await mongod.inTime();
    expect((await ask(query, { f: SPAN })).errors).toEqual([]);
  });

  test('is 503 by REST, to be tried again', async () => {
    await mongod.outOfTime(events, ['find']);
    const rest = new RestClient(app.url);
    const token = admin.token!;
    const answer = await rest.call('GET', '/v1/enrichment', { token });
    expect([answer.status, answer.json().error]).toEqual([503, true]);
    await mongod.inTime();
    expect((await rest.call('GET', '/v1/enrichment', { token })).status).toBe(200);
  });

  test('is nothing that the log calls unforeseen', () => {
    expect(logLines.filter((line) => /operation failed|request to \/v1 failed/.test(line))).toEqual([]);
  });
});
