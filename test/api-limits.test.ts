import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildSchema,
  getIntrospectionQuery,
  type OperationDefinitionNode,
  parse,
  separateOperations,
} from 'graphql';
import { requireWithinLimits } from '../src/graphql/limits/document-limits';
import { COST_LIMIT, costOf } from '../src/graphql/limits/operation-cost';
import { atBothDoors, type Body, byHttp, byWebSocket } from './support/both-doors';
import type { GraphqlClient } from './support/graphql-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const SCHEMA = buildSchema(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8'));
const EVERYTHING = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

const times = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');
/** `{ sources { nodes { batches ...` so many levels deep. */
function deep(levels: number): string {
  const steps = ['backfills(first: 1)', 'nodes', 'source'];
  const names = Array.from({ length: levels - 3 }, (_, n) => steps[n % 3]);
  return `{ sources(first: 1) { nodes { ${names.join(' { ')} { __typename }${' }'.repeat(names.length + 2)}`;
}
/** Fragments that each spread the next one twice. */
const bomb = (count: number): string =>
  `${times(count, (n) => `fragment F${n} on Health { ...F${n + 1} ...F${n + 1} }`)} fragment F${count} on Health { status }`;

describe('limits of a document', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  beforeAll(async () => {
    app = await startTrailGraph({ settings: { WS_OPERATIONS: 'all' } });
    admin = await app.admin();
  });
  afterAll(() => app.stop());

  test.each<[string, string, string, string]>([
    ['11 levels of fields', deep(11), 'BAD_USER_INPUT', '11 levels of fields, at most 10'],
    [
      'a depth that fragments make',
      `{ ...A } fragment A on Query { sources(first: 1) { nodes { ...B } } } fragment B on Source { backfills(first: 1) { nodes { source { backfills(first: 1) { nodes { source { ... on Source { backfills { nodes { id } } } } } } } } } }`,
      'BAD_USER_INPUT',
      '11 levels of fields, at most 10',
    ],
    [
      '16 aliases',
      `{ health { ${times(16, (n) => `a${n}: status`)} } }`,
      'BAD_USER_INPUT',
      '16 aliases, at most 15',
    ],
    [
      'aliases of __typename',
      `{ health { ${times(16, (n) => `a${n}: __typename`)} } }`,
      'BAD_USER_INPUT',
      '16 aliases, at most 15',
    ],
    [
      'aliases in a fragment that is spread often',
      '{ health { ...A ...A ... on Health { ...A ...A } } } fragment A on Health { a: status b: status c: status d: status }',
      'BAD_USER_INPUT',
      '16 aliases, at most 15',
    ],
    [
      '11 fields at the root',
      `{ ${times(11, () => 'health { status }')} }`,
      'BAD_USER_INPUT',
      '11 fields at its root, at most 10',
    ],
    [
      'root fields in fragments',
      '{ ...A ...A ... { ...A } } fragment A on Query { health { status } viewer { role } __typename source(id: "a") { id } }',
      'BAD_USER_INPUT',
      '12 fields at its root, at most 10',
    ],
    [
      '11 mutations',
      `mutation { ${times(11, (n) => `a${n}: logout`)} }`,
      'BAD_USER_INPUT',
      '11 fields at its root, at most 10',
    ],
    [
      '11 directives',
      `{ health { status ${times(11, () => '@include(if: true)')} } }`,
      'BAD_USER_INPUT',
      '11 directives, at most 10',
    ],
    [
      'directives on spreads of one fragment',
      `{ health { ${times(11, () => '...A @include(if: true)')} } } fragment A on Health { status }`,
      'BAD_USER_INPUT',
      '11 directives, at most 10',
    ],
    [
      'more than 2,000 tokens',
      `{ health { ${times(2_000, () => 'status')} } }`,
      'BAD_USER_INPUT',
      'more than 2,000 tokens',
    ],
    [
      'more than 500 selections, each the same',
      `{ health { ${times(501, () => 'status')} } }`,
      'COST_LIMIT_EXCEEDED',
      '502 fields and fragments once its fragments are unfolded, at most 500',
    ],
    [
      'fragments that unfold to 2^150 fields',
      `{ health { ...F0 } } ${bomb(150)}`,
      'COST_LIMIT_EXCEEDED',
      'more than 1,000,000 fields and fragments',
    ],
    [
      'fragments in a circle',
      '{ health { ...A } } fragment A on Health { ...B } fragment B on Health { ...A }',
      'BAD_USER_INPUT',
      'A, B, A spread each other in a circle',
    ],
    [
      'many circles, at which the validation of graphql-js overflows its stack',
      `{ health { ...F0 } } ${times(121, (n) => `fragment F${n} on Health { ...F${(n + 1) % 121} ...F${(n + 2) % 121} status }`)}`,
      'BAD_USER_INPUT',
      'in a circle',
    ],
    [
      'a circle that no operation uses',
      '{ health { status } } fragment A on Health { ...A }',
      'BAD_USER_INPUT',
      'A, A spread each other in a circle',
    ],
    [
      'lists within lists',
      '{ sources(first: 200) { nodes { batches(first: 200) { nodes { id } } } } }',
      'COST_LIMIT_EXCEEDED',
      'costs 40,401 points, at most 5,000',
    ],
    [
      'lists within lists by default sizes',
      '{ sources { nodes { batches { nodes { source { batches { nodes { id } } } } } } } }',
      'COST_LIMIT_EXCEEDED',
      'points, at most 5,000',
    ],
    [
      'pages backwards',
      '{ events(last: 200) { nodes { source { batches(first: 50) { nodes { id } } } } } }',
      'COST_LIMIT_EXCEEDED',
      'costs 10,601 points, at most 5,000',
    ],
    [
      'a cost that a fragment hides, spread ten times',
      `{ ${times(9, () => '...A')} } fragment A on Query { webhooks(first: 200) { nodes { stats { pending } sources { id } } } }`,
      'COST_LIMIT_EXCEEDED',
      'points, at most 5,000',
    ],
  ])('%s: refused before anything runs, alike over HTTP and WebSocket', async (_, query, code, message) => {
    const answer = await atBothDoors(admin, { query });
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code } }] });
    expect(answer.data).toBeUndefined();
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors[0]!.message).toContain(message);
    expect(answer.errors[0]!.message).toMatch(/: (ask|send|take|leave)/);
  });

  test('tells every limit that is passed at once', async () => {
    const query = `{ ${times(16, (n) => `a${n}: health { status @include(if: true) }`)} }`;
    const { errors } = await atBothDoors(admin, { query });
    expect(errors[0]!.message).toMatch(/16 aliases.*16 fields at its root.*16 directives/);
  });

  test.each<[string, object, string]>([
    ['a variable', { n: 200 }, 'COST_LIMIT_EXCEEDED'],
    ['a default of a variable', {}, 'COST_LIMIT_EXCEEDED'],
    ['a variable that is small', { n: 2 }, ''],
  ])('counts `first` where it is %s', async (_, variables, code) => {
    const query =
      'query ($n: Int = 100) { sources(first: $n) { nodes { batches(first: $n) { nodes { id } } } } }';
    const { errors } = await atBothDoors(admin, { query, variables });
    expect(errors.map(({ extensions }) => extensions.code).join()).toBe(code);
  });

  test('counts the same document anew where its sizes are others, or variables did not fit before', async () => {
    const query =
      'query ($n: Int = 1, $f: EventFilter) { sources(first: $n) { nodes { batches(first: $n) { nodes { id } } } } events(filter: $f, first: 1) { nodes { id } } }';
    const costs: (number | undefined)[] = [];
    for (const variables of [{ n: 2, f: 'none' }, { n: 2 }, {}, { n: null }, { n: 2 }, { n: 3 }])
      costs.push((await byHttp(admin, { query, variables })).extensions?.cost?.requested);
    // A variable that does not fit stops the whole operation. 2: events, and 1 + n (1 + 1 + n) of sources.
    expect(costs).toEqual([1, 11, 6, 2 + 1 + 50 * 52, 11, 18]);
  });

  test('counts the operation that runs, not the others of its document', async () => {
    const query =
      'query Small { health { status } } query Big { sources(first: 200) { nodes { batches(first: 200) { nodes { id } } } } }';
    expect(await atBothDoors(admin, { query, operationName: 'Small' })).toMatchObject({
      status: 200,
      errors: [],
    });
    expect((await atBothDoors(admin, { query, operationName: 'Big' })).errors[0]!.extensions.code).toBe(
      'COST_LIMIT_EXCEEDED',
    );
  });

  test('lets the largest document through that is within every limit', async () => {
    const query = `query ($yes: Boolean!) { ${times(9, (n) => `a${n}: health { status }`)} ${deep(10).slice(1, -1)} ${''} }`;
    const withDirectives = query.replace(/status/, `status ${times(10, () => '@include(if: $yes)')}`);
    // The directive is not repeatable, which graphql-js tells: the limits have let it through.
    const { errors } = await atBothDoors(admin, { query: withDirectives, variables: { yes: true } });
    expect(errors[0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(await atBothDoors(admin, { query, variables: { yes: true } })).toMatchObject({
      errors: [
        { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' }, message: expect.stringContaining('$yes') },
      ],
    });
    expect(await atBothDoors(admin, { query: query.replace('query ($yes: Boolean!)', '') })).toMatchObject({
      status: 200,
      errors: [],
    });
  });

  test.each([
    ['all its options', EVERYTHING],
    ["GraphiQL's", getIntrospectionQuery({ schemaDescription: true, inputValueDeprecation: true })],
    [
      "Apollo Sandbox's",
      getIntrospectionQuery({
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
      }),
    ],
    ['no options', getIntrospectionQuery()],
  ])('lets the introspection query with %s through, and costs nothing', async (_, query) => {
    const answer = await atBothDoors(admin, { query, operationName: 'IntrospectionQuery' });
    expect(answer).toMatchObject({
      status: 200,
      errors: [],
      data: { __schema: { queryType: { name: 'Query' } } },
    });
    expect(answer.extensions!.cost).toEqual({ requested: 1, limit: COST_LIMIT });
  });

  test('refuses an introspection that goes round and round', async () => {
    const round = `{ __schema { types { ${'fields { type { '.repeat(4)} name ${'} } '.repeat(4)} } } }`;
    const { errors } = await atBothDoors(admin, { query: round });
    expect(errors[0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('takes no batches, over neither', async () => {
    const batch = [{ query: '{ health { status } }' }, { query: '{ health { status } }' }];
    const answer = await byHttp(admin, batch as unknown as Body);
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
    await expect(byWebSocket(admin, { query: batch as unknown as string })).rejects.toThrow('closed');
  });

  test('refuses a body over 1 MiB and says where more may go', async () => {
    const { status, errors } = await byHttp(admin, {
      query: '{ health { status } }',
      variables: { x: 'x'.repeat(1024 * 1024) },
    });
    expect(status).toBe(413);
    expect(errors[0]).toMatchObject({
      message: expect.stringMatching(/larger than 1 MiB.*\/ingest/),
      extensions: { code: 'BAD_REQUEST' },
    });
  });

  test.each<[string, string, object]>([
    ['lists in literals', `{ source(id: ${'['.repeat(900)}${']'.repeat(900)}) { id } }`, {}],
    [
      'filters in literals',
      `{ events(filter: { ${'all: [{ '.repeat(300)} ${'}] '.repeat(300)} }) { nodes { id } } }`,
      {},
    ],
    [
      'filters in variables',
      'query ($f: EventFilter) { events(filter: $f) { nodes { id } } }',
      { f: JSON.parse(`${'{"all":['.repeat(2_000)}${']}'.repeat(2_000)}`) as object },
    ],
    [
      'records in variables',
      'mutation ($r: [JSON!]) { ingestEvents(records: $r) { stored } }',
      { r: [JSON.parse(`{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`) as object] },
    ],
  ])('%s that nest too deeply are the fault of who sent them', async (_, query, variables) => {
    const { errors } = await atBothDoors(admin, { query, variables });
    for (const { extensions } of errors)
      expect(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'COST_LIMIT_EXCEEDED']).toContain(
        extensions.code,
      );
  });

  test.each([
    ['a field', '{ helth { status } }', {}],
    ['a field of a type', '{ health { statu } }', {}],
    ['an argument', '{ sources(frist: 1) { totalCount } }', {}],
    ['a type', 'query ($f: EventFiltr) { events(filter: $f) { nodes { id } } }', {}],
    ['a literal of an enumeration', '{ sources(kinds: [S3_BUCKE]) { totalCount } }', {}],
    [
      'a value in a variable',
      'query ($k: [SourceKind!]) { sources(kinds: $k) { totalCount } }',
      { k: ['S3_BUCKE'] },
    ],
    [
      'a member in a variable',
      'query ($f: EventFilter) { events(filter: $f) { totalCount } }',
      { f: { eventName: 'a' } },
    ],
    ['a selection that is missing', '{ sources }', {}],
  ])('names nothing that looks like %s to who is not logged in', async (_, query, variables) => {
    const { errors } = await atBothDoors(app.anonymous, { query, variables });
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toContain('Did you mean');
    expect(JSON.stringify((await atBothDoors(admin, { query, variables })).errors)).toContain('Did you mean');
  });
});

describe('the operations under schema/operations', () => {
  const files = readdirSync(join(ROOT, 'schema/operations'));
  const text = files.map((file) => readFileSync(join(ROOT, 'schema/operations', file), 'utf8')).join('\n');
  const operations = Object.entries(separateOperations(parse(text)));

  test('are within the limits, with pages of 200', () => {
    expect(operations.length).toBeGreaterThan(40);
    for (const [name, document] of operations) {
      requireWithinLimits(document);
      const operation = document.definitions.find(
        ({ kind }) => kind === 'OperationDefinition',
      ) as OperationDefinitionNode;
      // Those that page backwards give the one or the other.
      const variables = { ...stubs(operation), first: 200, last: null };
      expect({ name, cost: costOf(SCHEMA, document, operation, variables) }).toEqual({
        name,
        cost: expect.any(Number),
      });
    }
  });

  test('cost what their objects amount to', () => {
    const document = parse(
      '{ events(first: 200) { nodes { id enrichment { outcome actor { name } } } pageInfo { endCursor } } }',
    );
    const [operation] = document.definitions as OperationDefinitionNode[];
    expect(costOf(SCHEMA, document, operation!, {})).toBe(1 + 200 * 3);
  });
});

/** A value for each variable that needs one. */
function stubs(operation: OperationDefinitionNode): Record<string, unknown> {
  const required = operation.variableDefinitions?.filter(({ type }) => type.kind === 'NonNullType') ?? [];
  const byType: Record<string, unknown> = {
    'ID!': 'a',
    'String!': 'a',
    '[ID!]!': ['a'],
    'CredentialsInput!': { email: 'a', password: 'a' },
    'CreateSourceInput!': { name: 'a' },
    'CreateWebhookInput!': { name: 'a', url: 'a' },
    'StartBackfillInput!': { sourceId: 'a', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
  };
  return Object.fromEntries(
    required.map(({ variable, type, loc }) => [
      variable.name.value,
      byType[loc!.source.body.slice(type.loc!.start, type.loc!.end)] ?? {},
    ]),
  );
}
