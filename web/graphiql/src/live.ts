import type { ExecutionResult, OperationDefinitionNode } from 'graphql';
import { CloseCode, createClient } from 'graphql-ws';
import { type GraphQLRequest, problemResult } from './graphql-http';

/**
 * A subscription, each on a connection of its own, so that it opens with the token of that moment. A lost connection
 * is opened again; an operation that takes `$after` and asks for `cursor` then goes on after the last event it saw.
 *
 * @param operation the one that `request` runs
 * @param authorization called at each connection for the value of `connectionParams.authorization`
 * @param currentAuthorization the same value as it stands, without a round trip
 */
export function liveResults(
  request: GraphQLRequest,
  operation: OperationDefinitionNode,
  authorization: () => Promise<string | undefined>,
  currentAuthorization: () => string | undefined,
): AsyncIterableIterator<ExecutionResult> {
  let sent: string | undefined;
  const client = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: async () => {
      sent = await authorization();
      return sent === undefined ? {} : { authorization: sent };
    },
    // The server closes a socket whose token has run out: with a renewed one it is worth another try.
    shouldRetry: (event) => closeCode(event) !== CloseCode.Forbidden || currentAuthorization() !== sent,
  });
  const payload = { ...request, variables: { ...request.variables } };
  const resumes = takesAfter(operation);
  const results = client.iterate(payload);
  // No async generator: its return() would wait for the next event, and so would the Stop button.
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const step = await results.next().catch(asResult);
      const cursor = resumes && !step.done ? cursorOf(step.value.data) : undefined;
      // graphql-ws sends this same object again after a reconnection.
      if (cursor !== undefined) payload.variables.after = cursor;
      return step as IteratorResult<ExecutionResult>;
    },
    async return() {
      await results.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** Errors of the operation are a result to show, and so is a lost connection, told in words. */
function asResult(error: unknown): IteratorResult<ExecutionResult> {
  if (Array.isArray(error)) return { done: false, value: { errors: error } };
  if (!(error instanceof CloseEvent)) return { done: false, value: problemResult(error) };
  const said = error.reason ? `: ${error.reason}` : '';
  const text =
    error.code === CloseCode.Forbidden
      ? `Refused${said}. Sign in above, or check the Authorization header.`
      : `The live connection was closed (${error.code}${said}).`;
  return { done: false, value: problemResult(new Error(text)) };
}

function takesAfter(operation: OperationDefinitionNode): boolean {
  return operation.variableDefinitions?.some(({ variable }) => variable.name.value === 'after') ?? false;
}

function cursorOf(data: Record<string, unknown> | null | undefined): string | undefined {
  const event = data?.eventEnriched;
  if (typeof event !== 'object' || event === null || !('cursor' in event)) return undefined;
  return typeof event.cursor === 'string' ? event.cursor : undefined;
}

function closeCode(event: unknown): number | undefined {
  return event instanceof CloseEvent ? event.code : undefined;
}
