import { MAX_HOLD_MS } from '../domain/backoff';

/** A year: a number beyond it is no wait but a mistake, such as a point in time given as seconds to wait. */
const ABSURD_MS = 365 * 24 * 60 * 60 * 1_000;

/** The three forms of an HTTP date (RFC 9110, 5.6.7): IMF-fixdate, RFC 850, asctime. */
const HTTP_DATE =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT|[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} [\d:]{8} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;

/**
 * How long a Retry-After header asks to wait, in ms, at most 24 h. Null for one that is absent, not understood, already
 * past, or over a year.
 */
export function retryAfterMs(header: string | string[] | undefined, now: Date): number | null {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (text === undefined) return null;
  const wait = /^\d{1,12}$/.test(text) ? Number(text) * 1_000 : untilDate(text, now);
  return wait > 0 && wait <= ABSURD_MS ? Math.min(wait, MAX_HOLD_MS) : null;
}

/** NaN for what is no HTTP date. */
function untilDate(text: string, now: Date): number {
  if (!HTTP_DATE.test(text)) return Number.NaN;
  // asctime names no zone, but means UTC as the others do.
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - now.getTime();
}
