import {
  type DocumentNode,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isLeafType,
  isListType,
  type OperationDefinitionNode,
} from 'graphql';
import {
  type ComplexityEstimator,
  type ComplexityEstimatorArgs,
  fieldExtensionsEstimator,
  getComplexity,
} from 'graphql-query-complexity';
import { CostExceeded } from '../../domain/errors';
import { numeral } from './document-limits';

/** Of one operation (requirements C1). */
export const COST_LIMIT = 5_000;

/** What a page holds where `first` is null; a list without `first` is taken to hold so many items. */
const PAGE_ITEMS = 50;
const LIST_ITEMS = 10;
const MUTATION_COST = 10;

/**
 * What an operation may amount to: a point for each object that it may return, by `first` or `last` (also by their
 * defaults), ten for each mutation. Values of an object cost nothing, those with arguments (totalCount) a point. A
 * field may say otherwise by `complexity` in its decorator, as a number. Introspection is free.
 */
const estimate: ComplexityEstimator = ({ type, field, args, childComplexity }: ComplexityEstimatorArgs) => {
  if (field.name.startsWith('__')) return 0;
  if (type.name === 'Mutation') return MUTATION_COST + childComplexity;
  const isList = isListType(getNullableType(field.type));
  const paged = field.args.some(({ name }) => name === 'first');
  if (isLeafType(getNamedType(field.type))) return field.args.length > 0 ? 1 : 0;
  if (getNamedType(field.type).name === 'PageInfo') return 0;
  if (paged) {
    const items = pageItems(args);
    return isList ? items * (1 + childComplexity) : 1 + items * childComplexity;
  }
  // What a connection lists was multiplied by whoever asked for the connection.
  if (isList && !type.name.endsWith('Connection')) return LIST_ITEMS * (1 + childComplexity);
  return 1 + childComplexity;
};

function pageItems(args: Record<string, unknown>): number {
  const { first, last } = args;
  const asked = typeof last === 'number' ? last : typeof first === 'number' ? first : PAGE_ITEMS;
  return Math.max(asked, 1);
}

const ESTIMATORS = [fieldExtensionsEstimator(), estimate];

/** Costs that were counted: the same documents come again and again, and counting takes longer than all other limits. */
const COUNTED = new WeakMap<OperationDefinitionNode, Map<string, number>>();
/** Sizes and conditions with which one operation comes. */
const MOST_VARIANTS = 20;

/**
 * The cost of an operation in points, at least 1; 1 where its variables do not fit: then it will not run.
 * @throws CostExceeded where it is over the limit
 */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): number {
  const variant = sizesIn(operation, variables);
  const counted = COUNTED.get(operation) ?? new Map<string, number>();
  const known = counted.get(variant);
  const cost =
    known ?? complexity(schema, { ...document, definitions: withoutOthers(document, operation) }, variables);
  if (cost === null) return 1;
  if (known === undefined && counted.size < MOST_VARIANTS) COUNTED.set(operation, counted.set(variant, cost));
  if (cost > COST_LIMIT) {
    throw new CostExceeded(
      `The operation costs ${numeral(cost)} points, at most ${COST_LIMIT.toLocaleString('en-US')} are allowed: ask for smaller pages (\`first\`), or for fewer lists within lists.`,
    );
  }
  return cost;
}

/** What a cost depends on: sizes of pages, conditions of @skip and @include, and which of them are null or absent. */
function sizesIn(operation: OperationDefinitionNode, variables: Record<string, unknown>): string {
  const declared = operation.variableDefinitions ?? [];
  const sizes = declared.map(({ variable: { name } }) => {
    const value = variables[name.value];
    return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : typeof value;
  });
  return JSON.stringify(sizes);
}

/** @returns null where arguments or variables do not fit: graphql-js tells of them in its own words */
function complexity(
  schema: GraphQLSchema,
  query: DocumentNode,
  variables: Record<string, unknown>,
): number | null {
  try {
    return Math.max(1, getComplexity({ schema, query, variables, estimators: ESTIMATORS }));
  } catch {
    return null;
  }
}

/** The library adds up the operations of a document; one of them runs. */
function withoutOthers(
  document: DocumentNode,
  operation: OperationDefinitionNode,
): DocumentNode['definitions'] {
  return document.definitions.filter(
    (definition) => definition.kind !== 'OperationDefinition' || definition === operation,
  );
}
