import { DeadlineExceeded } from './failure';
import type { GuardedAgent } from './guarded-agent';

export interface BoundedRequest {
  url: URL;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  headers: Record<string, string>;
  body?: Buffer;
  /** For everything: waiting for a socket, connecting, sending, and the answer to its last byte. */
  timeoutMs: number;
  /** What is kept of the answer's body; one that is longer costs the socket, the rest is never read. */
  maxResponseBytes: number;
}

/** An answer, its body cut at `maxResponseBytes`. */
export interface BoundedResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** As it came over the wire: never inflated. */
  body: Buffer;
  /** The body was longer than what was kept. */
  cut: boolean;
  /** What broke the body off after its beginning; null for one that came to its end or was cut. */
  broken: unknown;
  /** Null where the request had no body to know it by. */
  address: string | null;
}

/** The request failed before there was an answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  constructor(
    override readonly cause: unknown,
    readonly address: string | null,
  ) {
    super('no answer', { cause });
  }
}

/**
 * One HTTP exchange that is bounded in time and in memory whatever the other side does. Redirects are not followed.
 * @throws NoAnswer with the cause (`networkFailureOf` sorts it); the signal's reason when the caller aborts
 */
export async function boundedRequest(
  agent: GuardedAgent,
  request: BoundedRequest,
  signal?: AbortSignal,
): Promise<BoundedResponse> {
  signal?.throwIfAborted();
  const { url, method, headers, timeoutMs, maxResponseBytes } = request;
  // A view of its own makes the body an identity of this request, by which the agent tells the address.
  const body = request.body?.subarray();
  const aborter = new AbortController();
  const onAbort = () => aborter.abort(signal?.reason);
  // Timer and listener are undone at the end: thousands of requests a second must not leave 15 s timers behind.
  const timer = setTimeout(() => aborter.abort(new DeadlineExceeded(timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = agent.dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers,
      body,
      signal: aborter.signal,
      // The one deadline above counts.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const response = await orAborted(answer, aborter.signal);
    const kept = await readUpTo(response.body, maxResponseBytes);
    signal?.throwIfAborted();
    return {
      status: response.statusCode,
      headers: response.headers,
      ...kept,
      address: body ? agent.addressOf(body) : null,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw new NoAnswer(agent.causeOf(url, error), body ? agent.addressOf(body) : null);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** undici hears of an abort only once a request has a socket; one that waits for a socket must not wait longer. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

async function readUpTo(
  stream: AsyncIterable<Buffer>,
  max: number,
): Promise<{ body: Buffer; cut: boolean; broken: unknown }> {
  const chunks: Buffer[] = [];
  let room = max;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk.subarray(0, room));
      // Leaving the loop destroys the stream and with it the socket.
      if (chunk.length > room) return { body: Buffer.concat(chunks), cut: true, broken: null };
      room -= chunk.length;
    }
  } catch (error) {
    return { body: Buffer.concat(chunks), cut: false, broken: error };
  }
  return { body: Buffer.concat(chunks), cut: false, broken: null };
}
