interface Waiter {
  count: number;
  resolve: () => void;
}

/** A bounded number of places for work in progress. Waiters are served in order, the patient ones last. */
export class Slots {
  private taken = 0;
  private readonly waiting: Waiter[] = [];
  private readonly patient: Waiter[] = [];

  constructor(readonly size: number) {}

  get free(): number {
    return this.size - this.taken;
  }

  /** Whether somebody waits who is not patient. */
  get wanted(): boolean {
    return this.waiting.length > 0;
  }

  /**
   * Takes `count` slots, waiting for them. `count` = size waits until everything else is done.
   * @param patient lets all others go first
   */
  async acquire(count = 1, { patient = false }: { patient?: boolean } = {}): Promise<void> {
    if (this.waiting.length === 0 && this.free >= count) {
      this.taken += count;
      return;
    }
    await new Promise<void>((resolve) => (patient ? this.patient : this.waiting).push({ count, resolve }));
  }

  /** Takes a slot if one is free now. */
  tryAcquire(): boolean {
    if (this.waiting.length > 0 || this.free < 1) return false;
    this.taken++;
    return true;
  }

  release(count = 1): void {
    this.taken -= count;
    for (let next = this.next(); next && this.free >= next.count; next = this.next()) {
      (this.waiting.length > 0 ? this.waiting : this.patient).shift();
      this.taken += next.count;
      next.resolve();
    }
  }

  private next(): Waiter | undefined {
    return this.waiting[0] ?? this.patient[0];
  }
}
