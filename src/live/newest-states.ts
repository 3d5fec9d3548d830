/** What waits for one follower: the newest state of each thing. States in between are left out, never the last one. */
export class NewestStates<T extends object> {
  private readonly waiting = new Map<string, T>();
  private wakeReader: () => void = () => undefined;

  get size(): number {
    return this.waiting.size;
  }

  has(id: string): boolean {
    return this.waiting.has(id);
  }

  put(id: string, state: T): void {
    this.waiting.set(id, state);
    this.wake();
  }

  drop(id: string): void {
    this.waiting.delete(id);
  }

  /** Takes the one whose first state came longest ago; null where none waits. */
  take(): T | null {
    const [next] = this.waiting;
    if (!next) return null;
    this.waiting.delete(next[0]);
    return next[1];
  }

  /** Resolves at the next `put` or `wake`: for the one reader, who found nothing just now. */
  news(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeReader = resolve;
    });
  }

  /** Has the reader look again, also where nothing came. */
  wake(): void {
    this.wakeReader();
  }
}
