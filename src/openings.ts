/** What was opened and must be closed: last in first out. */
export class Openings {
  private readonly closers: (() => Promise<void>)[] = [];

  /** @param withinMs after which the next is closed, whether this one has ended or not */
  add(close: () => Promise<void>, withinMs?: number): void {
    this.closers.push(withinMs === undefined ? close : () => atMost(withinMs, close));
  }

  /** Closes all, also where one fails. @throws the first failure */
  async close(): Promise<void> {
    let first: unknown = null;
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      await close().catch((error: unknown) => {
        first ??= error;
      });
    }
    if (first) throw first;
  }
}

async function atMost(ms: number, close: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([close(), late]);
  } finally {
    clearTimeout(timer);
  }
}
