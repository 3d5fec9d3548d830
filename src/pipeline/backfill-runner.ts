import { addBackfillCounts, type Backfill, backfillBatch, isFinal, settledPages } from '../domain/backfill';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import type { RangePage, RangeRequest } from '../domain/fetched';
import type { Source, SourceKind } from '../domain/source';
import type { Logger } from '../observe/logger';
import type { BackfillStore, ClaimedBackfill, StepEnd } from '../store/backfills';
import type { BatchStore } from '../store/batches';
import type { SourceStore } from '../store/sources';
import type { CrashHook } from './crash-points';
import { LeaseKeeper } from './lease-keeper';

/** Walks a stretch of a source's past: SourceClient's `fetchRange`. */
export type FetchRange = (request: RangeRequest) => AsyncGenerator<RangePage, void>;

export interface BackfillRunnerParts {
  backfills: BackfillStore;
  batches: BatchStore;
  sources: SourceStore;
  ranges: Partial<Record<SourceKind, FetchRange>>;
  crash: CrashHook;
  log: Logger;
  leaseMs: number;
}

/** The walk waits while so many of its batches are unsettled; so much of a range stands in the ledger at a time. */
export const MOST_UNSETTLED = 1_000;
/** It goes on once they have come down to so many: beginning a walk again costs some listings. */
const GO_ON_BELOW = 250;
const LOOK_AGAIN_MS = 1_000;
/** A source that may answer later is asked again after this. */
const RETRY_MS = 15_000;

/**
 * Takes backfills on, one leased step after the other. A step of a RUNNING one walks the source's past page by page
 * until enough is unsettled, then gives the backfill back: nothing is held while it waits. The position moves over a
 * page once that stands in the ledger, so a step that is cut off anywhere is done again with the same end. DONE is
 * what is walked and settled; what is paused, failed or cancelled has steps until all that it began is settled.
 */
export class BackfillRunner {
  constructor(private readonly parts: BackfillRunnerParts) {}

  /** One step, if it is due and nobody else is at it; given back where `stop` aborts. */
  async run(id: string, stop: AbortSignal): Promise<void> {
    const { backfills, leaseMs, log } = this.parts;
    const backfill = await backfills.claim(id, leaseMs);
    if (!backfill) return;
    const lease = new LeaseKeeper({
      renew: () => backfills.renew(id, backfill.token, leaseMs),
      leaseMs,
      stop,
      log,
    });
    try {
      await backfills.finish(backfill, await this.step(backfill, lease.work));
    } catch (error) {
      if (lease.signal.aborted) return;
      await backfills.finish(backfill, stop.aborted ? { nextInMs: 0 } : this.failed(backfill, error));
    } finally {
      lease.stop();
    }
  }

  private async step(backfill: ClaimedBackfill, signal: AbortSignal): Promise<StepEnd> {
    const { backfills, batches, sources } = this.parts;
    const source = await sources.get(backfill.sourceId);
    if (!source && !isFinal(backfill)) {
      return { nextInMs: 0, state: 'CANCELLED', error: 'the source was deleted' };
    }
    if (backfill.state === 'CANCELLED') await backfills.cancelBatches(backfill._id);
    await this.fold(backfill);
    const pending = await batches.unsettledOf(backfill._id);
    if (backfill.state !== 'RUNNING' || !source) {
      return { nextInMs: pending > 0 ? LOOK_AGAIN_MS : null };
    }
    if (backfill.walkEnded) {
      // The step after this one sums up the last page, as of any final state.
      return pending > 0 ? { nextInMs: LOOK_AGAIN_MS } : { nextInMs: 0, state: 'DONE' };
    }
    if (pending > GO_ON_BELOW) return { nextInMs: LOOK_AGAIN_MS };
    const ended = await this.walk(backfill, source, MOST_UNSETTLED - pending, signal);
    return { nextInMs: ended ? 0 : LOOK_AGAIN_MS };
  }

  /** Walks until `room` batches were added. @returns whether the range is walked */
  private async walk(
    backfill: ClaimedBackfill,
    source: Source,
    room: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { from, to, position, token } = backfill;
    if (source.epoch !== backfill.epoch) {
      throw new Permanent('the source reads another bucket or queue than when the backfill began', {
        remedy: 'Start a new backfill for what it reads now.',
      });
    }
    const range = this.parts.ranges[source.kind];
    if (!range) throw new Permanent(`sources of kind ${source.kind} can not be backfilled`);
    const pages = range({ source, from, to, position, signal });
    let at: ClaimedBackfill = backfill;
    let added = 0;
    try {
      for (;;) {
        const page = await pages.next();
        signal.throwIfAborted();
        if (page.done) return this.parts.backfills.endWalk(backfill._id, token);
        const kept = await this.keep(at, page.value);
        if (!kept.backfill) return false; // Paused, cancelled or somebody else's: the next step tells.
        at = { ...kept.backfill, token };
        added += kept.added;
        if (added >= room) return false;
      }
    } finally {
      await pages.return();
    }
  }

  /** Writes a page into the ledger, without what live fetching has stored already, and moves the position over it. */
  private async keep(
    backfill: ClaimedBackfill,
    page: RangePage,
  ): Promise<{ backfill: Backfill | null; added: number }> {
    const { backfills, batches, crash, log } = this.parts;
    const done = await batches.done(page.batches.map((batch) => batch._id));
    const fresh = page.batches.filter((batch) => !done.has(batch._id));
    await batches.add(fresh.map((batch) => backfillBatch(backfill, batch)));
    crash('backfill-page-kept');
    const moved = await backfills.moveOn(backfill, page, done.size);
    crash('backfill-position-moved');
    log.debug(
      { backfillId: backfill._id, batches: fresh.length, known: done.size, walked: page.walked },
      'a page of a backfill stands in the ledger',
    );
    return { backfill: moved, added: fresh.length };
  }

  /** Sums up the pages that are settled. Of what never goes on, also one that came in without the position's moving. */
  private async fold(backfill: ClaimedBackfill): Promise<void> {
    const { pages, foldedPages, folded } = backfill;
    const upTo = goesOn(backfill) ? pages : pages + 1;
    if (foldedPages >= upTo) return;
    const settled = settledPages(foldedPages, upTo, await this.parts.backfills.tail(backfill));
    if (settled.page === foldedPages) return;
    await this.parts.backfills.fold(backfill, settled.page, addBackfillCounts(folded, settled.counts));
  }

  private failed(backfill: Backfill, error: unknown): StepEnd {
    const { log } = this.parts;
    const message = messageOf(error);
    const remedy =
      error instanceof Retryable || error instanceof Permanent ? (error.options.remedy ?? null) : null;
    log.warn({ backfillId: backfill._id, sourceId: backfill.sourceId, error: message }, 'a backfill failed');
    if (error instanceof Permanent) return { nextInMs: 0, state: 'FAILED', error: message, remedy };
    const wanted = error instanceof Retryable ? error.options.retryAfterMs : undefined;
    return { nextInMs: wanted ?? RETRY_MS, error: message, remedy };
  }
}

/** What failed may be resumed once its cause is mended. */
function goesOn({ state }: Backfill): boolean {
  return state !== 'DONE' && state !== 'CANCELLED';
}
