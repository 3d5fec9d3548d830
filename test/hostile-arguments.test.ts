import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema } from 'graphql';
import { byHttp, byWebSocket, type DoorAnswer } from './support/both-doors';
import { documentOf, operationsOf, type TextPlace, textPlaces } from './support/generated-operations';
import type { GraphqlClient } from './support/graphql-client';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const SCHEMA = buildSchema(readFileSync(join(__dirname, '../schema/schema.graphql'), 'utf8'));
/** All but the end of the caller's own session, which nothing could follow. */
const OPERATIONS = operationsOf(SCHEMA).filter(({ name }) => name !== 'Mutation.logout');
const PLACES = OPERATIONS.flatMap(textPlaces);
const OPERATORS: readonly unknown[] = [
  { $gt: '' },
  { $ne: null },
  { $where: 'sleep(1000) || true' },
  [{ $regex: '.*' }],
];
const TEXTS: readonly string[] = [
  '{"$gt":""}',
  '$where',
  "'; return true; var a='",
  '__proto__',
  'a.$b.\u0000c',
  '\ud800 (a+)+$',
  `${'a'.repeat(900)}!*`,
  '../../etc/passwd\r\nx: y',
];
/** Requests at once. */
const ABREAST = 8;

describe('hostile arguments', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  const eventID = '11111111-2222-4333-8444-555555555555';

  const send = ({ operation, variables }: TextPlace, value: unknown): Promise<DoorAnswer> => {
    const door = operation.kind === 'subscription' ? byWebSocket : byHttp;
    return door(admin, { query: documentOf(operation), variables: variables(value) });
  };
  /** What the caller could have changed, without what the server writes by itself. */
  const contents = async (): Promise<string> => {
    const hash = createHash('sha256');
    for (const name of [
      'sources',
      'webhooks',
      'deliveries',
      'replays',
      'backfills',
      'batches',
      'quarantine',
      'users',
      'enriched_events',
    ]) {
      const documents = await app.core.store.db
        .collection(name)
        .find({}, { sort: { _id: 1 } })
        .toArray();
      hash.update(`${name} ${documents.length} ${JSON.stringify(documents.map(({ _id }) => _id))}`);
    }
    return hash.digest('hex');
  };

  beforeAll(async () => {
    app = await startTrailGraph({ settings: { WS_OPERATIONS: 'all' } });
    admin = await app.admin();
    await admin.run('mutation ($records: [JSON!]) { ingestEvents(records: $records) { stored } }', {
      records: [newRecord({ eventID })],
    });
    await app.drain();
  });
  afterAll(() => app.stop());

  test('has every place of the schema at which a text is taken', () => {
    const names = PLACES.map(({ where }) => where);
    expect(names.length).toBe(new Set(names).size);
    expect(names.length).toBeGreaterThan(600);
    expect(names).toEqual(
      expect.arrayContaining([
        'Query.event(id)',
        'Query.events(filter.actors)',
        'Query.events(filter.any.text)',
        'Mutation.createSource(input.s3.bucket)',
        'Mutation.createSource(input.dropFilter.addresses)',
        'Mutation.createWebhook(input.headers.value)',
        'Mutation.login(input.password)',
        'Subscription.eventEnriched(after)',
      ]),
    );
  });

  test('operators of MongoDB in place of a text are refused before anything runs', async () => {
    const before = await contents();
    const wrong: string[] = [];
    await abreast(
      PLACES.filter(({ type }) => type !== 'JSON').map((place, n) => async () => {
        const operator = OPERATORS[n % OPERATORS.length];
        const { errors, data } = await send(place, operator);
        const codes = errors.map(({ extensions }) => extensions.code);
        if (codes.length === 0 || codes.some((code) => code !== 'BAD_USER_INPUT') || data)
          wrong.push(`${place.where} takes ${JSON.stringify(operator)}: ${codes.join()}`);
      }),
    );
    expect(wrong).toEqual([]);
    expect(await contents()).toBe(before);
  });

  test('texts that mean something elsewhere are texts here', async () => {
    const wrong: string[] = [];
    await abreast(
      PLACES.filter(runsHere).map((place, n) => async () => {
        // Each place gets some of them, each of them goes to some of each operation's places.
        for (const text of [TEXTS[n % TEXTS.length]!, TEXTS[(n + 3) % TEXTS.length]!]) {
          const { errors } = await send(place, place.type === 'JSON' ? { [text]: { $gt: '' } } : text);
          for (const { message, extensions } of errors)
            if (extensions.code === 'INTERNAL_SERVER_ERROR' || extensions.code === 'UNAVAILABLE')
              wrong.push(`${place.where} says ${message} (${extensions.code}) to ${JSON.stringify(text)}`);
        }
      }),
    );
    expect(wrong).toEqual([]);
    // What was there is there, and no more is found than matches.
    expect(await admin.run('query ($id: ID!) { event(id: $id) { id } }', { id: eventID })).toEqual({
      event: { id: eventID },
    });
    expect(({} as Record<string, unknown>).$gt).toBeUndefined();
  });

  test.each([
    ['{"$gt":""}', 0],
    ['$where', 0],
    ['.*', 0],
    ['*', null],
  ])('the filter %s finds what has this text, and no more', async (text, count) => {
    for (const member of ['eventNames', 'actors', 'accessKeyIds', 'resourceARNs']) {
      const { errors, data } = await byHttp(admin, {
        query: 'query ($f: EventFilter) { events(filter: $f) { nodes { id } } }',
        variables: { f: { [member]: [text], from: '2000-01-01T00:00:00Z' } },
      });
      if (count === null)
        expect(errors.every(({ extensions }) => extensions.code === 'BAD_USER_INPUT')).toBe(true);
      else expect({ errors, data }).toEqual({ errors: [], data: { events: { nodes: [] } } });
    }
  });

  test('numbers and cursors without measure are the fault of who sent them', async () => {
    const cursors = [
      'x'.repeat(100_000),
      Buffer.from('{"$gt":""}').toString('base64'),
      '\u0000',
      '-1',
      '9'.repeat(400),
      'null.null',
    ];
    const asked = [
      ...[2_147_483_647, -2_147_483_648, 0, -1, 201].map((first) => [
        'query ($first: Int) { events(first: $first) { nodes { id } } }',
        { first },
      ]),
      ...[2_147_483_648, 1e308, 1.5, '1'].map((first) => [
        'query ($first: Int) { sources(first: $first) { totalCount } }',
        { first },
      ]),
      ...[2_147_483_647, -1].map((limit) => [
        'query ($limit: Int) { events(first: 1) { totalCount(limit: $limit) } }',
        { limit },
      ]),
      ...cursors.flatMap((after) =>
        ['events', 'sources', 'webhooks', 'deliveries', 'quarantine'].map((list) => [
          `query ($after: String) { ${list}(after: $after) { nodes { id } } }`,
          { after },
        ]),
      ),
    ] as [string, Record<string, unknown>][];
    for (const [query, variables] of asked) {
      const { errors } = await byHttp(admin, { query, variables });
      expect([query, variables, errors.map(({ extensions }) => extensions.code)]).toEqual([
        query,
        variables,
        [expect.stringMatching(/^(BAD_USER_INPUT|COST_LIMIT_EXCEEDED)$/)],
      ]);
    }
    for (const after of cursors) {
      const { errors } = await byWebSocket(admin, {
        query: 'subscription ($after: String) { eventEnriched(after: $after) { id } }',
        variables: { after: after.slice(0, 40_000) },
      });
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    }
  });
});

/** A subscription that is let in says nothing; a connection test with a profile asks the machine's own AWS settings. */
function runsHere({ operation, where }: TextPlace): boolean {
  return operation.kind !== 'subscription' && !where.startsWith('Mutation.testSource(input.aws');
}

/** Runs the tasks, some at a time. */
async function abreast(tasks: (() => Promise<void>)[]): Promise<void> {
  const queue = [...tasks];
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      for (let task = queue.shift(); task; task = queue.shift()) await task();
    }),
  );
}
