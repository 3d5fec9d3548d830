import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';

export interface WsDocumentRules {
  schema: GraphQLSchema;
  introspection: boolean;
  /** Whether queries and mutations may run over WebSocket as well. */
  allOperations: boolean;
}

/** Checks a document as HTTP does, with the same codes; only subscriptions run here unless the settings say otherwise. */
export function documentFaults(
  { schema, introspection, allOperations }: WsDocumentRules,
  payload: { query: string; operationName?: string | null },
): readonly GraphQLError[] | undefined {
  let document: DocumentNode;
  try {
    document = parse(payload.query, { maxTokens: 10_000 });
  } catch (error) {
    return [coded(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')];
  }
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const faults = validate(schema, document, rules, { hideSuggestions: !introspection });
  if (faults.length > 0) return faults.map((fault) => coded(fault, 'GRAPHQL_VALIDATION_FAILED'));
  const operation = getOperationAST(document, payload.operationName);
  if (!operation) {
    return [refusal('No operation of that name stands in the document.', 'OPERATION_RESOLUTION_FAILURE')];
  }
  if (operation.operation === 'subscription' || allOperations) return undefined;
  const why =
    'Only subscriptions run over WebSocket here: send queries and mutations by HTTP, or set WS_OPERATIONS=all.';
  return [refusal(why, 'BAD_REQUEST')];
}

function refusal(message: string, code: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function coded(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions } = error;
  return new GraphQLError(message, { nodes, source, positions, extensions: { code } });
}
