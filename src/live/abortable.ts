/**
 * An async iterator over a generator whose `return` ends a wait at once. A generator's own `return` queues behind the
 * `next` that waits for news, which may never come.
 * @param controller its signal ends the generator's wait, and is aborted in any case when the iterator ends
 */
export function abortable<T>(
  generator: AsyncGenerator<T>,
  controller: AbortController,
): AsyncIterableIterator<T> {
  return {
    next: async () => {
      let ended = true;
      try {
        const step = await generator.next();
        ended = step.done === true;
        return step;
      } finally {
        if (ended) controller.abort();
      }
    },
    return: async () => {
      controller.abort();
      await generator.return(undefined);
      return { done: true, value: undefined };
    },
    throw: async (error: unknown) => {
      controller.abort();
      return generator.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
