import { isDeepStrictEqual } from 'node:util';
import { HEALTH_STATUSES, type HealthStatus, type Source, type SourceKind } from '../domain/source';
import { healthOf, lagOf, type SourceConcern, silenceOf } from '../domain/source-health';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { SourceBatches } from '../store/source-batches';
import type { SourceStore } from '../store/sources';

export interface SourceWatchParts {
  sources: SourceStore;
  batches: SourceBatches;
  metrics: Metrics;
  now: () => Date;
  log: Logger;
}

const LOOK_EVERY_MS = 30_000;
/** Batches that could not be read are told of for so long. */
const UNREAD_FOR_MS = 3_600_000;

type Unread = Map<string, { count: number; error: string; at: Date }>;

/**
 * Looks after all sources at a slow pace: finds those whose batches can't be read and those that are silent for longer
 * than usual, and counts them for the metrics. Run by whoever holds the sweeper's lease.
 */
export class SourceWatch {
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: SourceWatchParts) {}

  /** Looks, unless it did within the last 30 s. */
  async pass(): Promise<void> {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    await this.look();
  }

  /** One look at every active source: three queries, however many there are. */
  async look(): Promise<void> {
    const { sources, batches, metrics, now } = this.parts;
    const at = now();
    const unread = await batches.unread(new Date(at.getTime() - UNREAD_FOR_MS));
    const unsettled = await batches.oldestUnsettled();
    const healths = new Map<HealthStatus, number>(HEALTH_STATUSES.map((status) => [status, 0]));
    const lags = new Map<SourceKind, number>();
    for await (const source of sources.active()) {
      const concern = concernOf(source, unread, at);
      await this.note(source, concern);
      const { health } = healthOf({ ...source, concern }, source.counters.received, at);
      healths.set(health, healths.get(health)! + 1);
      const lag = (lagOf(source, unsettled.get(source._id) ?? null, at).lagMs ?? 0) / 1_000;
      lags.set(source.kind, Math.max(lag, lags.get(source.kind) ?? 0));
    }
    metrics.sources(healths, lags);
  }

  /** Somebody else watches from now on. */
  rest(): void {
    this.lookedAt = Number.NEGATIVE_INFINITY;
    this.parts.metrics.sources(new Map(), new Map());
  }

  private async note(source: Source, concern: SourceConcern | null): Promise<void> {
    const before = source.concern ?? null;
    // While a silence lasts it is the same one, although what is usual may be known better now.
    const same =
      before?.kind === 'silence' && concern?.kind === 'silence'
        ? before.since.getTime() === concern.since.getTime()
        : isDeepStrictEqual(before, concern);
    if (same) return;
    await this.parts.sources.setConcern(source._id, concern);
    const { _id: sourceId, kind } = source;
    if (concern) this.parts.log.warn({ sourceId, kind, concern }, 'a source needs a look');
    else this.parts.log.info({ sourceId, kind }, 'a source is well again');
  }
}

function concernOf(source: Source, unread: Unread, now: Date): SourceConcern | null {
  const found = unread.get(source._id);
  if (found) return { kind: 'batches', ...found };
  return silenceOf(source, now);
}
