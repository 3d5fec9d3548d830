import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { isBackfillId } from '../domain/backfill';
import type { Batch } from '../domain/batch';
import { messageOf } from '../domain/errors';
import { Slots } from '../domain/slots';
import type { Logger } from '../observe/logger';
import type { BackfillStore } from '../store/backfills';
import type { BatchStore } from '../store/batches';
import type { SourceStore } from '../store/sources';
import type { BackfillRunner } from './backfill-runner';
import type { BatchRunner } from './batch-runner';
import type { Fetcher } from './fetcher';
import type { Forwarder } from './forward/forwarder';
import type { Sweeper } from './sweeper';

export interface WorkerParts {
  batches: BatchStore;
  sources: SourceStore;
  backfills: BackfillStore;
  backfiller: BackfillRunner;
  runner: BatchRunner;
  fetcher: Fetcher;
  forwarder: Forwarder;
  sweeper: Sweeper;
  log: Logger;
  leaseMs: number;
}

/** Batches at a time: while one waits for the database, another is parsed. */
export const BATCHES_AT_A_TIME = 2;
/** Fetches mostly wait: for a queue that is empty, or for an API that answers twice a second. */
export const FETCHES_AT_A_TIME = 16;
/** Of the fetches, those for backfills: one in four. */
const WALKS_AT_A_TIME = FETCHES_AT_A_TIME / 4;
/** While live batches wait, more batches of backfills than these step aside. */
const BACKFILL_BATCHES_BESIDE_LIVE = BATCHES_AT_A_TIME / 2;
/** How often MongoDB is asked directly for what is due; hints make it quicker, never needed. */
const ASK_EVERY_MS = 500;
const SWEEP_EVERY_MS = 1_000;
/** A batch whose leases ran out this often runs alone, so that it takes nothing along if it ends its worker. */
const ALONE_AFTER_CRASHES = 2;
/** A webhook's request may take 15 s; whoever stops us kills after 20. */
const STOP_WITHIN_MS = 17_000;

/**
 * Does the work that stands in MongoDB: fetches, batches, webhooks. Hints from the queue say where to look; without
 * them it asks by itself, so everything goes on while Valkey is away.
 */
