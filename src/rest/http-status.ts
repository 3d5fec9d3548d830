import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway } from '../domain/database-away';
import {
  Conflict,
  Forbidden,
  Invalid,
  messageOf,
  NotFound,
  RateLimited,
  Unauthenticated,
  Unavailable,
} from '../domain/errors';
import type { Logger } from '../observe/logger';

/** The body holds more than the door takes. */
export class TooLarge extends Error {
  override name = 'TooLarge';
}

/** The body comes in an encoding that the door does not read. */
export class UnknownEncoding extends Error {
  override name = 'UnknownEncoding';
}

/** The path is there, but not for this method. */
export class WrongMethod extends Error {
  override name = 'WrongMethod';
}

/** MongoDB's own code. */
const MAX_TIME_EXPIRED = 50;

/**
 * What a failed request is answered with: its status, and what may be told of the error. Says when to come again, where
 * that is known; what the answer does not tell goes to the log.
 * @param what failed, in the words of the log: `a push`
 */
export function failed(
  thrown: unknown,
  { id: requestId }: FastifyRequest,
  reply: FastifyReply,
  { log, what }: { log: Logger; what: string },
): { error: unknown; status: number } {
  const error = told(thrown);
  const status = statusOf(error);
  setRetryAfter(reply, error);
  const { cause } = error as { cause?: unknown };
  if (status === 500) log.error({ requestId, error: messageOf(error) }, `${what} failed`);
  else if (status === 503 && cause !== undefined)
    log.warn({ requestId, error: messageOf(cause) }, `${what} could not be served: it is to come again`);
  return { error, status };
}

/** What is told of an error: of a database that is away, no more than that. The driver's own words name addresses. */
function told(error: unknown): unknown {
  if (ranOutOfTime(error))
    return new Unavailable('The database took too long: send it again, later.', 1, error);
  if (!isDatabaseAway(error)) return error;
  return new Unavailable('The database does not answer: send it again.', 1, error);
}

/** The status of an answer that tells of this error; 500 for one that we do not know. */
function statusOf(error: unknown): number {
  if (error instanceof Invalid) return 400;
  if (error instanceof Unauthenticated) return 401;
  if (error instanceof Forbidden) return 403;
  if (error instanceof NotFound) return 404;
  if (error instanceof WrongMethod) return 405;
  if (error instanceof Conflict) return 409;
  if (error instanceof TooLarge) return 413;
  if (error instanceof UnknownEncoding) return 415;
  if (error instanceof RateLimited) return 429;
  if (error instanceof Unavailable) return 503;
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

/** Says when to come again, where the error knows. */
function setRetryAfter(reply: FastifyReply, error: unknown): void {
  if (error instanceof Unavailable || error instanceof RateLimited)
    reply.header('retry-after', String(error.retryAfterSeconds));
}

/** The database gave up what took longer than it might. */
function ranOutOfTime(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === MAX_TIME_EXPIRED;
}
