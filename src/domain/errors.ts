/**
 * Errors with a meaning. Those for callers are mapped to `extensions.code` (GraphQL) or a status (HTTP) once, at
 * the edge; those for stages carry the decision whether to try again.
 */

/** One fault in what a caller sent: where it is and what to do about it. */
export interface FieldFault {
  path: (string | number)[];
  message: string;
}

/** What was asked for is not there. */
export class NotFound extends Error {
  override name = 'NotFound';
}

/** The input is at fault; tells every fault at once. */
export class Invalid extends Error {
  override name = 'Invalid';
  constructor(
    message: string,
    readonly fields: FieldFault[] = [],
  ) {
    super(message);
  }
}

/** The call is right, but not in the state that things are in. */
export class Conflict extends Error {
  override name = 'Conflict';
}

/** The caller is known and may not do this. */
export class Forbidden extends Error {
  override name = 'Forbidden';
}

/** It is not known who calls. */
export class Unauthenticated extends Error {
  override name = 'Unauthenticated';
}

/** A refresh token came that was replaced before: it may be stolen. */
export class TokenReused extends Unauthenticated {
  constructor(
    message: string,
    /** Whose session it was. */
    readonly userId: string,
  ) {
    super(message);
  }
}

/** A part that we rest on does not answer; the same call may succeed later. */
export class Unavailable extends Error {
  override name = 'Unavailable';
  constructor(
    message: string,
    readonly retryAfterSeconds = 1,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** Too much came from this caller or address; it may come again later. */
export class RateLimited extends Error {
  override name = 'RateLimited';
  constructor(
    message: string,
    readonly retryAfterSeconds: number,
  ) {
    super(message);
  }
}

/** The operation would take more than one operation may. */
export class CostExceeded extends Error {
  override name = 'CostExceeded';
}

/** A document was named by an id. The codes are those that clients of Apollo's persisted queries know. */
export class PersistedQueryFault extends Error {
  override name = 'PersistedQueryFault';
  constructor(
    message: string,
    readonly code: 'PERSISTED_QUERY_NOT_FOUND' | 'PERSISTED_QUERY_NOT_SUPPORTED',
  ) {
    super(message);
  }
}

/** The cursor points to something that retention has removed. */
export class CursorExpired extends Error {
  override name = 'CursorExpired';
}

/** A stage failed in a way that may pass: back off and try again. `remedy` is for the operator. */
export class Retryable extends Error {
  override name = 'Retryable';
  constructor(
    message: string,
    readonly options: { cause?: unknown; retryAfterMs?: number; remedy?: string } = {},
  ) {
    super(message, { cause: options.cause });
  }
}

/** A stage failed in a way that no retry mends. `remedy` is for the operator. */
export class Permanent extends Error {
  override name = 'Permanent';
  constructor(
    message: string,
    readonly options: { cause?: unknown; remedy?: string } = {},
  ) {
    super(message, { cause: options.cause });
  }
}

/** The message of anything thrown, cut to a length that fits a status field. */
export function messageOf(error: unknown, max = 500): string {
  // By shape: an error may come from another realm, where `instanceof` says no.
  const { message, name } = (error ?? {}) as { message?: unknown; name?: unknown };
  const text = typeof message === 'string' ? message || String(name) : String(error);
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}
