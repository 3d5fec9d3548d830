import { type ExecutionResult, GraphQLError } from 'graphql';

const ENDPOINT = '/graphql';
/** The server gives up on a query after 10 s; what takes longer than this hangs. */
const TIMEOUT_MS = 30_000;

export interface GraphQLRequest {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown>;
}

export interface GraphQLAnswer {
  result: ExecutionResult;
  /** The server's clock in milliseconds, by its Date header (whole seconds); null when it sent none. */
  serverTime: number | null;
}

/**
 * One query or mutation over HTTP. GraphQL errors are part of the result.
 *
 * @throws Error with a readable message when the server can't be reached, answers no JSON, or not within 30 s
 */
export async function postGraphQL(
  request: GraphQLRequest,
  headers: Record<string, string>,
): Promise<GraphQLAnswer> {
  const response = await reach(request, headers);
  const text = await response.text();
  const date = Date.parse(response.headers.get('date') ?? '');
  return { result: parseResult(text, response), serverTime: Number.isNaN(date) ? null : date };
}

async function reach(request: GraphQLRequest, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(ENDPOINT, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    const slow = cause instanceof DOMException && cause.name === 'TimeoutError';
    const why = slow ? `gave no answer within ${TIMEOUT_MS / 1000} s` : "can't be reached";
    throw new Error(`The server ${why}.`, { cause });
  }
}

function parseResult(text: string, response: Response): ExecutionResult {
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch (cause) {
    throw new Error(
      `The server answered ${response.status} ${response.statusText} without JSON: ${text.slice(0, 200)}`,
      { cause },
    );
  }
}

/** A failure on the way, for the response pane: its message alone, where an Error would show with its stack. */
export function problemResult(error: unknown): ExecutionResult {
  return { errors: [new GraphQLError(error instanceof Error ? error.message : String(error))] };
}

/** `HeadersInit` of what the headers editor holds: its names in lower case, so that none is there twice. */
export function plainHeaders(edited: unknown): Record<string, string> {
  if (typeof edited !== 'object' || edited === null) return {};
  return Object.fromEntries(
    Object.entries(edited).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}
