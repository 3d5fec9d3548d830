/**
 * A map of bounded size that keeps what was asked for lately: two generations, the older dropped when the younger is
 * full. Costs a hit one look-up, without the bookkeeping of a true LRU.
 */
export class Recent<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** Holds `max` entries at most, half of them at least once it has been full. */
  constructor(private readonly max: number) {}

  get(key: string): T | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: T): void {
    if (this.#young.size >= this.max / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
