import type { Metrics } from '../observe/metrics';
import type { DueDeliveries } from '../store/due-deliveries';

const LOOK_EVERY_MS = 10_000;

/** Looks at a slow pace how much waits to be sent, for the metrics. Run by whoever holds the sweeper's lease. */
export class WebhookWatch {
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly deliveries: DueDeliveries,
    private readonly metrics: Metrics,
  ) {}

  /** Looks, unless it did within the last 10 s. */
  async pass(): Promise<void> {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    await this.look();
  }

  async look(): Promise<void> {
    this.metrics.deliveries(await this.deliveries.pending(), await this.deliveries.oldestDueSeconds());
  }

  /** Somebody else watches from now on. */
  rest(): void {
    this.lookedAt = Number.NEGATIVE_INFINITY;
    this.metrics.deliveries(0, 0);
  }
}