export class Worker {
  private readonly batchSlots = new Slots(BATCHES_AT_A_TIME);
  private readonly fetchSlots = new Slots(FETCHES_AT_A_TIME);
  private readonly walkSlots = new Slots(WALKS_AT_A_TIME);
  /** Batches of backfills that hold a slot. */
  private backfillBatches = 0;
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly parts: WorkerParts) {
    // Each piece of work listens once, and each loop while it waits.
    setMaxListeners(2 * (FETCHES_AT_A_TIME + BATCHES_AT_A_TIME), this.stopping.signal);
  }

  start(): void {
    this.loops.push(
      this.every(ASK_EVERY_MS, 'asking for work', () => this.ask()),
      this.every(SWEEP_EVERY_MS, 'sweeping', () => this.parts.sweeper.pass()),
    );
  }

  /**
   * Stops taking work, gives back what is not begun and waits for what is under way, at most 17 s: leases make up for
   * the rest.
   */
  async stop(): Promise<void> {
    this.stopping.abort();
    const done = new AbortController();
    const late = setTimeout(STOP_WITHIN_MS, undefined, { signal: done.signal }).catch(() => undefined); // Ended in time.
    await Promise.race([
      Promise.allSettled([...this.loops, ...this.running, this.parts.forwarder.stop()]),
      late,
    ]);
    done.abort();
    await this.parts.sweeper
      .stop()
      .catch((error: unknown) =>
        this.parts.log.warn({ error: messageOf(error) }, 'the sweeper lease runs out'),
      );
  }

  /** A hint: this live batch is due. Returns when it is done, so that a worker takes no more hints than it can follow. */
  async onBatchHint(id: string): Promise<void> {
    await this.batchSlots.acquire();
    await this.track(this.takeBatch({ id }));
  }

  /** A hint: this source is to be fetched from, or this backfill to be taken on. */
  async onFetchHint(id: string): Promise<void> {
    if (this.stopping.signal.aborted) return;
    if (isBackfillId(id)) return this.takeBackfill(id);
    await this.fetchSlots.acquire();
    await this.track(
      this.parts.fetcher.run(id, this.stopping.signal).finally(() => this.fetchSlots.release()),
    );
  }

  /** `head`: something was committed; else the id of a webhook. */
  async onForwardHint(id: string): Promise<void> {
    if (id === 'head') await this.parts.forwarder.lookAll();
    else this.parts.forwarder.look(id);
  }

  private async ask(): Promise<void> {
    await this.parts.forwarder.lookAll();
    for (const id of await this.parts.sources.dueIds(this.fetchSlots.free))
      void this.guarded('fetching', this.onFetchHint(id));
    for (const id of await this.parts.backfills.dueIds(this.walkSlots.free))
      void this.guarded('a backfill', this.takeBackfill(id));
    await this.askForBatches();
  }

  private async askForBatches(): Promise<void> {
    const { batches } = this.parts;
    if (this.batchSlots.free === 0 && this.backfillBatches > BACKFILL_BATCHES_BESIDE_LIVE) {
      // Hints of live work wait for a slot by themselves; where there are none, this does.
      if (this.batchSlots.wanted || (await batches.dueIds(1, 'live')).length === 0) return;
      void this.guarded(
        'a batch',
        this.batchSlots.acquire().then(() => this.track(this.takeBatches())),
      );
      return;
    }
    while (!this.stopping.signal.aborted && this.batchSlots.tryAcquire()) {
      const due = await this.anyDue().catch((error: unknown) => {
        this.batchSlots.release();
        throw error;
      });
      if (!due) {
        this.batchSlots.release();
        return;
      }
      void this.guarded('a batch', this.track(this.takeBatches()));
    }
  }

  private async anyDue(): Promise<boolean> {
    const { batches } = this.parts;
    return (await batches.dueIds(1, 'live')).length > 0 || (await batches.dueIds(1, 'backfill')).length > 0;
  }

  /** A step of a backfill, where fetches leave room for it; else it is found again when there is. */
  private async takeBackfill(id: string): Promise<void> {
    if (this.stopping.signal.aborted || !this.walkSlots.tryAcquire()) return;
    try {
      if (!this.fetchSlots.tryAcquire()) return;
      await this.track(
        this.parts.backfiller.run(id, this.stopping.signal).finally(() => this.fetchSlots.release()),
      );
    } finally {
      this.walkSlots.release();
    }
  }

  /** One batch after the other, while there are any. Holds one slot. */
  private async takeBatches(): Promise<void> {
    let more = true;
    while (more) {
      more = await this.takeBatch(null);
      if (more && (this.stopping.signal.aborted || !this.batchSlots.tryAcquire())) return;
    }
  }

  /**
   * Claims and runs a batch, and gives back the slot that the caller took. Without an id, live ones come first.
   * @returns whether there was one
   */
  private async takeBatch(wanted: { id: string } | null): Promise<boolean> {
    const held = { slots: 1, backfill: false };
    try {
      if (this.stopping.signal.aborted) return false;
      const { batches, leaseMs } = this.parts;
      const batch = wanted
        ? await batches.claim(wanted, leaseMs)
        : ((await batches.claim('live', leaseMs)) ?? (await batches.claim('backfill', leaseMs)));
      if (!batch) return false;
      held.backfill = batch.backfillId !== undefined;
      if (held.backfill) this.backfillBatches++;
      await this.parts.runner.run(batch, {
        stop: this.stopping.signal,
        turn: () => this.alone(batch, held),
        between: () => this.stepAside(held),
      });
      return true;
    } finally {
      if (held.backfill) this.backfillBatches--;
      if (held.slots > 0) this.batchSlots.release(held.slots);
    }
  }

  private async alone(batch: Batch, held: { slots: number }): Promise<void> {
    if (batch.crashes < ALONE_AFTER_CRASHES) return;
    this.batchSlots.release();
    held.slots = 0;
    await this.batchSlots.acquire(BATCHES_AT_A_TIME);
    held.slots = BATCHES_AT_A_TIME;
  }

  /** Between two slices of a backfill's batch: where live ones wait, and others of backfills go on, they go first. */
  private async stepAside(held: { slots: number; backfill: boolean }): Promise<void> {
    if (!held.backfill || held.slots !== 1 || !this.batchSlots.wanted) return;
    if (this.backfillBatches <= BACKFILL_BATCHES_BESIDE_LIVE) return;
    this.backfillBatches--;
    held.backfill = false;
    this.batchSlots.release();
    held.slots = 0;
    await this.batchSlots.acquire(1, { patient: true });
    held.slots = 1;
    held.backfill = true;
    this.backfillBatches++;
  }

  private async track<T>(work: Promise<T>): Promise<void> {
    const tracked = work.then(() => undefined);
    this.running.add(tracked);
    try {
      await tracked;
    } finally {
      this.running.delete(tracked);
    }
  }

  private async guarded(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.parts.log.warn({ error: messageOf(error) }, `${what} failed; it will be tried again`);
    }
  }

  private async every(ms: number, what: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.guarded(what, work());
      await setTimeout(ms, undefined, { signal }).catch(() => undefined); // Stopping ends the wait.
    }
  }
}
