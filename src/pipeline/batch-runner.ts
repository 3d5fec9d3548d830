import { setTimeout as delay } from 'node:timers/promises';
import { CANCELLED_WITH_BACKFILL } from '../domain/backfill';
import { backoffMs } from '../domain/backoff';
import type { Batch } from '../domain/batch';
import type { Commit } from '../domain/commit';
import { isDatabaseAway } from '../domain/database-away';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import type { StoredEvent } from '../domain/event';
import { matcher } from '../domain/matcher';
import { Slots } from '../domain/slots';
import { addCounts, type Counters, NO_COUNTS, type Source } from '../domain/source';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { BackfillStore } from '../store/backfills';
import type { BatchStore, Settlement } from '../store/batches';
import type { CommitStore } from '../store/commits';
import type { EventStore } from '../store/events';
import type { SourceStore } from '../store/sources';
import { type OpenObject, readSlices, Unreadable } from './batch-reader';
import { LeaseKeeper } from './lease-keeper';
import { PartTally } from './part-tally';
import { quarantineWhole } from './refused-batch';
import { type SliceResult, SliceWriter, type SliceWriterParts } from './slice-writer';
import { unfinishedSlices } from './unfinished-slices';

export interface BatchRunnerParts extends SliceWriterParts {
  batches: BatchStore;
  events: EventStore;
  commits: CommitStore;
  sources: SourceStore;
  backfills: BackfillStore;
  openObject: OpenObject;
  /** Told of each slice that was committed anew; its failure costs a follower a second. */
  onCommit: (commit: Commit, events: StoredEvent[] | null) => Promise<void>;
  metrics: Metrics;
  log: Logger;
  leaseMs: number;
}

/** A lease that ran out this often means that the batch ends its workers. */
const CRASHES_TO_QUARANTINE = 3;
/** More than two slices in flight gain little; memory stays bounded by them. */
const SLICES_IN_FLIGHT = 2;
const BACKOFF = { baseMs: 1_000, maxMs: 3_600_000 };
/** The batch is not at fault, however often its tries meet a database that changes its primary. */
const DATABASE_AWAY_MS = 1_000;
/** An object that is denied for so long is given up. */
const DENIED_FOR_MS = 24 * 3_600_000;
/** While the database is away a batch is kept for so long; given up, it would count as a crash. */
const RELEASE_WITHIN_MS = 600_000;
const RELEASE_EVERY_MS = 500;

/** What the worker says to a run of a batch. */
export interface RunOrders {
  /** The worker stops: what is under way is finished, and the rest of the batch given back at once. */
  stop: AbortSignal;
  /** Resolves when the run may begin; the lease is kept meanwhile. */
  turn: () => Promise<void>;
  /** Asked before each slice; resolves when the run may go on. */
  between: () => Promise<void>;
}

type Claimed = Batch & { token: string };

interface Work extends Pick<RunOrders, 'between'> {
  signal: AbortSignal;
}

/** Under what a batch is held. */
interface Held {
  lease: LeaseKeeper;
  stop: AbortSignal;
}

/** Takes a claimed batch to its end: read, enrich, store, commit, settle; or gives it back for a later try. */
export class BatchRunner {
  private readonly slices = new Slots(SLICES_IN_FLIGHT);

  constructor(private readonly parts: BatchRunnerParts) {}

  /** @param batch claimed, with its token */
  async run(batch: Claimed, { stop, turn, between }: RunOrders): Promise<void> {
    const { batches, leaseMs, log } = this.parts;
    const startedAt = performance.now();
    this.noteWait(batch);
    const lease = new LeaseKeeper({
      renew: () => batches.renew(batch._id, batch.token, leaseMs),
      leaseMs,
      stop,
      log,
    });
    try {
      await turn();
      const settlement = await this.process(batch, { signal: lease.work, between });
      if (!(await batches.settle(batch._id, batch.token, settlement))) {
        log.warn({ batchId: batch._id }, 'a batch was settled by somebody else');
        await this.countLate(batch);
        return;
      }
      this.parts.metrics.batchStage('enrich', (performance.now() - startedAt) / 1000);
      this.tell(batch, settlement, Math.round(performance.now() - startedAt));
    } catch (error) {
      await this.giveBack(batch, error, { lease, stop });
    } finally {
      lease.stop();
    }
  }

  private async process(batch: Claimed, work: Work): Promise<Settlement> {
    const { signal } = work;
    signal.throwIfAborted();
    if (batch.crashes >= CRASHES_TO_QUARANTINE) {
      return this.end(
        batch,
        'QUARANTINED',
        `its worker ended or hung ${batch.crashes} times while working on it`,
      );
    }
    const source = await this.parts.sources.getAny(batch.sourceId);
    if (source?.deletedAt) return this.end(batch, 'CANCELLED', 'the source was deleted');
    if (batch.backfillId && (await this.parts.backfills.get(batch.backfillId))?.state === 'CANCELLED')
      return this.end(batch, 'CANCELLED', CANCELLED_WITH_BACKFILL.error);
    if (batch.refusal !== undefined) return this.refuse({ ...batch, refusal: batch.refusal });
    try {
      return await this.store(batch, source, work);
    } catch (error) {
      signal.throwIfAborted(); // What was read of a file that was given up says nothing about the file.
      if (error instanceof Unreadable) return this.end(batch, 'QUARANTINED', error.message);
      if (error instanceof Permanent) return this.end(batch, 'FAILED', error.message);
      throw error;
    }
  }

