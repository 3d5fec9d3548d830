import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseAway } from '../domain/database-away';
import { messageOf, Permanent, Retryable } from '../domain/errors';
import type { FetchNote } from '../domain/fetched';
import type { Source, SourceHealth, SourceKind } from '../domain/source';
import type { Logger } from '../observe/logger';
import type { BatchStore } from '../store/batches';
import type { CheckpointStore } from '../store/checkpoints';
import type { SourceBatches } from '../store/source-batches';
import type { SourceStore } from '../store/sources';
import type { CrashHook } from './crash-points';
import { LeaseKeeper } from './lease-keeper';
import type { SourceClient } from './source-client';

export interface FetcherParts {
  sources: SourceStore;
  batches: BatchStore;
  sourceBatches: SourceBatches;
  checkpoints: CheckpointStore;
  clients: Partial<Record<SourceKind, SourceClient>>;
  /** Tells the workers of new batches. */
  hint: (batchIds: string[]) => Promise<void>;
  now: () => Date;
  crash: CrashHook;
  log: Logger;
  leaseMs: number;
  /** Unsettled batches of a source, from which on it is not read further; 10,000. */
  mostUnsettled?: number;
}

/**
 * What waits is asked for and counted all the time, so a bucket of years must not stand in the ledger whole. It is some
 * minutes of work for a few workers.
 */
const MOST_UNSETTLED = 10_000;
const LOOK_AGAIN_MS = 1_000;

/** A source that fails is asked again after its interval, but no sooner and no later than this. */
const RETRY_FAILING_MIN_MS = 5_000;
const RETRY_FAILING_MS = 60_000;

type Claimed = Source & { token: string };

/** Asks a source for what is new and writes it into the ledger. */
export class Fetcher {
  constructor(private readonly parts: FetcherParts) {}

  /** Fetches from a source if it is due and nobody else does; gives it back where `stop` aborts. */
  async run(sourceId: string, stop: AbortSignal): Promise<void> {
    const { sources, leaseMs, log } = this.parts;
    const source = await sources.claim(sourceId, leaseMs);
    if (!source) return;
    const client = this.parts.clients[source.kind];
    if (!client) {
      log.error({ sourceId, kind: source.kind }, 'no client for this kind of source');
      return;
    }
    const lease = new LeaseKeeper({
      renew: () => sources.renew(source._id, source.token, leaseMs),
      leaseMs,
      stop,
      log,
    });
    try {
      const note = await this.fetch(source, client, lease.work);
      await sources.finish(
        source._id,
        source.token,
        success(note, this.parts.now()),
        client.pollIntervalMs(source),
      );
    } catch (error) {
      if (lease.signal.aborted) return;
      if (stop.aborted) {
        await sources.finish(source._id, source.token, {}, 0);
        return;
      }
      log.warn(
        { sourceId: source._id, kind: source.kind, error: messageOf(error) },
        'a source could not be read',
      );
      if (isDatabaseAway(error)) {
        // The source is not at fault.
        await sources.finish(source._id, source.token, {}, RETRY_FAILING_MIN_MS);
        return;
      }
      const againMs = Math.min(
        Math.max(client.pollIntervalMs(source), RETRY_FAILING_MIN_MS),
        RETRY_FAILING_MS,
      );
      await sources.finish(source._id, source.token, failure(error, this.parts.now()), againMs);
    } finally {
      lease.stop();
    }
  }

  private async fetch(source: Claimed, client: SourceClient, signal: AbortSignal): Promise<FetchNote | null> {
    const { batches, sourceBatches, checkpoints, sources, leaseMs, hint } = this.parts;
    const pages = client.fetch({
      source,
      checkpoint: (partition) => checkpoints.get(source._id, source.epoch, partition),
      unsettled: (partition) => sourceBatches.unsettled(source._id, partition),
      now: this.parts.now(),
      signal,
    });
    let sinceCounted = 0;
    try {
      for (;;) {
        const page = await pages.next();
        if (page.done) return page.value;
        signal.throwIfAborted();
        this.parts.crash('page-fetched');
        // What is taken from a queue is taken from others: not for a source that was paused or deleted meanwhile.
        if (page.value.kept && !(await sources.renew(source._id, source.token, leaseMs))) return null;
        const known = await batches.known(page.value.batches.map((batch) => batch._id));
        const added = await batches.add(page.value.batches.filter((batch) => !known.has(batch._id)));
        this.parts.crash('page-in-ledger');
        const { checkpoint } = page.value;
        if (checkpoint)
          await checkpoints.set(source._id, source.epoch, checkpoint.partition, checkpoint.cursor);
        await page.value.kept?.();
        await hint(added);
        sinceCounted += added.length;
        if (sinceCounted >= this.mostUnsettled / 10) {
          await this.waitForRoom(source._id, signal);
          sinceCounted = 0;
        }
      }
    } finally {
      await pages.return(null); // A client holds what it fetched until it is told that nobody asks for more.
    }
  }

  private get mostUnsettled(): number {
    return this.parts.mostUnsettled ?? MOST_UNSETTLED;
  }

  /** Where too much of the source is unsettled, waits until half of it is done. @throws the signal's reason */
  private async waitForRoom(sourceId: string, signal: AbortSignal): Promise<void> {
    const most = this.mostUnsettled;
    const { sourceBatches } = this.parts;
    if ((await sourceBatches.unsettledLive(sourceId, most)) < most) return;
    while ((await sourceBatches.unsettledLive(sourceId, most)) > most / 2)
      await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function success(note: FetchNote | null, now: Date): Partial<SourceHealth> {
  return note
    ? {
        health: 'DEGRADED',
        lastError: note.warning,
        lastErrorAt: now,
        remedy: note.remedy,
        lastSuccessAt: now,
      }
    : { health: 'HEALTHY', lastError: null, remedy: null, lastSuccessAt: now };
}

function failure(error: unknown, now: Date): Partial<SourceHealth> {
  const remedy =
    error instanceof Retryable || error instanceof Permanent ? (error.options.remedy ?? null) : null;
  return { health: 'FAILING', lastError: messageOf(error), lastErrorAt: now, remedy };
}
