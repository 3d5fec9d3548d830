import { setTimeout as delay } from 'node:timers/promises';

/**
 * Lets those who are done early go round again while others are still under way, so that a slow Region delays nobody's
 * next poll.
 */
export class Rounds {
  private readonly quiet = new AbortController();
  private readonly busy: Set<string>;

  constructor(names: string[]) {
    this.busy = new Set(names);
    if (this.busy.size === 0) this.quiet.abort();
  }

  /** This one has nothing left to do. */
  done(name: string): void {
    this.busy.delete(name);
    if (this.busy.size === 0) this.quiet.abort();
  }

  /** Waits for the next round. @returns false where everybody is done before. @throws the signal's reason */
  async next(ms: number, signal: AbortSignal): Promise<boolean> {
    const { signal: quiet } = this.quiet;
    try {
      await delay(Math.max(0, ms), undefined, { signal: AbortSignal.any([signal, quiet]) });
    } catch {
      signal.throwIfAborted();
    }
    return !quiet.aborted;
  }
}
