/** What is followed, and how. */
export interface PolledThings<T> {
  /** Reads those with the ids, or all: one query for all who follow. */
  read(ids: string[] | null): Promise<T[]>;
  idOf(thing: T): string;
  /** The same as long as there is nothing to tell. */
  fingerprint(thing: T): string;
}

interface Follower<T> {
  /** Null: all. */
  id: string | null;
  seen: Map<string, string>;
  /** The newest of each that is not told yet. */
  news: Map<string, T>;
  wake: () => void;
}

const EVERY_MS = 1_000;

/**
 * Tells followers of what changes in the store, by asking it once a second for all of them, and only while there are
 * any. A follower that is slow hears of the newest state only, so no more than one of each thing is kept for it.
 */
export class ChangePoll<T> {
  private readonly followers = new Set<Follower<T>>();
  private timer: NodeJS.Timeout | null = null;
  private polling = false;
  private closed = false;

  constructor(
    private readonly things: PolledThings<T>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** The thing with the id, or all things where it is null: as they are now, and as often as they change. */
  async *subscribe(id: string | null, signal: AbortSignal): AsyncGenerator<T, void> {
    const follower: Follower<T> = { id, seen: new Map(), news: new Map(), wake: () => undefined };
    const onAbort = (): void => follower.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    this.join(follower);
    try {
      while (!signal.aborted && !this.closed) {
        const [next] = follower.news;
        if (next) {
          follower.news.delete(next[0]);
          yield next[1];
        } else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.leave(follower);
    }
  }

  /** Ends all that follow. */
  close(): void {
    this.closed = true;
    this.stop();
    for (const { wake } of this.followers) wake();
  }

  private join(follower: Follower<T>): void {
    if (this.closed) return;
    this.followers.add(follower);
    if (this.timer) return;
    this.timer = setInterval(() => void this.poll(), EVERY_MS);
    void this.poll();
  }

  private leave(follower: Follower<T>): void {
    this.followers.delete(follower);
    if (this.followers.size === 0) this.stop();
  }

  private stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    try {
      const ids = [...this.followers].map(({ id }) => id);
      const wanted = ids.filter((id) => id !== null);
      const all = wanted.length < ids.length;
      for (const thing of await this.things.read(all ? null : [...new Set(wanted)])) this.tell(thing);
    } catch (error) {
      this.onError(error); // The next second asks again.
    } finally {
      this.polling = false;
    }
  }

  private tell(thing: T): void {
    const id = this.things.idOf(thing);
    const fingerprint = this.things.fingerprint(thing);
    for (const follower of this.followers) {
      if ((follower.id !== null && follower.id !== id) || follower.seen.get(id) === fingerprint) continue;
      follower.seen.set(id, fingerprint);
      follower.news.set(id, thing);
      follower.wake();
    }
  }
}
