import {
  type GraphQLField,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/** A mutation as text that validates, with as few arguments as may be, each of some value. */
export function leastMutation({ name, args, type }: GraphQLField<unknown, unknown>): string {
  const given = args.filter(isRequiredArgument).map((each) => `${each.name}: ${literal(each.type)}`);
  const result = isNonNullType(type) ? type.ofType : type;
  const selection = isObjectType(result) ? ' { __typename }' : '';
  return `mutation { ${name}${given.length > 0 ? `(${given.join(', ')})` : ''}${selection} }`;
}

function literal(type: GraphQLInputType): string {
  if (isNonNullType(type)) return literal(type.ofType);
  if (isListType(type)) return `[${literal(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${fields.map((field) => `${field.name}: ${literal(field.type)}`).join(', ')} }`;
  }
  if (type.name === 'Boolean') return 'true';
  if (type.name === 'DateTime') return '"2026-01-02T03:04:05Z"';
  return ['Int', 'Float', 'BigInt'].includes(type.name) ? '1' : '"some text"';
}
