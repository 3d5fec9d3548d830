import type { Source } from '../domain/source';
import { NewestStates } from './newest-states';
import { Polling } from './polling';

/** Reads what changed at or after a time of the database's clock, oldest first. */
export interface ChangedSources {
  changedSince(since: Date, limit: number): Promise<Source[]>;
  /** The database's time. */
  now(): Date;
}

interface Follower {
  /** Null: all of them. */
  ids: ReadonlySet<string> | null;
  waiting: NewestStates<Source>;
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
  private readonly polling: Polling;
  private closed = false;
  /** Up to here everything was read, but for what turns up late. */
  private through = new Date(0);
  /** What was told of within the look-back: `changedAt` by source. */
  private told = new Map<string, number>();

  constructor(
    private readonly store: ChangedSources,
    onError: (error: unknown) => void,
  ) {
    this.polling = new Polling({ everyMs: POLL_MS, ask: () => this.poll(), onError });
  }

  /**
   * Sources that change from now on, until `signal` aborts or the feed closes; it may begin with what changed in the
   * seconds before. A deleted one is not told of.
   */
  follow(ids: string[] | null, signal: AbortSignal): AsyncGenerator<Source> {
    const follower: Follower = { ids: ids && new Set(ids), waiting: new NewestStates() };
    this.followers.add(follower);
    if (!this.polling.on && !this.closed) {
      this.through = this.store.now();
      this.told = new Map();
      this.polling.start();
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
        const next = follower.waiting.take();
        if (next) yield next;
        else await follower.waiting.news();
      }
    } finally {
      this.remove(follower);
    }
  }

  private remove(follower: Follower): void {
    this.followers.delete(follower);
    follower.waiting.wake();
    if (this.followers.size === 0) this.polling.stop();
  }

  private async poll(): Promise<void> {
    const since = new Date(this.through.getTime() - LOOK_BACK_MS);
    for (let from: Date | null = since; from; ) from = await this.readFrom(from);
    for (const [id, at] of this.told) if (at < since.getTime()) this.told.delete(id);
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
      follower.waiting.put(source._id, source);
    }
  }
}
