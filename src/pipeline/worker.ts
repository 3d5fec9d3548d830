import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';
import type { BatchStore } from '../store/batches';
import type { SourceStore } from '../store/sources';
import type { BatchRunner } from './batch-runner';
import type { Fetcher } from './fetcher';
import type { Forwarder } from './forward/forwarder';
import { Slots } from './slots';
import type { Sweeper } from './sweeper';

export interface WorkerParts {
  batches: BatchStore;
  sources: SourceStore;
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
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly parts: WorkerParts) {}

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

  /** A hint: this batch is due. Returns when it is done, so that a worker takes no more hints than it can follow. */
  async onBatchHint(id: string): Promise<void> {
    await this.batchSlots.acquire();
    await this.track(this.takeBatch(id));
  }

  async onFetchHint(id: string): Promise<void> {
    if (this.stopping.signal.aborted) return;
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
    while (!this.stopping.signal.aborted && this.batchSlots.tryAcquire()) {
      const due = await this.parts.batches.dueIds(1).catch((error: unknown) => {
        this.batchSlots.release();
        throw error;
      });
      if (due.length === 0) {
        this.batchSlots.release();
        return;
      }
      void this.guarded('a batch', this.track(this.takeBatches()));
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

  /** Claims and runs a batch, and gives back the slot that the caller took. @returns whether there was one */
  private async takeBatch(id: string | null): Promise<boolean> {
    let slots = 1;
    try {
      if (this.stopping.signal.aborted) return false;
      const batch = await this.parts.batches.claim(id, this.parts.leaseMs);
      if (!batch) return false;
      const turn = async (): Promise<void> => {
        if (batch.crashes < ALONE_AFTER_CRASHES) return;
        this.batchSlots.release();
        slots = 0;
        await this.batchSlots.acquire(BATCHES_AT_A_TIME);
        slots = BATCHES_AT_A_TIME;
      };
      await this.parts.runner.run(batch, { stop: this.stopping.signal, turn });
      return true;
    } finally {
      if (slots > 0) this.batchSlots.release(slots);
    }
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
