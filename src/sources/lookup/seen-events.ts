import { createHash } from 'node:crypto';

/** About 120 bytes each. */
const MAX_SEEN = 200_000;

/**
 * The events that this process has put into the ledger lately, so that reading the overlap again makes no batches. It
 * is a saving and no truth: what it forgot comes to the ledger once more and counts as a duplicate there.
 */
export class SeenEvents {
  private readonly keys = new Set<string>();

  constructor(private readonly max = MAX_SEEN) {}

  has(scope: string, eventId: string): boolean {
    return this.keys.has(key(scope, eventId));
  }

  /** Remembers events; the oldest go where there are too many. */
  add(scope: string, eventIds: Iterable<string>): void {
    for (const eventId of eventIds) {
      const added = key(scope, eventId);
      this.keys.delete(added);
      this.keys.add(added);
    }
    for (const oldest of this.keys) {
      if (this.keys.size <= this.max) return;
      this.keys.delete(oldest);
    }
  }

  get size(): number {
    return this.keys.size;
  }
}

function key(scope: string, eventId: string): string {
  return createHash('sha1').update(`${scope}\n${eventId}`).digest('base64');
}
