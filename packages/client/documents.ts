/** Every document under schema/operations, and the types that they know. */
export * from '../../src/generated/graphql';
