import type { StreamPosition } from '../../domain/commit';
import type { Delivery } from '../../domain/webhook';
import type { Move } from '../../domain/webhook-tally';
import type { Chunk } from './chunks';

export function eventsIn(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { delivery }) => sum + delivery.eventIds.length, 0);
}

/** A move over deliveries that were just made: none where nothing matched. */
export function moveOver(
  chunks: readonly Chunk[],
  { now, ...stretch }: Pick<Move, 'from' | 'through' | 'revision' | 'lookedAt'> & { now: Date },
): Move {
  const made = chunks[0]?.delivery.createdAt ?? now;
  return {
    ...stretch,
    matched: eventsIn(chunks),
    deliveries: chunks.length,
    madeFrom: made,
    madeThrough: made,
  };
}

/** A move onto the end of a delivery that an earlier try left. */
export function moveOnto(existing: Delivery, from: StreamPosition, lookedAt: number): Move {
  return {
    from,
    through: existing.last,
    revision: existing.revision,
    lookedAt,
    matched: existing.eventIds.length,
    deliveries: 1,
    madeFrom: existing.createdAt,
    madeThrough: existing.createdAt,
  };
}
