import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import type { EventFilter } from '../../domain/filter';
import type { Context } from '../../graphql/context';

const FIELD = 'eventEnriched';

/** A subscription to eventEnriched, as far as others may ask for the same. */
export interface Asked {
  args: ExecutionArgs;
  context: Context;
  filter: EventFilter | null;
  /** Where it begins, which is its own; null for now. */
  after: string | null;
  field: FieldNode;
  /** The same for all that get the same events. */
  key: string;
  /** The same for all that get the same answer to the same event, whatever their filters. */
  answer: string;
}

/** @returns null for another subscription, and for one that is written so oddly that it is left to graphql itself */
export function askedOf(args: ExecutionArgs): Asked | null {
  const context = args.contextValue as Context;
  const operation = getOperationAST(args.document, args.operationName);
  const field = onlyFieldOf(operation);
  const text = args.document.loc?.source.body;
  if (!operation || !field || text === undefined || !context.caller) return null;
  const given = argumentsOf(args, operation, field);
  if (!given) return null;
  const { filter, after } = given as { filter?: EventFilter | null; after?: string | null };
  const asked = [text, args.operationName, context.caller.role];
  const key = keyOf([...asked, othersOf(args, field)]);
  const answer = keyOf([...asked, answerVariablesOf(args, field)]);
  return { args, context, filter: filter ?? null, after: after ?? null, field, key, answer };
}

/** A directive at the field may leave it out; fragments could hold more of them. */
function onlyFieldOf(operation: OperationDefinitionNode | null | undefined): FieldNode | null {
  const [field, ...others] = operation?.selectionSet.selections ?? [];
  if (field?.kind !== Kind.FIELD || others.length > 0 || field.name.value !== FIELD) return null;
  return field.directives?.length ? null : field;
}

function argumentsOf(
  { schema, variableValues }: ExecutionArgs,
  operation: OperationDefinitionNode,
  field: FieldNode,
): Record<string, unknown> | null {
  const definition = schema.getSubscriptionType()?.getFields()[FIELD];
  const { coerced } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    (variableValues ?? {}) as Record<string, unknown>,
  );
  return definition && coerced ? getArgumentValues(definition, field, coerced) : null;
}

/** The variables without the one that only says where to begin. */
function othersOf({ document, variableValues }: ExecutionArgs, field: FieldNode): Record<string, unknown> {
  const others: Record<string, unknown> = { ...variableValues };
  const after = field.arguments?.find(({ name }) => name.value === 'after')?.value;
  // Its definition and its use.
  if (after?.kind === Kind.VARIABLE && timesNamed(document, after.name.value) === 2)
    delete others[after.name.value];
  return others;
}

/** The variables that what is selected of an event depends on: all but those that only the field's arguments name. */
function answerVariablesOf(
  { document, variableValues }: ExecutionArgs,
  field: FieldNode,
): [string, unknown][] {
  const names = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (field.arguments?.includes(node) ? false : undefined),
    Variable: ({ name }) => void names.add(name.value),
  });
  return [...names].sort().map((name) => [name, variableValues?.[name]]);
}

function timesNamed(document: DocumentNode, variable: string): number {
  let times = 0;
  visit(document, {
    Variable: ({ name }) => {
      if (name.value === variable) times++;
    },
  });
  return times;
}

function keyOf(parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}
