/**
 * Runs generators a few at a time and gives what they yield as it comes. Each gives one value and then queues again,
 * so that a long one does not keep the others waiting. The first that throws ends it.
 */
export async function* roundRobin<T>(
  generators: AsyncGenerator<T, void>[],
  width: number,
): AsyncGenerator<T, void> {
  const waiting = [...generators];
  const running = new Map<AsyncGenerator<T, void>, Promise<Turn<T>>>();
  try {
    for (;;) {
      while (running.size < width) {
        const generator = waiting.shift();
        if (!generator) break;
        running.set(generator, turn(generator));
      }
      if (running.size === 0) return;
      const { generator, result } = await Promise.race(running.values());
      running.delete(generator);
      if (result.done) continue;
      waiting.push(generator);
      yield result.value;
    }
  } finally {
    // The first failure is told; those of the others would end the process as unhandled.
    for (const unfinished of running.values()) unfinished.catch(() => undefined);
  }
}

interface Turn<T> {
  generator: AsyncGenerator<T, void>;
  result: IteratorResult<T, void>;
}

async function turn<T>(generator: AsyncGenerator<T, void>): Promise<Turn<T>> {
  return { generator, result: await generator.next() };
}
