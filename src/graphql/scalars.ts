import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { GraphQLDateTime, GraphQLJSON } from 'graphql-scalars';

/** RFC 3339, UTC. */
export const DateTimeScalar = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  name: 'DateTime',
  description: 'A point in time: RFC 3339, UTC.',
});

export const JsonScalar = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  name: 'JSON',
  description: 'Any JSON value.',
});

/** Counts beyond 2^31: a JSON number, exact up to 2^53. */
export const BigIntScalar = new GraphQLScalarType<number, number>({
  name: 'BigInt',
  description: 'A whole number as a JSON number, exact up to 2^53.',
  serialize: (value) => whole(value),
  parseValue: (value) => whole(value),
  parseLiteral: (node) => {
    if (node.kind !== Kind.INT) throw new GraphQLError('Expected a whole number.', { nodes: node });
    return whole(Number(node.value));
  },
});

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new GraphQLError('Expected a whole number up to 2^53.');
  return value;
}
