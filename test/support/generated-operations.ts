import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

export type RootKind = 'query' | 'mutation' | 'subscription';
export type Variables = Record<string, unknown>;

/** A field of Query, Mutation or Subscription. */
export interface Operation {
  kind: RootKind;
  /** As `Mutation.createSource`. */
  name: string;
  field: GraphQLField<unknown, unknown>;
}

/** Every operation of a schema. */
export function operationsOf(schema: GraphQLSchema): Operation[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      kind,
      name: `${type!.name}.${field.name}`,
      field,
    })),
  );
}

/** A document that calls the operation with a variable for each of its arguments. */
export function documentOf({ kind, field }: Operation): string {
  const declared = field.args.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const given = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }';
  const call = field.args.length === 0 ? field.name : `${field.name}(${given})`;
  return `${kind}${declared ? ` (${declared})` : ''} { ${call}${selection} }`;
}

/** What an operation can't be called without. */
export function leastVariables({ field }: Operation): Variables {
  return Object.fromEntries(
    field.args.filter(isRequiredArgument).map(({ name, type }) => [name, leastValue(type)]),
  );
}

const LEAST_VALUES: Variables = {
  ID: 'none',
  String: 'none',
  Int: 1,
  Float: 1,
  BigInt: 1,
  Boolean: true,
  DateTime: '2026-01-01T00:00:00Z',
  JSON: {},
};

function leastValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return leastValue(type.ofType);
  if (isListType(type)) return [];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type))
    return leastObject(Object.values(type.getFields()).filter(isRequiredInputField));
  return LEAST_VALUES[type.name];
}

function leastObject(fields: readonly (GraphQLInputField | GraphQLArgument)[]): Variables {
  return Object.fromEntries(fields.map(({ name, type }) => [name, leastValue(type)]));
}

/** Where an operation takes a text or JSON, with its variables when `value` stands there. */
export interface TextPlace {
  /** As `Mutation.createSource(input.s3.bucket)`. */
  where: string;
  type: string;
  operation: Operation;
  variables(value: unknown): Variables;
}

/** Every place of every operation at which a text or JSON is taken, in inputs and lists too. */
export function textPlaces(operation: Operation): TextPlace[] {
  const least = leastVariables(operation);
  return operation.field.args.flatMap(({ name, type }) =>
    placesIn(type, name, []).map(({ where, type: leaf, wrap }) => ({
      where: `${operation.name}(${where})`,
      type: leaf,
      operation,
      variables: (value) => ({ ...least, [name]: wrap(value) }),
    })),
  );
}

interface Place {
  where: string;
  type: string;
  wrap(value: unknown): unknown;
}

/** @param within the input types around it; one that nests in itself does so once */
function placesIn(type: GraphQLInputType, where: string, within: string[]): Place[] {
  if (isNonNullType(type)) return placesIn(type.ofType, where, within);
  if (isListType(type))
    return placesIn(type.ofType, where, within).map((place) => ({
      ...place,
      wrap: (value) => [place.wrap(value)],
    }));
  if (isInputObjectType(type)) {
    if (within.filter((name) => name === type.name).length > 1) return [];
    const fields = Object.values(type.getFields());
    const required = leastObject(fields.filter(isRequiredInputField));
    return fields.flatMap((field) =>
      placesIn(field.type, `${where}.${field.name}`, [...within, type.name]).map((place) => ({
        ...place,
        wrap: (value: unknown) => ({ ...required, [field.name]: place.wrap(value) }),
      })),
    );
  }
  if (!['String', 'ID', 'JSON', 'DateTime'].includes(type.name)) return [];
  return [{ where, type: type.name, wrap: (value) => value }];
}