  /** What came is of no known shape: all of it goes to quarantine. */
  private async refuse(batch: Claimed & { refusal: string }): Promise<Settlement> {
    const { commit, appended } = await quarantineWhole(batch, this.parts);
    if (appended) {
      this.parts.metrics.committed(batch.sourceKind, commit);
      await this.parts.onCommit(commit, []);
    }
    return { state: 'QUARANTINED', error: batch.refusal, ...pick(commit) };
  }

  /** Stores slice by slice, two at a time. */
  private async store(batch: Claimed, source: Source | null, { signal, between }: Work): Promise<Settlement> {
    const writer = new SliceWriter(this.parts, batch, source?.dropFilter ? matcher(source.dropFilter) : null);
    const parts = batch.parts ? new PartTally(batch.parts, batch.each === true) : null;
    let counts: Counters = NO_COUNTS;
    const running = new Set<Promise<void>>();
    let failure: unknown = null;
    let whole = true;
    const onSlice = async (result: SliceResult): Promise<void> => {
      counts = addCounts(counts, result.commit);
      if (result.appended) {
        this.parts.metrics.committed(batch.sourceKind, result.commit);
        await this.parts.onCommit(result.commit, result.events);
        this.parts.crash('published');
      }
    };
    try {
      for await (const slice of readSlices(batch, this.parts.openObject, signal)) {
        if (slice.index === 0) this.parts.crash('object-downloaded');
        await between();
        await this.slices.acquire();
        if (signal.aborted || failure) {
          this.slices.release();
          whole = false;
          break;
        }
        const work: Promise<void> = writer
          .write(slice)
          .then((result) => {
            parts?.add(slice.firstRecord, result);
            return onSlice(result);
          })
          .catch((error: unknown) => {
            failure ??= error;
          })
          .finally(() => {
            this.slices.release();
            running.delete(work);
          });
        running.add(work);
      }
    } catch (error) {
      await Promise.all(running);
      throw failure ?? error; // What could not be stored now must not end with what can never be read.
    }
    await Promise.all(running);
    if (failure) throw failure;
    if (!whole) signal.throwIfAborted();
    return {
      state: 'DONE',
      error: null,
      ...pick(counts),
      ...(parts ? { partResults: parts.results() } : {}),
    };
  }

  /** Ends a batch that can't go on: what it has inserted is committed first, so that everybody hears of it. */
  private async end(batch: Claimed, state: Settlement['state'], error: string): Promise<Settlement> {
    const since = new Date(batch.createdAt.getTime() - 60_000);
    const committed = await this.parts.commits.ofRun(batch.run);
    const done = new Set(committed.map((commit) => commit.slice));
    let counts = committed.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS);
    for (const unfinished of await unfinishedSlices(this.parts.events, batch.run, since, done)) {
      const { commit, appended } = await this.parts.commits.append({
        ...NO_COUNTS,
        run: batch.run,
        ...unfinished,
        batchId: batch._id,
        sourceId: batch.sourceId,
        sourceKind: batch.sourceKind,
        received: unfinished.stored + unfinished.duplicates,
        ...(batch.silent ? { silent: true as const } : {}),
      });
      counts = addCounts(counts, commit);
      if (appended) await this.parts.onCommit(commit, null);
    }
    return { state, error, ...pick(counts) };
  }

  /** A try that failed and said so: back off, and never count it as a crash. */
  private async giveBack(batch: Claimed, error: unknown, held: Held): Promise<void> {
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
      const settlement = await this.end(batch, 'FAILED', message);
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
  private async countLate(batch: Claimed): Promise<void> {
    const committed = await this.parts.commits.ofRun(batch.run);
    const counts = committed.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS);
    await this.parts.batches.raiseCounts(batch._id, batch.run, counts);
  }

  /**
   * Gives a batch back, waiting for a database that is away: a lease that nobody gave back counts as a crash. Where
   * somebody took the batch over because the database was away, that crash is taken back.
   */
  private async release(batch: Claimed, delayMs: number, error: string | null, held: Held): Promise<void> {
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

  /** A batch of a backfill is meant to wait. */
  private noteWait(batch: Claimed): void {
    if (batch.attempts !== 1 || batch.backfillId) return;
    const waitedMs = this.parts.now().getTime() - batch.createdAt.getTime();
    this.parts.metrics.batchStage('queued', Math.max(0, waitedMs) / 1000);
  }

  private tell(batch: Claimed, settlement: Settlement, durationMs: number): void {
    const { state, error, received, stored, duplicates, dropped, rejected } = settlement;
    // The demo would fill the screen of whoever tries us out.
    const level = state !== 'DONE' ? 'warn' : batch.sourceKind === 'DEMO' ? 'debug' : 'info';
    this.parts.log[level](
      {
        batchId: batch._id,
        sourceId: batch.sourceId,
        reference: batch.reference,
        requestIds: batch.requestIds ?? [],
        state,
        error,
        received,
        stored,
        duplicates,
        dropped,
        rejected,
        attempts: batch.attempts,
        durationMs,
      },
      'batch settled',
    );
  }
}

function databaseWait(error: unknown): number | undefined {
  return isDatabaseAway(error) ? DATABASE_AWAY_MS : undefined;
}

function pick(counts: Counters): Counters {
  return addCounts(counts, NO_COUNTS);
}
