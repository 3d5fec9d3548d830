import type { Batch } from '../domain/batch';
import { Unavailable } from '../domain/errors';
import type { BatchStore } from '../store/batches';

const POLL_MS = 20;

interface Waiter {
  deadline: number;
  resolve: (batch: Batch) => void;
  reject: (error: unknown) => void;
}

/** Waits for batches to be settled: one query for all who wait, however many. */
export class SettlementWatch {
  private readonly waiters = new Map<string, Waiter>();
  private timer: NodeJS.Timeout | null = null;
  private polling = false;

  constructor(private readonly batches: BatchStore) {}

  /** @throws Unavailable where it is not settled within `ms`: it stands in the ledger and will be */
  settled(id: string, ms: number): Promise<Batch> {
    return new Promise((resolve, reject) => {
      this.waiters.set(id, { deadline: performance.now() + ms, resolve, reject });
      this.timer ??= setInterval(() => void this.poll(), POLL_MS);
    });
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    for (const { reject } of this.waiters.values())
      reject(new Unavailable('The server is stopping: send it again.'));
    this.waiters.clear();
  }

  private async poll(): Promise<void> {
    this.expire();
    if (this.polling || this.waiters.size === 0) return;
    this.polling = true;
    try {
      for (const batch of await this.batches.settled([...this.waiters.keys()])) {
        this.waiters.get(batch._id)?.resolve(batch);
        this.waiters.delete(batch._id);
      }
    } catch {
      // The database is away: the waiters' deadlines tell them.
    } finally {
      this.polling = false;
    }
  }

  private expire(): void {
    const now = performance.now();
    for (const [id, { deadline, reject }] of this.waiters) {
      if (deadline > now) continue;
      this.waiters.delete(id);
      reject(
        new Unavailable(
          'The records are kept but not yet stored: send them again, and nothing is stored twice.',
        ),
      );
    }
    if (this.waiters.size === 0 && this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }
}
