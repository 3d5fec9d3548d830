import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../domain/backoff';
import { isDatabaseAway } from '../domain/database-away';
import { messageOf, Retryable } from '../domain/errors';
import { addCounts, type Counters, NO_COUNTS } from '../domain/source';
import type { Logger } from '../observe/logger';
import type { BatchStore, ClaimedBatch } from '../store/batches';
import { type EndParts, endBatch } from './ended-batch';
import type { LeaseKeeper } from './lease-keeper';

export interface BatchReturnParts extends EndParts {
  batches: BatchStore;
  now: () => Date;
  log: Logger;
}

/** Under what a batch is held. */
export interface Held {
  lease: LeaseKeeper;
  /** Aborts when the worker stops. */
  stop: AbortSignal;
}

const BACKOFF = { baseMs: 1_000, maxMs: 3_600_000 };
/** The batch is not at fault, however often its tries meet a database that changes its primary. */
const DATABASE_AWAY_MS = 1_000;
/** An object that is denied for so long is given up. */
const DENIED_FOR_MS = 24 * 3_600_000;
/** While the database is away a batch is kept for so long; given up, it would count as a crash. */
const RELEASE_WITHIN_MS = 600_000;
const RELEASE_EVERY_MS = 500;

/** Gives batches back whose try has failed, or whose worker stops: they are due again, after a while or at once. */
export class BatchReturn {
  constructor(private readonly parts: BatchReturnParts) {}

  /** A try that failed and said so: back off, and never count it as a crash. */
  async giveBack(batch: ClaimedBatch, error: unknown, held: Held): Promise<void> {
    const { batches, log } = this.parts;
    const message = messageOf(error);
    if (held.lease.signal.aborted) {
      log.warn({ batchId: batch._id, error: message }, 'a batch was left to whoever holds it now');
      await this.countLate(batch).catch((failure: unknown) =>
        log.warn({ batchId: batch._id, error: messageOf(failure) }, 'what was committed late is not counted'),
      );
      if (held.lease.databaseFailed) await this.release(batch, 0, message, held);
      return;
    }
    if (held.stop.aborted) {
      log.info({ batchId: batch._id }, 'a batch was given back: the worker stops');
      await this.release(batch, 0, batch.error, held);
      return;
    }
    if (
      error instanceof Retryable &&
      error.options.remedy &&
      this.parts.now().getTime() - batch.createdAt.getTime() > DENIED_FOR_MS
    ) {
      const settlement = await endBatch(batch, 'FAILED', message, this.parts);
      await batches.settle(batch._id, batch.token, settlement);
      return;
    }
    const tries = batch.attempts - batch.crashes;
    const wanted = error instanceof Retryable ? error.options.retryAfterMs : databaseWait(error);
    const delayMs = wanted ?? backoffMs(tries, BACKOFF, Math.random);
    log.warn(
      { batchId: batch._id, reference: batch.reference, error: message, delayMs },
      'a batch will be tried again',
    );
    await this.release(batch, delayMs, message, held);
  }

  /** Whoever settled it may not have seen what we committed after our lease had run out. */
  async countLate(batch: ClaimedBatch): Promise<void> {
    const committed = await this.parts.commits.ofRun(batch.run);
    const counts = committed.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS);
    await this.parts.batches.raiseCounts(batch._id, batch.run, counts);
  }

  /**
   * Gives a batch back, waiting for a database that is away: a lease that nobody gave back counts as a crash. Where
   * somebody took the batch over because the database was away, that crash is taken back.
   */
  private async release(
    batch: ClaimedBatch,
    delayMs: number,
    error: string | null,
    held: Held,
  ): Promise<void> {
    const { batches, log } = this.parts;
    const deadline = performance.now() + RELEASE_WITHIN_MS;
    for (;;) {
      try {
        const released = await batches.release(batch._id, batch.token, delayMs, error);
        if (!released && held.lease.databaseFailed) await batches.forgiveCrash(batch._id);
        return;
      } catch (failure) {
        if (held.stop.aborted || performance.now() > deadline) {
          log.warn({ batchId: batch._id, error: messageOf(failure) }, 'a batch could not be given back');
          return;
        }
        await delay(RELEASE_EVERY_MS);
      }
    }
  }
}

function databaseWait(error: unknown): number | undefined {
  return isDatabaseAway(error) ? DATABASE_AWAY_MS : undefined;
}
