import { CANCELLED_WITH_BACKFILL } from '../domain/backfill';
import { Permanent } from '../domain/errors';
import { matcher } from '../domain/matcher';
import { Slots } from '../domain/slots';
import { addCounts, type Counters, NO_COUNTS, type Source } from '../domain/source';
import type { Metrics } from '../observe/metrics';
import type { BackfillStore } from '../store/backfills';
import type { ClaimedBatch, Settlement } from '../store/batches';
import type { SourceStore } from '../store/sources';
import { type OpenObject, readSlices, Unreadable } from './batch-reader';
import { BatchReturn, type BatchReturnParts } from './batch-return';
import { endBatch } from './ended-batch';
import { LeaseKeeper } from './lease-keeper';
import { PartTally } from './part-tally';
import { quarantineWhole } from './refused-batch';
import { type SliceResult, SliceWriter, type SliceWriterParts } from './slice-writer';

export interface BatchRunnerParts extends SliceWriterParts, BatchReturnParts {
  sources: SourceStore;
  backfills: BackfillStore;
  openObject: OpenObject;
  metrics: Metrics;
  leaseMs: number;
}

/** A lease that ran out this often means that the batch ends its workers. */
const CRASHES_TO_QUARANTINE = 3;
/** More than two slices in flight gain little; memory stays bounded by them. */
const SLICES_IN_FLIGHT = 2;

/** What the worker says to a run of a batch. */
export interface RunOrders {
  /** The worker stops: what is under way is finished, and the rest of the batch given back at once. */
  stop: AbortSignal;
  /** Resolves when the run may begin; the lease is kept meanwhile. */
  turn: () => Promise<void>;
  /** Asked before each slice; resolves when the run may go on. */
  between: () => Promise<void>;
}

interface Work extends Pick<RunOrders, 'between'> {
  signal: AbortSignal;
}

/** Takes a claimed batch to its end: read, enrich, store, commit, settle; or gives it back for a later try. */
export class BatchRunner {
  private readonly slices = new Slots(SLICES_IN_FLIGHT);
  private readonly returns: BatchReturn;

  constructor(private readonly parts: BatchRunnerParts) {
    this.returns = new BatchReturn(parts);
  }

  /** @param batch claimed, with its token */
  async run(batch: ClaimedBatch, { stop, turn, between }: RunOrders): Promise<void> {
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
        await this.returns.countLate(batch);
        return;
      }
      this.parts.metrics.batchStage('enrich', (performance.now() - startedAt) / 1000);
      this.tell(batch, settlement, Math.round(performance.now() - startedAt));
    } catch (error) {
      await this.returns.giveBack(batch, error, { lease, stop });
    } finally {
      lease.stop();
    }
  }

  private async process(batch: ClaimedBatch, work: Work): Promise<Settlement> {
    const { signal } = work;
    signal.throwIfAborted();
    if (batch.crashes >= CRASHES_TO_QUARANTINE) {
      const error = `its worker ended or hung ${batch.crashes} times while working on it`;
      return endBatch(batch, 'QUARANTINED', error, this.parts);
    }
    const source = await this.parts.sources.getAny(batch.sourceId);
    if (source?.deletedAt) return endBatch(batch, 'CANCELLED', 'the source was deleted', this.parts);
    if (batch.backfillId && (await this.parts.backfills.get(batch.backfillId))?.state === 'CANCELLED')
      return endBatch(batch, 'CANCELLED', CANCELLED_WITH_BACKFILL.error, this.parts);
    if (batch.refusal !== undefined) return this.refuse({ ...batch, refusal: batch.refusal });
    try {
      return await this.store(batch, source, work);
    } catch (error) {
      signal.throwIfAborted(); // What was read of a file that was given up says nothing about the file.
      if (error instanceof Unreadable) return endBatch(batch, 'QUARANTINED', error.message, this.parts);
      if (error instanceof Permanent) return endBatch(batch, 'FAILED', error.message, this.parts);
      throw error;
    }
  }

  /** What came is of no known shape: all of it goes to quarantine. */
  private async refuse(batch: ClaimedBatch & { refusal: string }): Promise<Settlement> {
    const { commit, appended } = await quarantineWhole(batch, this.parts);
    if (appended) {
      this.parts.metrics.committed(batch.sourceKind, commit);
      await this.parts.onCommit(commit, []);
    }
    return { state: 'QUARANTINED', error: batch.refusal, ...addCounts(commit, NO_COUNTS) };
  }

  /** Stores slice by slice, two at a time. */
  private async store(
    batch: ClaimedBatch,
    source: Source | null,
    { signal, between }: Work,
  ): Promise<Settlement> {
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
      ...counts,
      ...(parts ? { partResults: parts.results() } : {}),
    };
  }

  /** A batch of a backfill is meant to wait. */
  private noteWait(batch: ClaimedBatch): void {
    if (batch.attempts !== 1 || batch.backfillId) return;
    const waitedMs = this.parts.now().getTime() - batch.createdAt.getTime();
    this.parts.metrics.batchStage('queued', Math.max(0, waitedMs) / 1000);
  }

  private tell(batch: ClaimedBatch, settlement: Settlement, durationMs: number): void {
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
