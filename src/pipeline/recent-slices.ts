import type { StoredEvent } from '../domain/event';

const MOST_EVENTS = 8_000;

/**
 * The newest slices that this process stored or read, so that many webhooks at the head of the log cost one read.
 * Bounded; what is not here stands in the store.
 */
export class RecentSlices {
  private readonly slices = new Map<number, StoredEvent[]>();
  private events = 0;

  /** @param events all events of the commit, in order */
  put(n: number, events: StoredEvent[]): void {
    if (this.slices.has(n)) return;
    this.slices.set(n, events);
    this.events += events.length;
    for (const [oldest, held] of this.slices) {
      if (this.events <= MOST_EVENTS || oldest === n) return;
      this.slices.delete(oldest);
      this.events -= held.length;
    }
  }

  get(n: number): StoredEvent[] | null {
    return this.slices.get(n) ?? null;
  }
}
