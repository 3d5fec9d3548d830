import type { Db } from 'mongodb';

/** How often the offset is measured, and how soon again after a measure that found the clock set. */
const MEASURE_EVERY_MS = 60_000;
const MEASURE_AGAIN_MS = 1_000;
/** A clock that is set moves by more than this against the steady one; less is drift. */
const STEP_MS = 500;

/**
 * The database's time: the steady clock of this process and an offset that is measured when it opens, every minute, and
 * when the two clocks of this machine part: it was set (then the steady one is right) or slept (then the measure
 * is). Leases are compared with `$$NOW` in the database itself; this clock serves what is computed here.
 */
export class StoreClock {
  private offsetMs = 0;
  /** Of this machine's clock over the steady one, when the offset was measured last. */
  private leadMs = 0;
  private askedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | null = null;

  private constructor(private readonly db: Db) {}

  static async open(db: Db): Promise<StoreClock> {
    const clock = new StoreClock(db);
    await clock.measure();
    clock.timer = setInterval(() => void clock.measureIfItCan(), MEASURE_EVERY_MS);
    clock.timer.unref();
    return clock;
  }

  now(): Date {
    const steady = performance.now();
    const parted = Math.abs(Date.now() - steady - this.leadMs) > STEP_MS;
    if (parted && steady - this.askedAt > MEASURE_AGAIN_MS) void this.measureIfItCan();
    return new Date(steady + this.offsetMs);
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  /** A missed measure keeps the last. */
  private async measureIfItCan(): Promise<void> {
    if (!this.timer) return;
    await this.measure().catch(() => undefined);
  }

  private async measure(): Promise<void> {
    const before = performance.now();
    this.askedAt = before;
    const leadMs = Date.now() - before;
    const hello = await this.db.command({ hello: 1 });
    const after = performance.now();
    if (!(hello.localTime instanceof Date)) return;
    this.offsetMs = hello.localTime.getTime() - (before + after) / 2;
    this.leadMs = leadMs;
  }
}
