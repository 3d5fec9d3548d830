import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isDatabaseAway } from '../domain/database-away';
import {
  Conflict,
  CostExceeded,
  CursorExpired,
  Forbidden,
  Invalid,
  messageOf,
  NotFound,
  PersistedQueryFault,
  RateLimited,
  Unauthenticated,
  Unavailable,
} from '../domain/errors';

/** All that is told of an error that we do not know. */
export const UNKNOWN_FAILURE = 'Something went wrong on our side; the log has it under this request id.';

/** What a caller is told of an error. */
export interface MappedError {
  message: string;
  extensions: Record<string, unknown>;
}

/** Codes of apollo-server and graphql-js for a document that can't run. */
const CALLERS_OWN = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_REQUEST',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/**
 * The one place where errors become answers. What we know tells its message and its code; anything else is
 * INTERNAL_SERVER_ERROR and tells nothing but where to look in the log.
 */
export function mapError(error: unknown): MappedError | null {
  const original = error instanceof GraphQLError && error.originalError ? error.originalError : error;
  if (original instanceof Invalid) return mapped(original, 'BAD_USER_INPUT', { fields: original.fields });
  if (original instanceof NotFound) return mapped(original, 'NOT_FOUND');
  if (original instanceof Conflict) return mapped(original, 'CONFLICT');
  if (original instanceof Forbidden) return mapped(original, 'FORBIDDEN');
  if (original instanceof Unauthenticated) return mapped(original, 'UNAUTHENTICATED');
  if (original instanceof CursorExpired) return mapped(original, 'CURSOR_EXPIRED');
  if (original instanceof CostExceeded) return mapped(original, 'COST_LIMIT_EXCEEDED');
  if (original instanceof Unavailable)
    return mapped(original, 'UNAVAILABLE', { retryAfterSeconds: original.retryAfterSeconds });
  if (original instanceof RateLimited)
    return mapped(original, 'RATE_LIMITED', { retryAfterSeconds: original.retryAfterSeconds });
  if (original instanceof PersistedQueryFault) return mapped(original, original.code);
  return mapDatabase(original);
}

/** The code that an error has for callers. */
export function codeOf(error: unknown): string {
  const code = mapError(error)?.extensions.code ?? (error as GraphQLError | null)?.extensions?.code;
  return typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}

function mapDatabase(error: unknown): MappedError | null {
  const { name, code } = error as { name?: string; code?: unknown };
  if (isDatabaseAway(error)) {
    return {
      message: 'The database does not answer: try again.',
      extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 },
    };
  }
  if (code === 50 || name === 'MongoServerTimeoutError') {
    return {
      message: 'This took too long: narrow the filter or its time range.',
      extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 },
    };
  }
  return null;
}

function mapped(error: Error, code: string, extensions: Record<string, unknown> = {}): MappedError {
  return { message: messageOf(error), extensions: { code, ...extensions } };
}

/** Formats an error for an answer, with the request's id. `onUnknown` is told of those that we do not know. */
export function formatGraphQLError(
  formatted: GraphQLFormattedError,
  error: unknown,
  requestId: string | null,
  onUnknown: (error: unknown) => void,
): GraphQLFormattedError {
  const place = {
    ...(formatted.locations ? { locations: formatted.locations } : {}),
    ...(formatted.path ? { path: formatted.path } : {}),
  };
  const id = requestId === null ? {} : { requestId };
  const known = mapError(error);
  if (known) return { message: known.message, ...place, extensions: { ...known.extensions, ...id } };
  const code = formatted.extensions?.code;
  if (isCallersOwn(error, code)) {
    const told = typeof code === 'string' && CALLERS_OWN.has(code) ? code : 'BAD_USER_INPUT';
    return { message: withoutValue(formatted.message), ...place, extensions: { code: told, ...id } };
  }
  onUnknown(error instanceof GraphQLError && error.originalError ? error.originalError : error);
  return {
    message: UNKNOWN_FAILURE,
    ...place,
    extensions: { code: 'INTERNAL_SERVER_ERROR', ...id },
  };
}

/** graphql-js names fields, types and values that look alike; who is not known is not told of them. */
export function withoutSuggestion(formatted: GraphQLFormattedError): GraphQLFormattedError {
  return { ...formatted, message: formatted.message.replace(/ Did you mean [^?]*\?/g, '') };
}

/** A fault of the document or its variables, found before anything of ours ran. */
function isCallersOwn(error: unknown, code: unknown): boolean {
  if (typeof code === 'string' && CALLERS_OWN.has(code)) return true;
  if (!(error instanceof GraphQLError) || error.path !== undefined) return false;
  // graphql-js wraps what a scalar said of a variable's value in an error of its own.
  return !error.originalError || error.originalError instanceof GraphQLError;
}

/** graphql-js repeats the value of a variable that does not fit; it may be a secret. */
function withoutValue(message: string): string {
  const match = /^Variable "(\$[^"]*)" got invalid value [\s\S]*?(?: at "([^"]*)")?; ([^;]*)$/.exec(message);
  if (!match) return message;
  const [, variable, place, reason = ''] = match;
  return `Variable "${variable}" got an invalid value${place ? ` at "${place}"` : ''}; ${reason.replace(/: [\s\S]*$/, '.')}`;
}
