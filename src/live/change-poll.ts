import { NewestStates } from './newest-states';
import { Polling } from './polling';

/** What is followed, and how. */
export interface PolledThings<T extends object> {
  /** Reads those with the ids, or all: one query for all who follow. */
  read(ids: string[] | null): Promise<T[]>;
  idOf(thing: T): string;
  /** The same as long as there is nothing to tell. */
  fingerprint(thing: T): string;
}

interface Follower<T extends object> {
  /** Null: all. */
  id: string | null;
  seen: Map<string, string>;
  waiting: NewestStates<T>;
}

const EVERY_MS = 1_000;

/**
 * Tells followers of what changes in the store, by asking it once a second for all of them, and only while there are
 * any. A follower that is slow hears of the newest state only, so no more than one of each thing is kept for it.
 */
export class ChangePoll<T extends object> {
  private readonly followers = new Set<Follower<T>>();
  private readonly polling: Polling;
  private closed = false;

  constructor(
    private readonly things: PolledThings<T>,
    onError: (error: unknown) => void,
  ) {
    this.polling = new Polling({ everyMs: EVERY_MS, ask: () => this.poll(), onError });
  }

  /** The thing with the id, or all things where it is null: as they are now, and as often as they change. */
  async *subscribe(id: string | null, signal: AbortSignal): AsyncGenerator<T, void> {
    const follower: Follower<T> = { id, seen: new Map(), waiting: new NewestStates() };
    const onAbort = (): void => follower.waiting.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    this.join(follower);
    try {
      while (!signal.aborted && !this.closed) {
        const next = follower.waiting.take();
        if (next) yield next;
        else await follower.waiting.news();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.leave(follower);
    }
  }

  /** Ends all that follow. */
  close(): void {
    this.closed = true;
    this.polling.stop();
    for (const { waiting } of this.followers) waiting.wake();
  }

  private join(follower: Follower<T>): void {
    if (this.closed) return;
    this.followers.add(follower);
    if (this.polling.on) return;
    this.polling.start();
    void this.polling.ask();
  }

  private leave(follower: Follower<T>): void {
    this.followers.delete(follower);
    if (this.followers.size === 0) this.polling.stop();
  }

  private async poll(): Promise<void> {
    const ids = [...this.followers].map(({ id }) => id);
    const wanted = ids.filter((id) => id !== null);
    const all = wanted.length < ids.length;
    for (const thing of await this.things.read(all ? null : [...new Set(wanted)])) this.tell(thing);
  }

  private tell(thing: T): void {
    const id = this.things.idOf(thing);
    const fingerprint = this.things.fingerprint(thing);
    for (const follower of this.followers) {
      if ((follower.id !== null && follower.id !== id) || follower.seen.get(id) === fingerprint) continue;
      follower.seen.set(id, fingerprint);
      follower.waiting.put(id, thing);
    }
  }
}
