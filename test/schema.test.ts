import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  parse,
  specifiedScalarTypes,
  validate,
} from 'graphql';
import { schemaText } from '../src/graphql/schema';

const ROOT = join(__dirname, '..');
const OPERATIONS = join(ROOT, 'schema/operations');
const CONTRACT = resolve(ROOT, '../shared/contract.graphql');

interface Member {
  type: string;
  args: readonly GraphQLArgument[];
  defaultValue?: unknown;
  description: string | null | undefined;
}

/** The types that a schema defines itself. */
function typesOf(schema: GraphQLSchema): GraphQLNamedType[] {
  const builtIn = new Set(specifiedScalarTypes.map(({ name }) => name));
  return Object.values(schema.getTypeMap()).filter(
    ({ name }) => !name.startsWith('__') && !builtIn.has(name),
  );
}

function membersOf(type: GraphQLNamedType | undefined): Map<string, Member> {
  const fields =
    isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
      ? Object.values(type.getFields())
      : [];
  return new Map(
    fields.map((field) => [
      field.name,
      {
        type: String(field.type),
        args: 'args' in field ? field.args : [],
        defaultValue: (field as GraphQLInputField).defaultValue,
        description: field.description,
      },
    ]),
  );
}

function argumentText({ name, type, defaultValue }: GraphQLArgument): string {
  return `${name}: ${String(type)}${defaultValue === undefined ? '' : ` = ${JSON.stringify(defaultValue)}`}`;
}

/** What one schema says otherwise than another of what both name. */
function contradictions(ours: GraphQLSchema, theirs: GraphQLSchema): string[] {
  const found: string[] = [];
  const same = (where: string, a: unknown, b: unknown): void => {
    if (a !== b) found.push(`${where} is ${String(a)}, not ${String(b)}`);
  };
  for (const type of typesOf(ours)) {
    const other = theirs.getType(type.name);
    if (!other) continue;
    same(type.name, type.astNode?.kind, other.astNode?.kind);
    if (isEnumType(type) && isEnumType(other)) {
      const known = other.getValues().map(({ name }) => name);
      for (const { name } of type.getValues())
        if (!known.includes(name)) found.push(`${type.name}.${name} is unknown`);
    }
    const theirMembers = membersOf(other);
    for (const [name, member] of membersOf(type)) {
      const their = theirMembers.get(name);
      if (!their) continue;
      same(`${type.name}.${name}`, member.type, their.type);
      const expected = new Map(their.args.map((argument) => [argument.name, argumentText(argument)]));
      for (const argument of member.args)
        if (expected.has(argument.name))
          same(`an argument of ${type.name}.${name}`, argumentText(argument), expected.get(argument.name));
      const missing = [...expected.keys()].filter(
        (each) => !member.args.some(({ name: own }) => own === each),
      );
      for (const each of missing) found.push(`${type.name}.${name} lacks the argument ${each}`);
    }
  }
  return found;
}

describe('the GraphQL schema', () => {
  let emitted: string;
  let schema: GraphQLSchema;
  beforeAll(async () => {
    emitted = await schemaText();
    schema = buildSchema(emitted);
  });

  test('is the one that is committed: else run `npm run schema`', () => {
    expect(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8')).toBe(emitted);
  });

  test('describes every type, field, argument and value', () => {
    const roots = ['Query', 'Mutation', 'Subscription']; // Told by the specification.
    const silent = typesOf(schema).flatMap((type) => [
      ...(type.description || roots.includes(type.name) ? [] : [type.name]),
      ...(isEnumType(type) ? type.getValues() : [])
        .filter(({ description }) => !description)
        .map(({ name }) => `${type.name}.${name}`),
      ...[...membersOf(type)].flatMap(([name, member]) => [
        ...(member.description ? [] : [`${type.name}.${name}`]),
        ...member.args
          .filter((argument) => !argument.description)
          .map((argument) => `${type.name}.${name}(${argument.name})`),
      ]),
    ]);
    expect(silent).toEqual([]);
  });

  test('validates every document under schema/operations, and each operation has a name of its own', () => {
    const files = readdirSync(OPERATIONS).filter((name) => name.endsWith('.graphql'));
    expect(files.sort()).toEqual([
      'backfills.graphql',
      'events.graphql',
      'health.graphql',
      'people.graphql',
      'quarantine.graphql',
      'replays.graphql',
      'sources.graphql',
      'stats.graphql',
      'webhooks.graphql',
    ]);
    const names: (string | undefined)[] = [];
    for (const file of files) {
      const document = parse(readFileSync(join(OPERATIONS, file), 'utf8'));
      expect(validate(schema, document).map(({ message }) => `${file}: ${message}`)).toEqual([]);
      for (const definition of document.definitions)
        if ('name' in definition) names.push(definition.name?.value);
    }
    expect(names).not.toContain(undefined);
    expect(names.length).toBe(new Set(names).size);
  });

  test('is used whole: each query, mutation and subscription stands in a document', () => {
    const text = readdirSync(OPERATIONS)
      .map((file) => readFileSync(join(OPERATIONS, file), 'utf8'))
      .join('\n');
    const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
      (root) => Object.keys(root?.getFields() ?? {}),
    );
    expect(fields.filter((name) => !new RegExp(`^ {2}${name}\\b`, 'm').test(text))).toEqual([]);
  });

  const contract = existsSync(CONTRACT) ? readFileSync(CONTRACT, 'utf8') : null;
  const where = contract === null ? ' (no contract lies beside this repository: nothing is compared)' : '';
  test(`says nothing against the contract, where both name a thing${where}`, () => {
    if (contract === null) return;
    expect(contradictions(schema, buildSchema(contract))).toEqual([]);
  });
});

describe('the comparison of schemas', () => {
  test('finds another nullability, list, default, a missing argument and an unknown value', () => {
    const ours = buildSchema(
      'type Query { a: Int! b: [Int] c(x: Int): Int d(x: Int = 1): Int e: E f: String } enum E { ON OFF }',
    );
    const theirs = buildSchema(
      'type Query { a: Int b: [Int!] c: Int d(x: Int = 2, y: Int): Int e: E f: String g: Int } enum E { ON }',
    );
    expect(contradictions(ours, theirs)).toEqual([
      'Query.a is Int!, not Int',
      'Query.b is [Int], not [Int!]',
      'an argument of Query.d is x: Int = 1, not x: Int = 2',
      'Query.d lacks the argument y',
      'E.OFF is unknown',
    ]);
  });
});
