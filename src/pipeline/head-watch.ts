import type { CommitStore } from '../store/commits';

const POLL_MS = 50;

interface Waiter {
  n: number;
  deadline: number;
  resolve: () => void;
}

/** Tells of new commits to whoever waits for them: at once where this process made them, else by one poll for all. */
export class HeadWatch {
  private waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | null = null;
  private polling = false;

  constructor(private readonly commits: CommitStore) {}

  /** Resolves when commits beyond n are there, after `ms`, or when the signal aborts. */
  async beyond(n: number, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return;
    let wake: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.waiters.push({ n, deadline: performance.now() + ms, resolve: wake });
    this.timer ??= setInterval(() => void this.poll(), POLL_MS);
    signal.addEventListener('abort', wake, { once: true });
    await told;
    signal.removeEventListener('abort', wake);
  }

  /** Tells of a commit that is known without asking. */
  notify(head: number): void {
    this.settle((waiter) => waiter.n < head);
  }

  close(): void {
    this.settle(() => true);
  }

  private async poll(): Promise<void> {
    const now = performance.now();
    this.settle((waiter) => waiter.deadline <= now);
    if (this.polling || this.waiters.length === 0) return;
    this.polling = true;
    try {
      this.notify(await this.commits.head());
    } catch {
      // The waiters' own deadlines still hold, and their next read tells what is wrong.
    } finally {
      this.polling = false;
    }
  }

  private settle(which: (waiter: Waiter) => boolean): void {
    const keep: Waiter[] = [];
    for (const waiter of this.waiters) {
      if (which(waiter)) waiter.resolve();
      else keep.push(waiter);
    }
    this.waiters = keep;
    if (keep.length === 0 && this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }
}
