import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryHead } from '../domain/webhook';
import { NewestStates } from './newest-states';
import { Polling } from './polling';

/** What the feed needs of the store. */
export interface ChangedDeliveries {
  /** Ids of what changed at or after a time of the database's clock, in pages; `version` tells states apart. */
  changedSince(since: Date): AsyncIterable<{ id: string; version: string }[]>;
  /** Deliveries as they are now. */
  heads(ids: string[]): Promise<DeliveryHead[]>;
  /** The database's time. */
  now(): Date;
}

interface Follower {
  wants: (delivery: DeliveryHead) => boolean;
  waiting: NewestStates<DeliveryHead>;
  /** Set while more waits than is kept for it: it reads on from here by itself. */
  lostSince: Date | null;
}

const POLL_MS = 1_000;
/** A change is written with the time at which its write began: mostly it turns up within this. */
const LOOK_BACK_MS = 2_000;
/** Every tenth poll also finds what took a database that falls over so long to write. */
const LOOK_FAR_BACK_MS = 30_000;
const LOOK_FAR_EVERY = 10;
/** Deliveries kept for a follower that is slow; with those of lists of 1,000 events that is 250 MB at the very most. */
const MAX_WAITING = 5_000;
/** Beyond so many the oldest are forgotten: then a state may be told twice. */
const MAX_TOLD = 200_000;

/**
 * Tells followers of deliveries that changed: the store is asked once a second for all of them, and not at all while
 * nobody follows, so several changes of one delivery within a second are one. A follower that falls behind by more
 * than is kept for it goes back to reading the store: it misses states in between, but hears of the newest one of each
 * delivery, maybe twice.
 */
export class DeliveryFeed {
  private readonly followers = new Set<Follower>();
  private readonly polling: Polling;
  private closed = false;
  private startedAt = new Date(0);
  private through = new Date(0);
  private polls = 0;
  /** What was told within the look-back, oldest first. */
  private readonly told = new Map<string, { version: string; at: number }>();

  constructor(
    private readonly store: ChangedDeliveries,
    private readonly onError: (error: unknown) => void,
  ) {
    this.polling = new Polling({
      everyMs: POLL_MS,
      ask: () => this.poll(),
      onError: (error) => {
        this.told.clear(); // Some were taken for told that were not.
        onError(error);
      },
    });
  }

  /**
   * Deliveries that are wanted as they change from now on, until `signal` aborts or the feed closes; it may begin with
   * what changed in the seconds before.
   */
  follow(wants: Follower['wants'], signal: AbortSignal): AsyncGenerator<DeliveryHead> {
    const follower: Follower = { wants, waiting: new NewestStates(), lostSince: null };
    this.followers.add(follower);
    if (!this.polling.on && !this.closed) this.start();
    signal.addEventListener('abort', () => this.remove(follower), { once: true });
    if (signal.aborted || this.closed) this.remove(follower);
    return this.changes(follower);
  }

  /** Ends all that follow. */
  close(): void {
    this.closed = true;
    for (const follower of this.followers) this.remove(follower);
  }

  private start(): void {
    this.startedAt = this.store.now();
    this.through = this.startedAt;
    this.polls = 0;
    this.told.clear();
    this.polling.start();
  }

  private async *changes(follower: Follower): AsyncGenerator<DeliveryHead> {
    try {
      while (this.followers.has(follower)) {
        const next = follower.waiting.take();
        if (next) yield next;
        else if (follower.lostSince) yield* this.readOn(follower, follower.lostSince);
        else await follower.waiting.news();
      }
    } finally {
      this.remove(follower);
    }
  }

  /** What a follower lost, from the store, at its own pace; what changes meanwhile waits for it as ever. */
  private async *readOn(follower: Follower, since: Date): AsyncGenerator<DeliveryHead> {
    follower.lostSince = null;
    try {
      for await (const marks of this.store.changedSince(since)) {
        for (const delivery of await this.store.heads(marks.map(({ id }) => id))) {
          if (!this.followers.has(follower)) return;
          if (follower.wants(delivery)) yield delivery;
        }
      }
    } catch (error) {
      this.onError(error);
      follower.lostSince = since;
      await delay(POLL_MS);
    }
  }

  private remove(follower: Follower): void {
    this.followers.delete(follower);
    follower.waiting.wake();
    if (this.followers.size === 0) this.polling.stop();
  }

  private async poll(): Promise<void> {
    const begun = this.store.now();
    const far = ++this.polls % LOOK_FAR_EVERY === 0;
    const back = (from: Date, ms: number): number => from.getTime() - ms;
    const since = new Date(
      Math.max(back(this.startedAt, LOOK_BACK_MS), back(this.through, far ? LOOK_FAR_BACK_MS : LOOK_BACK_MS)),
    );
    for await (const marks of this.store.changedSince(since)) {
      const fresh = marks.filter(({ id, version }) => this.isFresh(id, version, begun.getTime()));
      if (fresh.length === 0) continue;
      for (const delivery of await this.store.heads(fresh.map(({ id }) => id))) this.tell(delivery, since);
    }
    this.through = begun;
    this.forget(begun.getTime() - 2 * LOOK_FAR_BACK_MS);
  }

  private isFresh(id: string, version: string, at: number): boolean {
    if (this.told.get(id)?.version === version) return false;
    this.told.delete(id);
    this.told.set(id, { version, at });
    return true;
  }

  private forget(before: number): void {
    for (const [id, { at }] of this.told) {
      if (at >= before && this.told.size <= MAX_TOLD) return;
      this.told.delete(id);
    }
  }

  private tell(delivery: DeliveryHead, since: Date): void {
    const { _id: id } = delivery;
    for (const follower of this.followers) {
      if (follower.lostSince) continue;
      if (!follower.wants(delivery)) {
        follower.waiting.drop(id);
      } else if (follower.waiting.size < MAX_WAITING || follower.waiting.has(id)) {
        follower.waiting.put(id, delivery);
      } else {
        follower.lostSince = since;
        follower.waiting.wake();
      }
    }
  }
}
