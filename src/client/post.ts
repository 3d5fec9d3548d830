import { linked } from './abort';
import { type AnswerError, NoAnswer, TrailGraphError, textOf } from './errors';

export interface PostOptions {
  /** Of the server, without `/graphql`. */
  url: string;
  fetch: typeof fetch;
  token: string | null;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * One query or mutation over HTTP.
 * @throws TrailGraphError, NoAnswer, or the signal's reason
 */
export async function post(document: string, variables: unknown, options: PostOptions): Promise<unknown> {
  const { response, text } = await reach(JSON.stringify({ query: document, variables }), options);
  const { status } = response;
  const retryAfterSeconds = secondsOf(response.headers.get('retry-after'));
  const answer = parsed(text);
  if (answer?.errors?.length) throw new TrailGraphError(answer.errors, { status, retryAfterSeconds });
  if (answer?.data) return answer.data;
  if (status >= 500 || status === 429 || status === 408)
    throw new NoAnswer(`${options.url} answers ${status}.`, { status, retryAfterSeconds });
  const message = `${options.url} answers ${status}, but not as TrailGraph does: is the URL right?`;
  throw new TrailGraphError([{ message, extensions: { code: 'BAD_ANSWER' } }], { status });
}

async function reach(body: string, options: PostOptions): Promise<{ response: Response; text: string }> {
  // Called by itself: a browser's own does not run as a method of something else.
  const { url, token, timeoutMs, fetch } = options;
  const { signal, abort, unlink } = linked(options.signal);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, timeoutMs);
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body,
      redirect: 'error',
      signal,
    });
    return { response, text: await response.text() };
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    const reason = late ? `it took longer than ${timeoutMs} ms` : reasonOf(error);
    throw new NoAnswer(`No answer from ${url} (${reason}).`, { cause: error, reason });
  } finally {
    clearTimeout(timer);
    unlink();
  }
}

/** Node's `fetch failed` says nothing; what it was caused by does. */
function reasonOf(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : textOf(cause ?? error);
}

function parsed(text: string): { data?: unknown; errors?: AnswerError[] } | null {
  try {
    const answer = JSON.parse(text) as { data?: unknown; errors?: unknown } | null;
    if (typeof answer !== 'object' || answer === null) return null;
    return { data: answer.data, ...(Array.isArray(answer.errors) ? { errors: answer.errors } : {}) };
  } catch {
    return null; // A proxy's page, for one.
  }
}

/** Of a Retry-After in seconds; its form with a date is left alone. */
function secondsOf(header: string | null): number | null {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : null;
}
