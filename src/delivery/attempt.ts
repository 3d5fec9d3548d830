import { isIP } from 'node:net';
import { bareHost } from '../net/address-guard';
import { type BoundedResponse, boundedRequest, NoAnswer } from '../net/bounded-request';
import {
  failedAddressOf,
  type NetworkFailure,
  networkFailureOf,
  ProxyFailure,
  tlsFaultOf,
} from '../net/failure';
import type { GuardedAgent } from '../net/guarded-agent';
import { retryAfterMs } from './retry-after';
import { sign } from './signature';

/** Default for everything from the look-up of the name to the last byte of the answer. */
export const DEFAULT_TIMEOUT_MS = 15_000;
/** What is kept of an answer's body. */
export const MAX_RESPONSE_BYTES = 16 * 1024;

/** Why an attempt failed, in a word that is shown and counted. */
export type FailureClass = NetworkFailure | 'http_3xx' | 'http_4xx' | 'http_5xx';

/** One request of a delivery, with its secrets opened. */
export interface AttemptRequest {
  url: URL;
  /** The delivery's id: the same at every attempt. */
  id: string;
  body: Buffer;
  /** Of this attempt, by the clock that is corrected by the database's. */
  timestampSeconds: number;
  secrets: Buffer[];
  /** An ed25519 private key that signs as well, PKCS#8 DER; null where there is none. */
  signingKey?: Buffer | null;
  /** As `customHeaderFaults` lets them through. */
  headers: Record<string, string>;
  timeoutMs: number;
  userAgent: string;
}

/** What came of it: whatever the receiver or the network does is told here, not thrown. */
export interface AttemptResult {
  startedAt: Date;
  durationMs: number;
  status: number | null;
  /** Null for a success: a 2xx whose answer came to its end in time. */
  failure: FailureClass | null;
  /** What is wrong with the receiver's TLS, in words; null where it failed of something else, or did not. */
  failureReason: string | null;
  /** The first 16 KiB as text; null without an answer. */
  responseBody: string | null;
  /** Where the request went, or failed to go; several that were tried are separated by commas. */
  address: string | null;
  /**
   * How long the receiver asks to be left alone (429, 502, 503, 504 with Retry-After); where the proxy failed, when it is
   * to be asked again.
   */
  retryAfterMs: number | null;
}

/**
 * Sends one signed POST and tells what came of it. Only 2xx is a success; redirects are not followed. Whatever the
 * network or the receiver do ends in a result, within the timeout.
 * @throws the signal's reason when the caller aborts
 */
export async function attemptDelivery(
  request: AttemptRequest,
  agent: GuardedAgent,
  signal?: AbortSignal,
): Promise<AttemptResult> {
  const startedAt = new Date();
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  try {
    const response = await boundedRequest(
      agent,
      {
        url: request.url,
        method: 'POST',
        headers: headersOf(request),
        body: request.body,
        timeoutMs: request.timeoutMs,
        maxResponseBytes: MAX_RESPONSE_BYTES,
      },
      signal,
    );
    return {
      startedAt,
      durationMs: elapsed(),
      status: response.status,
      failure: failureOf(response),
      failureReason: null,
      responseBody: textOf(response),
      address: response.address,
      retryAfterMs: holdOf(response),
    };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return {
      startedAt,
      durationMs: elapsed(),
      status: null,
      failure: networkFailureOf(error.cause),
      failureReason: tlsFaultOf(error.cause),
      responseBody: null,
      address: error.address ?? failedAddressOf(error.cause) ?? literalHost(request.url),
      retryAfterMs: error.cause instanceof ProxyFailure ? error.cause.retryInMs : null,
    };
  }
}

function headersOf(request: AttemptRequest): Record<string, string> {
  return {
    ...request.headers,
    'content-type': 'application/json',
    // The answer is kept as it comes: ask for one that can be read.
    'accept-encoding': 'identity',
    'user-agent': request.userAgent,
    'webhook-id': request.id,
    'webhook-timestamp': String(request.timestampSeconds),
    'webhook-signature': sign(request),
  };
}

function failureOf({ status, broken }: BoundedResponse): FailureClass | null {
  if (status >= 500) return 'http_5xx';
  if (status >= 400) return 'http_4xx';
  if (status >= 300) return 'http_3xx';
  return broken === null ? null : networkFailureOf(broken);
}

function holdOf({ status, headers }: BoundedResponse): number | null {
  const asks = status === 429 || status === 502 || status === 503 || status === 504;
  return asks ? retryAfterMs(headers['retry-after'], new Date()) : null;
}

function textOf({ body, headers }: BoundedResponse): string {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return `(${body.length} bytes in content-encoding ${String(encoding).slice(0, 40)}, not decoded)`;
  // `stream` holds a character that the limit cut in two back, instead of printing its half.
  return new TextDecoder().decode(body, { stream: true });
}

function literalHost(url: URL): string | null {
  const host = bareHost(url.hostname);
  return isIP(host) === 0 ? null : host;
}
