export interface PollingParts {
  everyMs: number;
  /** Asks once; what it fails with goes to `onError`, and the next turn asks again. */
  ask: () => Promise<void>;
  onError: (error: unknown) => void;
}

/** Asks again and again while it is on, one question at a time: a turn that comes while one is open is left out. */
export class Polling {
  private timer: NodeJS.Timeout | null = null;
  private asking = false;

  constructor(private readonly parts: PollingParts) {}

  get on(): boolean {
    return this.timer !== null;
  }

  /** Asks from the next turn on. */
  start(): void {
    this.timer ??= setInterval(() => void this.ask(), this.parts.everyMs);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  /** Asks now, unless a question is open. */
  async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      await this.parts.ask();
    } catch (error) {
      this.parts.onError(error);
    } finally {
      this.asking = false;
    }
  }
}
