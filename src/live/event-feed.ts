import type { Commit, StreamPosition } from '../domain/commit';
import { CursorExpired } from '../domain/errors';
import type { StoredEvent } from '../domain/event';
import type { CommitMessage } from './bus';

/** What the feed needs of the store. */
export interface FeedStore {
  head(): Promise<number>;
  oldest(): Promise<number | null>;
  commitsAfter(n: number, limit: number): Promise<Commit[]>;
  eventsOf(commit: Commit, afterPos?: number): Promise<StoredEvent[]>;
}

/** What the feed needs of the bus. */
export interface FeedBus {
  listen(onMessage: (message: CommitMessage) => void): Promise<() => void>;
  onReconnect(callback: () => void): void;
}

/** A committed slice: its number and its events, in order. Silent slices have none. */
export interface FeedSlice {
  n: number;
  events: StoredEvent[];
}

export interface FeedEvent {
  position: StreamPosition;
  event: StoredEvent;
}

/** Slices that are kept for subscribers that are a little behind: at most so many, and so many events in all. */
const RING_SLICES = 64;
const RING_EVENTS = 5_000;
/** Without news for so long, the commits are read: the bus may have lost something. */
const QUIET_MS = 1_000;
/** Commits that a subscriber who is behind reads at a time. */
const CATCH_UP_COMMITS = 4;

/**
 * Follows the commits for all subscribers of this process: by the bus where it delivers, by the store where it does
 * not. Keeps one bounded ring of the newest slices; a subscriber is only a position in the stream, so one that falls
 * behind the ring reads on from the store, and nothing is buffered for it.
 *
 * States: idle (nobody listens: no subscription to the bus, nothing kept), following (from the first listener on).
 */
export class EventFeed {
  private ring: FeedSlice[] = [];
  private ringEvents = 0;
  /** The newest commit that the ring has seen. */
  private tip = 0;
  private listeners = 0;
  private changed = deferred();
  private stopListening: (() => void) | null = null;
  private quietTimer: NodeJS.Timeout | null = null;
  private catchingUp: Promise<void> | null = null;
  private starting: Promise<void> | null = null;
  private following = false;
  /** The newest commit that the bus has told of. */
  private told = 0;
  private lastNews = 0;
  private closed = false;

  constructor(
    private readonly store: FeedStore,
    private readonly bus: FeedBus | null,
    private readonly onError: (error: unknown) => void,
  ) {
    bus?.onReconnect(() => {
      if (this.listeners > 0) void this.catchUp();
    });
  }

  /**
   * Every event after `after`, or from now on where it is null, in order, without a gap and without doubles.
   * @throws CursorExpired where retention has removed what comes after the cursor
   */
  async *follow(after: StreamPosition | null, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    await this.join();
    try {
      let at = after ?? { n: this.tip, pos: Number.MAX_SAFE_INTEGER };
      if (after) await this.checkNotExpired(after);
      const aborted = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      while (!signal.aborted && !this.closed) {
        const waiting = this.changed.promise;
        let moved = false;
        for (const slice of await this.next(at)) {
          for (const event of slice.events) {
            if (slice.n === at.n && event.pos <= at.pos) continue;
            at = { n: slice.n, pos: event.pos };
            yield { position: at, event };
            if (signal.aborted) return;
          }
          at = { n: slice.n, pos: Number.MAX_SAFE_INTEGER };
          moved = true;
        }
        if (!moved) await Promise.race([waiting, aborted]);
      }
    } finally {
      this.leave();
    }
  }

  close(): void {
    this.closed = true;
    this.stop();
    this.signalChange();
  }

  private async checkNotExpired(after: StreamPosition): Promise<void> {
    const oldest = (await this.store.oldest()) ?? this.tip + 1;
    if (after.n < oldest - 1) {
      throw new CursorExpired(
        'What comes after this cursor is past retention: query events, then subscribe without `after`.',
      );
    }
  }

