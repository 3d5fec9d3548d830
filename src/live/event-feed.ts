import type { Commit, StreamPosition } from '../domain/commit';
import { END_OF_COMMIT as END } from '../domain/cursor';
import { CursorExpired } from '../domain/errors';
import type { StoredEvent } from '../domain/event';
import type { CommitMessage } from './bus';

/** What the feed needs of the store. */
export interface FeedStore {
  head(): Promise<number>;
  /** As `head`, with what a failover may still take back: after an election `head` may lag behind what it said. */
  newest(): Promise<number>;
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

/** A stored event and its place in the stream. */
export interface FeedEvent {
  position: StreamPosition;
  event: StoredEvent;
}

/** Slices that are kept for subscribers that are a little behind: at most so many, and so many events in all. */
const RING_SLICES = 64;
const RING_EVENTS = 5_000;
/** Without news for so long, the commits are read: the bus may have lost something. */
const QUIET_MS = 1_000;
/** Commits that are read at a time by who is behind; of their events one slice at a time. */
const CATCH_UP_COMMITS = 16;

/**
 * Follows the commits for all subscribers of this process: by the bus where it delivers, by the store where it does
 * not. Keeps one bounded ring of the newest slices; a subscriber is only a position in the stream, so one that falls
 * behind the ring reads on from the store, and no more than the slice that it stands in is kept for it.
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
   * Every event after `after`, or from now on where it is null, in order, without a gap and without doubles. "Now" is
   * when the promise is kept. It ends with the signal, which must abort in the end even where nothing is read.
   * @throws CursorExpired where what comes after the cursor is not there (any more)
   */
  async follow(after: StreamPosition | null, signal: AbortSignal): Promise<AsyncGenerator<FeedEvent>> {
    await this.join();
    try {
      if (after) await this.checkReachable(after);
    } catch (error) {
      this.leave();
      throw error;
    }
    if (signal.aborted) this.leave();
    else signal.addEventListener('abort', () => this.leave(), { once: true });
    return this.events(after ?? this.newest(), signal);
  }

  private async *events(from: StreamPosition, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    let at = from;
    while (!signal.aborted && !this.closed) {
      const news = this.changed.promise;
      let moved = false;
      for await (const slice of this.slicesFrom(at.pos === END ? at.n + 1 : at.n)) {
        for (const event of slice.events) {
          if (slice.n === at.n && event.pos <= at.pos) continue;
          at = { n: slice.n, pos: event.pos };
          yield { position: at, event };
          if (signal.aborted) return;
        }
        at = { n: slice.n, pos: END };
        moved = true;
      }
      if (!moved) await settledOrAborted(news, signal);
    }
  }

  /** The newest commit that the feed knows of, beyond its last event; sure while somebody follows. */
  newest(): StreamPosition {
    return { n: this.tip, pos: END };
  }

  close(): void {
    this.closed = true;
    this.stop();
    this.signalChange();
  }

  /** A cursor into a commit that is gone can't tell whether it was that commit's last event. */
  private async checkReachable(after: StreamPosition): Promise<void> {
    const oldest = (await this.store.oldest()) ?? this.tip + 1;
    if (Math.max(after.pos === END ? after.n + 1 : after.n, 1) < oldest) {
      throw new CursorExpired(
        'What comes after this cursor is past retention: query events, then subscribe without `after`.',
      );
    }
    if (after.n > this.tip && after.n > (await this.store.newest())) {
      throw new CursorExpired(
        'This cursor lies beyond what is stored here: query events, then subscribe without `after`.',
      );
    }
  }

  /** The slices from a number on: out of the ring where it reaches back so far, else out of the store. */
  private async *slicesFrom(from: number): AsyncGenerator<FeedSlice> {
    if (from > this.tip) return;
    const first = this.ring[0];
    if (first && first.n <= from) {
      yield this.ring[from - first.n]!;
      return;
    }
    let expected = from;
    for (const commit of await this.store.commitsAfter(from - 1, CATCH_UP_COMMITS)) {
      if (commit._id !== expected++) {
        throw new CursorExpired(
          'Retention has overtaken this subscription: query events, then subscribe anew.',
        );
      }
      yield await this.sliceOf(commit);
    }
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
    if (this.closed) return this.stop();
    this.lastNews = performance.now();
    this.following = true;
    this.quietTimer = setInterval(() => {
      if (performance.now() - this.lastNews >= QUIET_MS) void this.catchUp();
    }, QUIET_MS / 4);
    if (this.told > this.tip) void this.catchUp();
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
    this.lastNews = performance.now();
    this.signalChange();
  }

  /** Reads the commits that the bus did not tell. One at a time, however many ask. */
  private catchUp(): Promise<void> {
    const told = this.told;
    this.catchingUp ??= this.readOn().then(
      () => this.caughtUp(this.told > told),
      (error: unknown) => {
        this.onError(error);
        this.caughtUp(false);
      },
    );
    return this.catchingUp;
  }

  /** @param newlyTold whether the bus told of more meanwhile, which nobody took */
  private caughtUp(newlyTold: boolean): void {
    this.catchingUp = null;
    this.lastNews = performance.now();
    if (this.following && newlyTold && this.told > this.tip) void this.catchUp();
  }

  private async readOn(): Promise<void> {
    for (;;) {
      const commits = await this.store.commitsAfter(this.tip, CATCH_UP_COMMITS);
      if (commits.length === 0) return;
      for (const commit of commits) {
        if (!this.following) return;
        const slice = await this.sliceOf(commit);
        if (!this.following) return;
        if (slice.n <= this.tip) continue; // Meanwhile all had left, and others came, who start further on.
        if (slice.n !== this.tip + 1) this.clearRing();
        this.push(slice);
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

/** No race with one promise for all waits: each would leave its reaction there for as long as the subscription lives. */
async function settledOrAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: either, resolve } = deferred();
  signal.addEventListener('abort', resolve, { once: true });
  void promise.then(resolve);
  await either;
  signal.removeEventListener('abort', resolve);
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
