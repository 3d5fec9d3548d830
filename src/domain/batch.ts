import type { Counters, SourceKind } from './source';

/** FAILED: the object is gone or denied for a day. QUARANTINED: it killed its worker three times, or nobody can read it. */
export type BatchState = 'PENDING' | 'DONE' | 'FAILED' | 'QUARANTINED' | 'CANCELLED';

/** An object of a bucket: its bytes stay there until the batch is read. */
export interface BatchObject {
  bucket: string;
  key: string;
  /** The version that is meant; null where whoever told of the object did not say. */
  etag: string | null;
  /** Bytes; null where it was not told. */
  size: number | null;
  lastModified: Date;
}

/** What a source hands to the ledger: where the bytes are, or the bytes themselves. */
export interface NewBatch {
  /** Deterministic where the same thing can be fetched twice. */
  _id: string;
  sourceId: string;
  sourceKind: SourceKind;
  /** For people: s3://bucket/key, or what was pushed when. */
  reference: string;
  object?: BatchObject;
  /** `{"Records":[...]}` as gzip or plain JSON text, at most 8 MiB. */
  payload?: Uint8Array;
  /** Number of records of each pushed body, where several bodies were gathered into this batch. */
  parts?: number[];
  /** The part of the source that it belongs to (an account and Region), where checkpoints wait for it. */
  partition?: string;
  /** The HTTP requests that pushed it, for the log; at most `MOST_REQUEST_IDS`. */
  requestIds?: string[];
  /** Whether the outcome of each single record is kept in `partResults`, for senders that ask. */
  each?: true;
  /** Set where what came is of no known shape: the payload goes to quarantine whole, for this reason. */
  refusal?: string;
  /** The backfill that fetched it; absent for live work. */
  backfillId?: string;
  /** The page of that backfill in which it came, from 1. */
  backfillPage?: number;
  /** Stored by a backfill that must not alert. */
  silent?: true;
  /** Where quarantined records are tried again: the entry of each record, in order. */
  entries?: string[];
}

/** Of many small bodies in one batch so many are named. */
export const MOST_REQUEST_IDS = 20;

/** A unit of fetched work in the ledger. */
export interface Batch extends NewBatch, Counters {
  /** Random, given at insertion: events carry it, so that the batch knows which are its own. */
  run: string;
  state: BatchState;
  /** Claims so far. */
  attempts: number;
  /** Leases that ran out: each means a worker that died with this batch, or hung. */
  crashes: number;
  /** Fencing token of the claim in progress; null while nobody works on it. */
  token: string | null;
  /** When it may be claimed: while claimed, the end of the lease. Null in a final state. */
  dueAt: Date | null;
  error: string | null;
  createdAt: Date;
  /** Set in a final state only: retention counts from it. */
  doneAt: Date | null;
  /** How often an operator had it tried again from the beginning; absent: never. */
  retries?: number;
  /** The outcome of each part, once settled. */
  partResults?: PartResult[];
}

/** What became of one pushed body in a batch of several. */
export interface PartResult extends Counters {
  /** Index within the part, and why. At most 1,000 are kept, unless each record's outcome is. */
  rejections: { index: number; reason: string }[];
  /** What became of each record, in order; only where the batch says `each`. */
  each?: RecordFate[];
}

/** What became of one record: stored now, stored before, matched by the drop filter, or not to be kept. */
export type RecordOutcome = 'stored' | 'duplicate' | 'dropped' | 'rejected';

/** What became of one record of a part. */
export interface RecordFate {
  outcome: RecordOutcome;
  /** The id of the event; null where the record was rejected. */
  id: string | null;
}
