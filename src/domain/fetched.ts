import type { NewBatch } from './batch';
import type { Source } from './source';

/** What a source hands over at a time: batches for the ledger, then how far that part of it was read. */
export interface FetchedPage {
  batches: NewBatch[];
  /** Kept only once the batches stand in the ledger. */
  checkpoint?: { partition: string; cursor: Record<string, unknown> };
  /** Called once the batches stand in the ledger: what told of them may be let go, such as a message of a queue. */
  kept?: () => Promise<void>;
}

/** One look at a source: what a client needs to go on where the last one ended. */
export interface FetchRequest {
  source: Source;
  /** How far a part of the source was read; null where it never was. */
  checkpoint: (partition: string) => Promise<Record<string, unknown> | null>;
  /** How many batches of a part stand in the ledger unsettled: a checkpoint moves only over settled ones. */
  unsettled: (partition: string) => Promise<number>;
  now: Date;
  signal: AbortSignal;
}

/** What a fetch has to say beyond its batches: something that an operator should look at although it went through. */
export interface FetchNote {
  warning: string;
  remedy: string;
}

/** A bounded stretch of a source, for a backfill. */
export interface RangeRequest {
  source: Source;
  /** Inclusive. */
  from: Date;
  /** Exclusive. */
  to: Date;
  /** The position of the last page that was kept; null at the beginning. */
  position: Record<string, unknown> | null;
  signal: AbortSignal;
}

/** A page of a stretch that a backfill walks. */
export interface RangePage {
  /** With the ids that live fetching would give them. */
  batches: NewBatch[];
  /** Where to go on once the batches stand in the ledger. */
  position: Record<string, unknown>;
  /** How much of the range is walked with this page, 0 to 1. */
  walked: number;
  /** Everything before this time is walked; null where that can not be said. */
  through: Date | null;
}
