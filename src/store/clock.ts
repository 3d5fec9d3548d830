import type { Db } from 'mongodb';

/**
 * The database's time: this machine's clock corrected by an offset that is measured when it opens and every minute.
 * Leases are compared with `$$NOW` in the database itself; this clock serves what is computed here.
 */
export class StoreClock {
  private offsetMs = 0;
  private timer: NodeJS.Timeout | null = null;

  private constructor(private readonly db: Db) {}

  static async open(db: Db): Promise<StoreClock> {
    const clock = new StoreClock(db);
    await clock.measure();
    clock.timer = setInterval(() => void clock.measure().catch(() => undefined), 60_000); // A missed measure keeps the last.
    clock.timer.unref();
    return clock;
  }

  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  /** How far this machine's clock is behind the database's, in milliseconds. */
  get offset(): number {
    return this.offsetMs;
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
  }

  private async measure(): Promise<void> {
    const before = Date.now();
    const hello = await this.db.command({ hello: 1 });
    const after = Date.now();
    if (hello.localTime instanceof Date) this.offsetMs = hello.localTime.getTime() - (before + after) / 2;
  }
}
