import type { Readable } from 'node:stream';
import type { Batch, NewBatch } from '../domain/batch';
import type { Source } from '../domain/source';

/** What a source hands over at a time: batches for the ledger, then how far that part of it was read. */
export interface FetchedPage {
  batches: NewBatch[];
  /** Kept only once the batches stand in the ledger. */
  checkpoint?: { partition: string; cursor: Record<string, unknown> };
}

export interface FetchRequest {
  source: Source;
  /** How far a part of the source was read; null where it never was. */
  checkpoint: (partition: string) => Promise<Record<string, unknown> | null>;
  now: Date;
  signal: AbortSignal;
}

/** What a fetch has to say beyond its batches. */
export interface FetchNote {
  /** Something that an operator should look at although the fetch went through. */
  warning: string;
  remedy: string;
}

/**
 * A client for one kind of source.
 * `fetch` yields pages and may return a note. It throws Retryable or Permanent with a remedy for the operator.
 */
export interface SourceClient {
  fetch(request: FetchRequest): AsyncGenerator<FetchedPage, FetchNote | null>;
  /** Opens the bytes of an object. @throws Permanent where it is gone, Retryable where it may be had later */
  open?(source: Source, batch: Batch, signal: AbortSignal): Promise<Readable>;
  /** Milliseconds until the next fetch. */
  pollIntervalMs(source: Source): number;
}