  /** The slices from a position on: out of the ring where it reaches back so far, else out of the store. */
  private async next(at: StreamPosition): Promise<FeedSlice[]> {
    const from = at.pos === Number.MAX_SAFE_INTEGER ? at.n + 1 : at.n;
    if (from > this.tip) return [];
    const first = this.ring[0];
    if (first && first.n <= from) {
      const found = this.ring[from - first.n];
      return found ? [found] : [];
    }
    const commits = await this.store.commitsAfter(from - 1, CATCH_UP_COMMITS);
    const slices: FeedSlice[] = [];
    for (const commit of commits) slices.push(await this.sliceOf(commit));
    return slices;
  }

  private async sliceOf(commit: Commit): Promise<FeedSlice> {
    return { n: commit._id, events: commit.silent ? [] : await this.store.eventsOf(commit) };
  }

  private async join(): Promise<void> {
    this.listeners++;
    try {
      this.starting ??= this.start();
      await this.starting;
    } catch (error) {
      this.starting = null;
      this.leave();
      throw error;
    }
  }

  private leave(): void {
    this.listeners--;
    if (this.listeners === 0) this.stop();
  }

  /** Subscribe first, then read where the log stands: what comes between is seen twice and taken once. */
  private async start(): Promise<void> {
    if (this.bus) {
      try {
        this.stopListening = await this.bus.listen((message) => this.take(message));
      } catch (error) {
        this.onError(error); // The commits are read each second all the same.
      }
    }
    this.tip = Math.max(this.tip, await this.store.head());
    this.lastNews = Date.now();
    this.following = true;
    this.quietTimer = setInterval(() => {
      if (Date.now() - this.lastNews >= QUIET_MS) void this.catchUp();
    }, QUIET_MS / 4);
  }

  private stop(): void {
    this.stopListening?.();
    this.stopListening = null;
    if (this.quietTimer) clearInterval(this.quietTimer);
    this.quietTimer = null;
    this.starting = null;
    this.following = false;
    this.clearRing();
  }

  private take({ commit, events }: CommitMessage): void {
    this.told = Math.max(this.told, commit._id);
    if (!this.following || commit._id <= this.tip) return;
    const silent = commit.silent === true;
    if (commit._id === this.tip + 1 && (silent || events) && !this.catchingUp) {
      this.push({ n: commit._id, events: silent ? [] : (events ?? []) });
    } else {
      void this.catchUp();
    }
  }

  private push(slice: FeedSlice): void {
    this.ring.push(slice);
    this.ringEvents += slice.events.length;
    while (this.ring.length > RING_SLICES || (this.ringEvents > RING_EVENTS && this.ring.length > 1)) {
      this.ringEvents -= this.ring.shift()!.events.length;
    }
    this.tip = slice.n;
    this.lastNews = Date.now();
    this.signalChange();
  }

  /** Reads the commits that the bus did not tell. One at a time, however many ask. */
  private catchUp(): Promise<void> {
    let failed = false;
    this.catchingUp ??= this.readOn()
      .catch((error: unknown) => {
        failed = true;
        this.onError(error);
      })
      .finally(() => {
        this.catchingUp = null;
        this.lastNews = Date.now();
        if (this.following && this.told > this.tip && !failed) void this.catchUp();
      });
    return this.catchingUp;
  }

  private async readOn(): Promise<void> {
    for (;;) {
      const commits = await this.store.commitsAfter(this.tip, CATCH_UP_COMMITS);
      if (commits.length === 0 || this.listeners === 0) return;
      for (const commit of commits) {
        if (commit._id <= this.tip) continue;
        if (commit._id !== this.tip + 1) this.clearRing();
        this.push(await this.sliceOf(commit));
      }
    }
  }

  /** The ring holds consecutive commits only. */
  private clearRing(): void {
    this.ring = [];
    this.ringEvents = 0;
  }

  private signalChange(): void {
    const { resolve } = this.changed;
    this.changed = deferred();
    resolve();
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
