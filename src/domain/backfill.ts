import { randomUUID } from 'node:crypto';
import type { BatchState, NewBatch } from './batch';
import type { SourceKind } from './source';

/** FAILED: the source can not be read, and no retry mends that. */
export type BackfillState = 'RUNNING' | 'PAUSED' | 'DONE' | 'FAILED' | 'CANCELLED';

/** What is known of batches by counting them. */
export interface BackfillCounts {
  /** In the ledger, settled or not. */
  batches: number;
  /** Of these, not settled. */
  pending: number;
  received: number;
  stored: number;
  duplicates: number;
}

export const NO_BACKFILL_COUNTS: Readonly<BackfillCounts> = {
  batches: 0,
  pending: 0,
  received: 0,
  stored: 0,
  duplicates: 0,
};

/** A stretch of a source's past that is being read. */
export interface Backfill {
  _id: string;
  sourceId: string;
  sourceKind: SourceKind;
  /** That of the source when it began: what another bucket or queue holds is another backfill's. */
  epoch: number;
  /** Inclusive. */
  from: Date;
  /** Exclusive. */
  to: Date;
  /** Whether webhooks and subscriptions hear of what it stores. */
  deliver: boolean;
  state: BackfillState;
  /** Where the walk goes on; null at the beginning. Moved only once the page stands in the ledger. */
  position: Record<string, unknown> | null;
  /** Pages that stand in the ledger: the batches of the n-th carry n as `backfillPage`. */
  pages: number;
  /** How much of the range is walked, 0 to 1. */
  walked: number;
  /** Everything before this time is walked; null where that can not be said. */
  through: Date | null;
  /** Whether the walk has come to the end of the range. */
  walkEnded: boolean;
  /** Batches that live fetching had stored already. */
  known: number;
  /** Pages up to here are settled, and their batches are counted in `folded`. */
  foldedPages: number;
  folded: BackfillCounts;
  /** From when and where the speed is measured: anew at each resumption. */
  paceFrom: { at: Date; fraction: number };
  /** Fencing token of the step in progress; null while nobody works on it. */
  token: string | null;
  /** When the next step is due; while claimed, the end of the lease. Null when there is nothing left to do. */
  dueAt: Date | null;
  error: string | null;
  /** What the operator can do about the error. */
  remedy: string | null;
  createdAt: Date;
  doneAt: Date | null;
}

/** A backfill with the counts of all its batches. */
export interface BackfillStatus {
  backfill: Backfill;
  counts: BackfillCounts;
}

const PREFIX = 'bf_';

export function newBackfillId(): string {
  return `${PREFIX}${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}

/** Tells a backfill, and a batch of one, from a source and a live batch in a hint. */
export function isBackfillId(id: string): boolean {
  return id.startsWith(PREFIX);
}

/** Why a kind of source can not be backfilled; null where it can. */
export function noPastOf(kind: SourceKind): string | null {
  if (kind === 'HTTP_PUSH')
    return 'records are pushed to it, so there is no past that it could be asked for: send them again, or ingest files by `trailgraph ingest`';
  if (kind === 'DEMO') return 'its records are made up as they come: there is no past';
  return null;
}

/**
 * What live fetching would hand to the ledger, as a backfill's own: under ids that begin with the backfill's, silent
 * unless it delivers, and of no partition, since the source's checkpoints do not wait for it.
 */
export function backfillBatch(backfill: Backfill, { partition: _, ...batch }: NewBatch): NewBatch {
  return {
    ...batch,
    _id: `${backfill._id}_${batch._id}`,
    backfillId: backfill._id,
    backfillPage: backfill.pages + 1,
    ...(backfill.deliver ? {} : { silent: true as const }),
  };
}

export function addBackfillCounts(a: BackfillCounts, b: BackfillCounts): BackfillCounts {
  return {
    batches: a.batches + b.batches,
    pending: a.pending + b.pending,
    received: a.received + b.received,
    stored: a.stored + b.stored,
    duplicates: a.duplicates + b.duplicates,
  };
}

/** How much of a backfill is done, 0 to 1: what is walked, less what of it waits in the ledger. */
export function fractionDone({ backfill, counts }: BackfillStatus): number {
  if (backfill.state === 'DONE') return 1;
  const { batches, pending } = counts;
  const settled = batches === 0 ? 1 : (batches - pending) / batches;
  return Math.min(1, Math.max(0, backfill.walked * settled));
}

/** Below this nothing can be said of the speed. */
const LEAST_PROGRESS = 0.001;

/** Seconds until it is done at the speed that it had since it began or was resumed; null where that can't be said. */
export function etaSeconds(status: BackfillStatus, now: Date): number | null {
  const { backfill } = status;
  if (backfill.state !== 'RUNNING') return null;
  const done = fractionDone(status);
  const gained = done - backfill.paceFrom.fraction;
  const tookMs = now.getTime() - backfill.paceFrom.at.getTime();
  if (gained < LEAST_PROGRESS || tookMs <= 0) return null;
  return Math.min(2 ** 31 - 1, Math.max(0, Math.round((tookMs * (1 - done)) / gained / 1_000)));
}

export const FINAL_BACKFILL_STATES: readonly BackfillState[] = ['DONE', 'FAILED', 'CANCELLED'];

export function isFinal({ state }: Backfill): boolean {
  return FINAL_BACKFILL_STATES.includes(state);
}

/** How the counts of one page of a backfill come out of the ledger. */
export interface PageCounts extends BackfillCounts {
  page: number;
}

/** The pages right after `after` that are settled as a whole, summed. A page without batches is settled. */
export function settledPages(
  after: number,
  upTo: number,
  tail: PageCounts[],
): { page: number; counts: BackfillCounts } {
  const byPage = new Map(tail.map((counts) => [counts.page, counts]));
  let counts: BackfillCounts = NO_BACKFILL_COUNTS;
  let page = after;
  while (page < upTo) {
    const next = byPage.get(page + 1);
    if (next && next.pending > 0) break;
    if (next) counts = addBackfillCounts(counts, next);
    page++;
  }
  return { page, counts };
}

/** The state of a batch that is cancelled with its backfill. */
export const CANCELLED_WITH_BACKFILL: { state: BatchState; error: string } = {
  state: 'CANCELLED',
  error: 'the backfill was cancelled',
};
