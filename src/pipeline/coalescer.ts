export interface Gathering {
  /** A write is put off for so long, so that others come along; 0: it begins in the same turn. */
  ms: number;
  /** With so many it begins at once. */
  items: number;
}

const AT_ONCE: Gathering = { ms: 0, items: 1 };

/** Gathers what is asked for while a write is put off or under way into the next one: one round trip for many. */
export class Coalescer<T> {
  private waiting: { item: T; resolve: () => void; reject: (error: unknown) => void }[] = [];
  private writing = false;
  private timer: NodeJS.Timeout | null = null;
  /** What waits is not to wait for more. */
  private hurried = false;

  constructor(
    private readonly write: (items: T[]) => Promise<void>,
    private readonly gathering: Gathering = AT_ONCE,
  ) {}

  /** Resolves when the item is written; rejects with the failure of the write that held it. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.writing) this.writeSoon();
    });
  }

  /** Has everything written that was gathered, without waiting for more. */
  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.hurried = this.waiting.length > 0;
    if (!this.writing && this.hurried) void this.run();
  }

  private writeSoon(): void {
    if (this.gathering.ms === 0 || this.waiting.length >= this.gathering.items) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.gathering.ms);
  }

  private async run(): Promise<void> {
    this.writing = true;
    await Promise.resolve(); // Whoever asks in the same turn comes along.
    while (this.hurried) {
      this.hurried = false;
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.write(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      if (this.waiting.length > 0) this.writeSoon();
    }
    this.writing = false;
  }
}
