import type { Source } from '../domain/source';

/** Reads what changed at or after a time of the database's clock, oldest first. */
export interface ChangedSources {
  changedSince(since: Date, limit: number): Promise<Source[]>;
  /** The database's time. */
  now(): Date;
}

interface Follower {
  /** Null: all of them. */
  ids: ReadonlySet<string> | null;
  /** The newest state of each that was not taken yet: a slow follower misses states, never the last one. */
  waiting: Map<string, Source>;
  wake: () => void;
}

const POLL_MS = 1_000;
const CHANGES_A_POLL = 1_000;
/** A change is written with the time at which its write began: so far back it may still turn up. */
const LOOK_BACK_MS = 5_000;

/**
 * Tells followers of sources that changed: one query a second for all of them, none while nobody follows. So a source
 * is told of at most once a second, and only its newest state.
 */
export class SourceFeed {
  private readonly followers = new Set<Follower>();
  private timer: NodeJS.Timeout | null = null;
  private polling = false;
  private closed = false;
  /** Up to here everything was read, but for what turns up late. */
  private through = new Date(0);
  /** What was told of within the look-back: `changedAt` by source. */
  private told = new Map<string, number>();

  constructor(
    private readonly store: ChangedSources,
    private readonly onError: (error: unknown) => void,
  ) {}

  /**
   * Sources that change from now on, until `signal` aborts or the feed closes; it may begin with what changed in the
   * seconds before. A deleted one is not told of.
   */
  follow(ids: string[] | null, signal: AbortSignal): AsyncGenerator<Source> {
    const follower: Follower = {
      ids: ids && new Set(ids),
      waiting: new Map(),
      wake: () => undefined,
    };
    this.followers.add(follower);
    if (!this.timer && !this.closed) {
      this.through = this.store.now();
      this.told = new Map();
      this.timer = setInterval(() => void this.poll(), POLL_MS);
    }
    signal.addEventListener('abort', () => this.remove(follower), { once: true });
    if (signal.aborted) this.remove(follower);
    return this.changes(follower);
  }

  /** Ends all that follow. */
  close(): void {
    this.closed = true;
    for (const follower of this.followers) this.remove(follower);
  }

  private async *changes(follower: Follower): AsyncGenerator<Source> {
    try {
      while (this.followers.has(follower)) {
        const [next] = follower.waiting;
        if (next) {
          follower.waiting.delete(next[0]);
          yield next[1];
        } else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve;
          });
        }
      }
    } finally {
      this.remove(follower);
    }
  }

  private remove(follower: Follower): void {
    this.followers.delete(follower);
    follower.wake();
    if (this.followers.size > 0 || !this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    try {
      const since = new Date(this.through.getTime() - LOOK_BACK_MS);
      for (let from: Date | null = since; from; ) from = await this.readFrom(from);
      for (const [id, at] of this.told) if (at < since.getTime()) this.told.delete(id);
    } catch (error) {
      this.onError(error);
    } finally {
      this.polling = false;
    }
  }

  /** Tells of one page. @returns where the next one begins; null where there is none */
  private async readFrom(since: Date): Promise<Date | null> {
    const changed = await this.store.changedSince(since, CHANGES_A_POLL);
    for (const source of changed) this.tell(source);
    const last = changed.at(-1)?.changedAt;
    return changed.length === CHANGES_A_POLL && last && last > since ? last : null;
  }

  private tell(source: Source): void {
    const at = source.changedAt?.getTime() ?? 0;
    if (at > this.through.getTime()) this.through = source.changedAt!;
    if ((this.told.get(source._id) ?? 0) >= at) return;
    this.told.set(source._id, at);
    for (const follower of this.followers) {
      if (follower.ids && !follower.ids.has(source._id)) continue;
      follower.waiting.set(source._id, source);
      follower.wake();
    }
  }
}
