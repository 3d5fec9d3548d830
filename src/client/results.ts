/**
 * Results on their way from a socket to whoever iterates: in order, each once. It holds what it is given; who gives sees
 * by `size` when to stop.
 */
export class Results<T> implements AsyncIterableIterator<T> {
  private readonly kept: T[] = [];
  private readonly takers: { resolve(step: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  private end: { error?: unknown } | null = null;
  private errorTold = false;
  private waitingForRoom: { size: number; resolve: () => void } | null = null;

  /** @param onLeave called once, when the one who iterates has seen enough */
  constructor(private readonly onLeave: () => void) {}

  get size(): number {
    return this.kept.length;
  }

  push(value: T): void {
    if (this.end) return;
    const taker = this.takers.shift();
    if (taker) taker.resolve({ done: false, value });
    else this.kept.push(value);
  }

  /** Ends it after what is kept, with an error if one is given. */
  finish(end: { error?: unknown } = {}): void {
    if (this.end) return;
    this.end = end;
    for (const taker of this.takers.splice(0)) {
      if ('error' in end && !this.told()) taker.reject(end.error);
      else taker.resolve({ done: true, value: undefined });
    }
  }

  /** Ends it at once. */
  discard(): void {
    this.kept.length = 0;
    this.finish();
    this.freeRoom();
  }

  /** Waits until no more than so many are kept; for one at a time. */
  room(size: number): Promise<void> {
    return new Promise((resolve) => {
      this.waitingForRoom = { size, resolve };
      this.freeRoom();
    });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.kept.length > 0) {
      const value = this.kept.shift() as T;
      this.freeRoom();
      return Promise.resolve({ done: false, value });
    }
    if (this.end) {
      if ('error' in this.end && !this.told()) return Promise.reject(this.end.error);
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => this.takers.push({ resolve, reject }));
  }

  /** Not a generator's, which would wait for a `next` that is under way, and so for the next result. */
  return(): Promise<IteratorResult<T>> {
    this.discard();
    this.onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** An error is told once, as iterators do. */
  private told(): boolean {
    const before = this.errorTold;
    this.errorTold = true;
    return before;
  }

  private freeRoom(): void {
    if (this.waitingForRoom && this.kept.length <= this.waitingForRoom.size) {
      this.waitingForRoom.resolve();
      this.waitingForRoom = null;
    }
  }
}
