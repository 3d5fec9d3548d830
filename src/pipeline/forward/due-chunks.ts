import type { Delivery } from '../../domain/webhook';
import type { DeliveryStore } from '../../store/deliveries';
import type { EventStore } from '../../store/events';
import { bodyEvent, type Chunk } from './chunks';
import { testEvent } from './test-event';

const AT_A_TIME = 64;
const EVERY_MS = 1_000;

/** Finds the deliveries of one webhook that stand already and wait for an attempt, with their events. */
export class DueChunks {
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: { deliveries: DeliveryStore; events: EventStore; now: () => Date }) {}

  /** Those that are due: retries, and what an earlier holder left. Asked for once a second while few are. */
  async next(webhookId: string): Promise<Chunk[]> {
    if (performance.now() - this.askedAt < EVERY_MS) return [];
    const due = await this.parts.deliveries.due(webhookId, AT_A_TIME);
    // Where there were as many as were asked for, there are more.
    if (due.length < AT_A_TIME) this.askedAt = performance.now();
    return this.chunksOf(due);
  }

  /** The pending ones in the order of the stream, as far as they are due; when the first one is, where it is not. */
  async inOrder(webhookId: string): Promise<{ chunks: Chunk[]; blockedUntil: Date | null }> {
    const pending = await this.parts.deliveries.inOrder(webhookId, AT_A_TIME);
    const now = this.parts.now();
    const waiting = pending.findIndex(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt > now);
    return {
      chunks: await this.chunksOf(waiting === -1 ? pending : pending.slice(0, waiting)),
      blockedUntil: waiting === 0 ? (pending[0]?.nextAttemptAt ?? null) : null,
    };
  }

  /** Those whose events retention has removed are ended. */
  private async chunksOf(deliveries: Delivery[]): Promise<Chunk[]> {
    const ids = [...new Set(deliveries.flatMap((delivery) => delivery.eventIds))];
    const events = ids.length > 0 ? await this.parts.events.byIds(ids) : [];
    const bodies = new Map(events.map((event) => [event._id, bodyEvent({ event })]));
    const chunks: Chunk[] = [];
    for (const delivery of deliveries) {
      const found = delivery.eventIds.flatMap((id) => bodies.get(id) ?? []);
      // A body that lacks an event would be another one under the same webhook-id.
      if (found.length < delivery.eventIds.length) await this.parts.deliveries.expire(delivery._id);
      else chunks.push({ delivery, events: delivery.test ? [bodyEvent({ event: testEvent() })] : found });
    }
    return chunks;
  }
}
