import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { messageOf } from '../domain/errors';
import type { Admission } from './admission';
import type { Spender } from './request-rates';

export interface WsDocumentRules {
  schema: GraphQLSchema;
  introspection: boolean;
  /** Whether queries and mutations may run over WebSocket as well. */
  allOperations: boolean;
  admission: Admission;
}

/** Documents that were found right: many sockets send the same one. */
const VALID = new WeakMap<GraphQLSchema, WeakSet<DocumentNode>>();

/**
 * What is to run, checked as HTTP does it, with the same codes; or why not. Only subscriptions run here unless the
 * settings say otherwise.
 */
export async function operationOf(
  rules: WsDocumentRules,
  payload: SubscribePayload,
  spender: Spender,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const { schema, allOperations, admission } = rules;
  let document: DocumentNode;
  try {
    const admitted = await admission.admit(payload, spender, {});
    document = admitted.document ?? parse(admitted.text ?? '');
  } catch (error) {
    return [refused(error)];
  }
  const faults = faultsOf(rules, document);
  if (faults.length > 0) return faults.map((fault) => coded(fault, 'GRAPHQL_VALIDATION_FAILED'));
  const { operationName, variables } = payload;
  const operation = getOperationAST(document, operationName);
  if (!operation) {
    return [refusal('No operation of that name stands in the document.', 'OPERATION_RESOLUTION_FAILURE')];
  }
  if (operation.operation === 'subscription' || allOperations)
    return { schema, document, operationName: operationName ?? null, variableValues: variables ?? null };
  const why =
    'Only subscriptions run over WebSocket here: send queries and mutations by HTTP, or set WS_OPERATIONS=all.';
  return [refusal(why, 'BAD_REQUEST')];
}

function faultsOf(
  { schema, introspection }: WsDocumentRules,
  document: DocumentNode,
): readonly GraphQLError[] {
  const valid = VALID.get(schema) ?? new WeakSet();
  VALID.set(schema, valid);
  if (valid.has(document)) return [];
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const faults = validate(schema, document, rules, { hideSuggestions: !introspection });
  if (faults.length === 0) valid.add(document);
  return faults;
}

/** A fault of the text is graphql-js' own; what admission throws is formatted as over HTTP. */
function refused(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return coded(error, 'GRAPHQL_PARSE_FAILED');
  const originalError = error instanceof Error ? error : new Error(messageOf(error));
  return new GraphQLError(originalError.message, { originalError });
}

function refusal(message: string, code: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function coded(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions } = error;
  return new GraphQLError(message, { nodes, source, positions, extensions: { code } });
}
