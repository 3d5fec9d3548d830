/** One fault in what was sent: where it is and what to do about it. */
export interface FieldFault {
  path: (string | number)[];
  message: string;
}

/** An error as GraphQL has it in an answer. */
export interface AnswerError {
  message: string;
  path?: (string | number)[];
  extensions?: {
    code?: string;
    requestId?: string;
    fields?: FieldFault[];
    retryAfterSeconds?: number;
    [name: string]: unknown;
  };
}

/**
 * The server answered, and the answer is no. `code` says why: UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, BAD_USER_INPUT,
 * CONFLICT, RATE_LIMITED, COST_LIMIT_EXCEEDED, UNAVAILABLE, CURSOR_EXPIRED, INTERNAL_SERVER_ERROR, or a code of GraphQL's
 * own such as GRAPHQL_VALIDATION_FAILED. BAD_ANSWER: what answered is not TrailGraph.
 */
export class TrailGraphError extends Error {
  override name = 'TrailGraphError';
  readonly code: string;
  /** Leads to the line in the server's log. */
  readonly requestId: string | null;
  /** With BAD_USER_INPUT: every fault at once. */
  readonly fields: readonly FieldFault[];
  /** With RATE_LIMITED and UNAVAILABLE: when it is worth another try. */
  readonly retryAfterSeconds: number | null;
  /** Of HTTP; null where the answer came over WebSocket. */
  readonly status: number | null;
  /** The field that failed; null where the document as a whole did. */
  readonly path: readonly (string | number)[] | null;

  /** @param errors all of the answer; the first one gives message, code and path */
  constructor(
    readonly errors: readonly AnswerError[],
    options: { status?: number; retryAfterSeconds?: number | null } = {},
  ) {
    const [{ message, path, extensions = {} } = { message: 'An error without a message' } as AnswerError] =
      errors;
    super(message);
    this.code = extensions.code ?? 'INTERNAL_SERVER_ERROR';
    this.requestId = extensions.requestId ?? null;
    this.fields = extensions.fields ?? [];
    this.retryAfterSeconds = extensions.retryAfterSeconds ?? options.retryAfterSeconds ?? null;
    this.status = options.status ?? null;
    this.path = path ?? null;
  }
}

/**
 * No answer came: the server can't be reached, was too slow, or something before it answered for it (a 502, say). A query
 * may simply be repeated. A mutation may or may not have been carried out: look before you repeat it.
 */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  /** In a word or two: ECONNREFUSED, for one. */
  readonly reason: string;
  /** Of HTTP, where something answered at all. */
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;

  constructor(
    message: string,
    options: { cause?: unknown; reason?: string; status?: number; retryAfterSeconds?: number | null } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = options.reason ?? message;
    this.status = options.status ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/**
 * Results came faster than they were taken, until the buffer was full, and the document has no cursor to go on from. All
 * that was kept has been given before this error.
 */
export class FellBehind extends Error {
  override name = 'FellBehind';
}

/** What may pass by itself: the same thing can be asked again. */
export function passing(error: unknown): error is TrailGraphError | NoAnswer {
  if (error instanceof NoAnswer) return true;
  return error instanceof TrailGraphError && (error.code === 'UNAVAILABLE' || error.code === 'RATE_LIMITED');
}

/** The message of anything thrown, also by another realm. */
export function textOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : String(error);
}
