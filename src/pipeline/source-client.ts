import type { Readable } from 'node:stream';
import type { Batch } from '../domain/batch';
import type { FetchedPage, FetchNote, FetchRequest, RangePage, RangeRequest } from '../domain/fetched';
import type { Source } from '../domain/source';

/**
 * A client for one kind of source.
 * `fetch` yields pages and may return a note. It throws Retryable or Permanent with a remedy for the operator.
 */
export interface SourceClient {
  fetch(request: FetchRequest): AsyncGenerator<FetchedPage, FetchNote | null>;
  /** Walks a bounded stretch, for a backfill; absent where the kind has no past. Throws as `fetch` does. */
  fetchRange?(request: RangeRequest): AsyncGenerator<RangePage, void>;
  /** Opens the bytes of an object. @throws Permanent where it is gone, Retryable where it may be had later */
  open?(source: Source, batch: Batch, signal: AbortSignal): Promise<Readable>;
  /** Milliseconds until the next fetch. */
  pollIntervalMs(source: Source): number;
}
