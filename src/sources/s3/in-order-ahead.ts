/**
 * Takes what each generator yields, one generator after the other, while the first values of the next few are asked
 * for already. Ends with the first failure.
 * @param width generators that are begun at a time
 */
export async function* inOrderAhead<K, V>(
  keys: Iterable<K>,
  width: number,
  open: (key: K) => AsyncGenerator<V, void>,
): AsyncGenerator<{ of: K; page: V }, void> {
  const rest = keys[Symbol.iterator]();
  const begun: { of: K; generator: AsyncGenerator<V, void>; first: Promise<IteratorResult<V, void>> }[] = [];
  for (;;) {
    while (begun.length < width) {
      const next = rest.next();
      if (next.done) break;
      const generator = open(next.value);
      const first = generator.next();
      // It may fail before its turn comes; without anybody to hear, that would end the process.
      first.catch(() => undefined);
      begun.push({ of: next.value, generator, first });
    }
    const head = begun.shift();
    if (!head) return;
    for (let step = await head.first; !step.done; step = await head.generator.next())
      yield { of: head.of, page: step.value };
  }
}
