import { setMaxListeners } from 'node:events';

/**
 * Lets those who are done early go round again while others are still under way, so that a slow Region delays nobody's
 * next poll.
 */
export class Rounds {
  private readonly quiet = new AbortController();
  private readonly busy: Set<string>;

  constructor(names: string[]) {
    setMaxListeners(names.length, this.quiet.signal);
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
    const ends = [signal, quiet];
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        for (const each of ends) each.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.max(0, ms));
      for (const each of ends) each.addEventListener('abort', end);
      if (ends.some(({ aborted }) => aborted)) end();
    });
    signal.throwIfAborted();
    return !quiet.aborted;
  }
}
