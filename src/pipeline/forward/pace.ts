/** Keeps requests to a receiver at most so many a second, evenly spread. */
export class Pace {
  private nextAt = 0;

  /** @param maxPerSecond null: as many as there are */
  constructor(
    private readonly maxPerSecond: number | null,
    private readonly now: () => number,
  ) {}

  /** Takes the next turn. @returns the milliseconds to wait for it */
  take(): number {
    if (this.maxPerSecond === null) return 0;
    const now = this.now();
    const at = Math.max(now, this.nextAt);
    this.nextAt = at + 1_000 / this.maxPerSecond;
    return at - now;
  }

  /** Milliseconds until a turn is free, without taking it. */
  get waitMs(): number {
    return this.maxPerSecond === null ? 0 : Math.max(0, this.nextAt - this.now());
  }
}
