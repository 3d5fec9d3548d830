import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema } from 'graphql';
import { byHttp, byWebSocket, type DoorAnswer } from './support/both-doors';
import { eventually } from './support/eventually';
import { documentOf, operationsOf, type TextPlace, textPlaces } from './support/generated-operations';
import type { GraphqlClient } from './support/graphql-client';
import { subscriptions } from './support/live-state';
import { newRecord } from './support/pushing';
import { RawSocket } from './support/raw-socket';
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
/** All that a socket may have, less one. */
const OPERATIONS_A_SOCKET = 19;
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

  test('texts in filters of live subscriptions are texts too, and hold up no event', async () => {
    const places = PLACES.filter(({ operation }) => operation.kind === 'subscription');
    const asked = places.flatMap((place) => TEXTS.map((text) => ({ place, text })));
    expect(asked.length).toBeGreaterThan(500);
    const sockets: RawSocket[] = [];
    for (let at = 0; at < asked.length; at += OPERATIONS_A_SOCKET) {
      const socket = await RawSocket.authorized(app.url, admin.token!);
      sockets.push(socket);
      for (const [index, { place, text }] of asked.slice(at, at + OPERATIONS_A_SOCKET).entries()) {
        const value = place.type === 'JSON' ? { [text]: { $gt: '' } } : text;
        socket.subscribe(`${at + index}`, documentOf(place.operation), place.variables(value));
      }
    }
    const control = await RawSocket.authorized(app.url, admin.token!);
    sockets.push(control);
    control.subscribe('control', 'subscription { eventEnriched { id eventName } }');
    const ended = () =>
      sockets.flatMap(({ messages }) =>
        messages.filter(({ type }) => type === 'error' || type === 'complete'),
      );
    await eventually(
      async () => (await subscriptions(app)) + ended().length === asked.length + 1,
      'all are let in or refused',
    );
    // Strings at which a careless pattern would go on for ever.
    const text = `${'a'.repeat(900)} ${'a'.repeat(50)}`;
    const record = newRecord({
      eventName: text,
      errorMessage: text,
      userIdentity: { type: 'IAMUser', userName: text, arn: text, principalId: text },
    });
    await admin.run('mutation ($records: [JSON!]) { ingestEvents(records: $records) { stored } }', {
      records: [record],
    });
    expect(((await control.next('next')).payload as { data: object }).data).toEqual({
      eventEnriched: { id: record.eventID, eventName: text },
    });
    // Whoever was let in heard of it only where the text was in a `none`.
    const { heard, refused } = toldBy(sockets);
    const negated = ({ where }: TextPlace): boolean => (where.match(/\.none\b/g) ?? []).length % 2 === 1;
    const wanted = asked.flatMap(({ place }, id) =>
      place.where.startsWith('Subscription.eventEnriched(filter') && negated(place) && !refused.has(id)
        ? [id]
        : [],
    );
    const events = (): number[] =>
      [...heard()].filter((id) => asked[id]!.place.operation.name === 'Subscription.eventEnriched');
    await eventually(() => events().length >= wanted.length, 'those with `none` have heard');
    const named = (ids: number[]): string[] =>
      ids.map((id) => `${asked[id]!.place.where} ${asked[id]!.text.slice(0, 30)}`).sort();
    expect(named(events())).toEqual(named(wanted));
    const codes = [...refused.values()].flat().map(({ extensions }) => extensions.code);
    expect([...new Set(codes)].sort()).toEqual(['BAD_USER_INPUT', 'NOT_FOUND']);
    expect(sockets.every((socket) => socket.isOpen)).toBe(true);
    for (const socket of sockets) socket.cut();
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

interface ToldBy {
  /** The operations that have given data, by now. */
  heard(): Set<number>;
  /** What those were told that were not let in. */
  refused: Map<number, { extensions: { code: string } }[]>;
}

/** What sockets were told, by the numbers of their operations. */
function toldBy(sockets: readonly RawSocket[]): ToldBy {
  type Payload = { data?: unknown; errors?: { extensions: { code: string } }[] };
  const told = () =>
    sockets.flatMap(({ messages }) =>
      messages.map(({ type, id, payload }) => ({ type, id: Number(id), payload })),
    );
  const refused: ToldBy['refused'] = new Map();
  for (const { type, id, payload } of told()) {
    if (type === 'error') refused.set(id, payload as { extensions: { code: string } }[]);
    if (type === 'next' && (payload as Payload).errors) refused.set(id, (payload as Payload).errors!);
  }
  const heard = (): Set<number> =>
    new Set(
      told().flatMap(({ type, id, payload }) => (type === 'next' && (payload as Payload).data ? [id] : [])),
    );
  return { heard, refused };
}
