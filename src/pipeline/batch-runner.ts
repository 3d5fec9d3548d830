import { backoffMs } from '../domain/backoff';
import type { Batch } from '../domain/batch';
import type { Commit } from '../domain/commit';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import { SLICE_STRIDE, type StoredEvent } from '../domain/event';
import { matcher } from '../domain/matcher';
import { addCounts, type Counters, NO_COUNTS, type Source } from '../domain/source';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { BatchStore, Settlement } from '../store/batches';
import type { CommitStore } from '../store/commits';
import type { EventStore } from '../store/events';
import type { SourceStore } from '../store/sources';
import { type OpenObject, readSlices, Unreadable } from './batch-reader';
import { LeaseKeeper } from './lease-keeper';
import { PartTally } from './part-tally';
import { type SliceResult, SliceWriter, type SliceWriterParts } from './slice-writer';
import { Slots } from './slots';

export interface BatchRunnerParts extends SliceWriterParts {
  batches: BatchStore;
  events: EventStore;
  commits: CommitStore;
  sources: SourceStore;
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
/** An object that is denied for so long is given up. */
const DENIED_FOR_MS = 24 * 3_600_000;

type Claimed = Batch & { token: string };

/** Takes a claimed batch to its end: read, enrich, store, commit, settle; or gives it back for a later try. */
export class BatchRunner {
  private readonly slices = new Slots(SLICES_IN_FLIGHT);

  constructor(private readonly parts: BatchRunnerParts) {}

  /** @param batch claimed, with its token */
  async run(batch: Claimed): Promise<void> {
    const { batches, leaseMs, log } = this.parts;
    const startedAt = Date.now();
    const lease = new LeaseKeeper({
      renew: () => batches.renew(batch._id, batch.token, leaseMs),
      leaseMs,
      log,
    });
    try {
      const settlement = await this.process(batch, lease.signal);
      if (!(await batches.settle(batch._id, batch.token, settlement))) {
        log.warn({ batchId: batch._id }, 'a batch was settled by somebody else');
        return;
      }
      this.parts.metrics.batchSettled('enrich', (Date.now() - startedAt) / 1000);
      this.tell(batch, settlement, Date.now() - startedAt);
    } catch (error) {
      await this.giveBack(batch, error, lease);
    } finally {
      lease.stop();
    }
  }

  private async process(batch: Claimed, signal: AbortSignal): Promise<Settlement> {
    if (batch.crashes >= CRASHES_TO_QUARANTINE) {
      return this.end(
        batch,
        'QUARANTINED',
        `its worker ended or hung ${batch.crashes} times while working on it`,
      );
    }
    const source = await this.parts.sources.getAny(batch.sourceId);
    if (source?.deletedAt) return this.end(batch, 'CANCELLED', 'the source was deleted');
    try {
      return await this.store(batch, source, signal);
    } catch (error) {
      if (error instanceof Unreadable) return this.end(batch, 'QUARANTINED', error.message);
      if (error instanceof Permanent) return this.end(batch, 'FAILED', error.message);
      throw error;
    }
  }

  /** Stores slice by slice, two at a time. */
  private async store(batch: Claimed, source: Source | null, signal: AbortSignal): Promise<Settlement> {
    const writer = new SliceWriter(this.parts, batch, source?.dropFilter ? matcher(source.dropFilter) : null);
    const parts = batch.parts ? new PartTally(batch.parts) : null;
    let counts: Counters = NO_COUNTS;
    const running = new Set<Promise<void>>();
    let failure: unknown = null;
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
        await this.slices.acquire();
        if (signal.aborted || failure) {
          this.slices.release();
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
    } finally {
      await Promise.all(running);
    }
    signal.throwIfAborted();
    if (failure) throw failure;
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
    const owned = await this.parts.events.ownedBy(batch.run, since);
    const committed = await this.parts.commits.ofRun(batch.run);
    const done = new Set(committed.map((commit) => commit.slice));
    let counts = committed.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS);
    const open = owned.filter((event) => !done.has(Math.floor(event.pos / SLICE_STRIDE)));
    for (const slice of new Set(open.map((event) => Math.floor(event.pos / SLICE_STRIDE)))) {
      const ids = open
        .filter((event) => Math.floor(event.pos / SLICE_STRIDE) === slice)
        .map((event) => event._id);
      const { commit, appended } = await this.parts.commits.append({
        ...NO_COUNTS,
        run: batch.run,
        slice,
        batchId: batch._id,
        sourceId: batch.sourceId,
        sourceKind: batch.sourceKind,
        received: ids.length,
        stored: ids.length,
        ids,
        ...(batch.silent ? { silent: true as const } : {}),
      });
      counts = addCounts(counts, commit);
      if (appended) await this.parts.onCommit(commit, null);
    }
    return { state, error, ...pick(counts) };
  }

  /** A try that failed and said so: back off, and never count it as a crash. */
  private async giveBack(batch: Claimed, error: unknown, lease: LeaseKeeper): Promise<void> {
    const { batches, log } = this.parts;
    const message = messageOf(error);
    if (lease.signal.aborted) {
      log.warn({ batchId: batch._id, error: message }, 'a batch was left to whoever holds it now');
      if (lease.databaseFailed) await batches.forgiveCrash(batch._id).catch(() => undefined); // Counts one too many, at worst.
      return;
    }
    if (
      error instanceof Retryable &&
      error.options.remedy &&
      Date.now() - batch.createdAt.getTime() > DENIED_FOR_MS
    ) {
      const settlement = await this.end(batch, 'FAILED', message);
      await batches.settle(batch._id, batch.token, settlement);
      return;
    }
    const tries = batch.attempts - batch.crashes;
    const wanted = error instanceof Retryable ? error.options.retryAfterMs : undefined;
    const delayMs = wanted ?? backoffMs(tries, BACKOFF, Math.random);
    log.warn(
      { batchId: batch._id, reference: batch.reference, error: message, delayMs },
      'a batch will be tried again',
    );
    await this.releaseWhenPossible(batch, delayMs, message);
  }

  /** While the database is away the batch is kept, or its lease would run out and count as a crash. */
  private async releaseWhenPossible(batch: Claimed, delayMs: number, message: string): Promise<void> {
    const deadline = Date.now() + this.parts.leaseMs;
    for (;;) {
      try {
        await this.parts.batches.release(batch._id, batch.token, delayMs, message);
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          this.parts.log.warn(
            { batchId: batch._id, error: messageOf(error) },
            'a batch could not be given back',
          );
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  private tell(batch: Claimed, settlement: Settlement, durationMs: number): void {
    const { state, error, received, stored, duplicates, dropped, rejected } = settlement;
    const level = state === 'DONE' ? 'debug' : 'warn';
    this.parts.log[level](
      {
        batchId: batch._id,
        sourceId: batch.sourceId,
        reference: batch.reference,
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

function pick(counts: Counters): Counters {
  return addCounts(counts, NO_COUNTS);
}
