/** A bounded number of places for work in progress. Waiters are served in order. */
export class Slots {
  private taken = 0;
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  constructor(readonly size: number) {}

  get free(): number {
    return this.size - this.taken;
  }

  /** Takes `count` slots, waiting for them. `count` = size waits until everything else is done. */
  async acquire(count = 1): Promise<void> {
    if (this.waiting.length === 0 && this.free >= count) {
      this.taken += count;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push({ count, resolve }));
  }

  /** Takes a slot if one is free now. */
  tryAcquire(): boolean {
    if (this.waiting.length > 0 || this.free < 1) return false;
    this.taken++;
    return true;
  }

  release(count = 1): void {
    this.taken -= count;
    while (this.waiting[0] && this.free >= this.waiting[0].count) {
      const next = this.waiting.shift()!;
      this.taken += next.count;
      next.resolve();
    }
  }
}
