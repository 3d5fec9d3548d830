import type { NewBatch } from '../../domain/batch';
import type { Source } from '../../domain/source';

/** What a fetch hands over at a time: batches for the ledger, then how far that part of the source was read. */
export interface FetchedPage {
  batches: NewBatch[];
  /** To be kept only once the batches stand in the ledger. */
  checkpoint?: { partition: string; cursor: Record<string, unknown> };
}

export interface FetchRequest {
  source: Source;
  /** How far a part of the source was read; null where it never was. */
  checkpoint: (partition: string) => Promise<Record<string, unknown> | null>;
  now: Date;
  signal: AbortSignal;
}

/** Something that an operator should look at although the fetch went through. */
export interface FetchNote {
  warning: string;
  remedy: string;
}
