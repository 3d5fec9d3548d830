import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../domain/errors';
import type { EventFilter } from '../../domain/filter';
import type { DeliveryFilter, Replay } from '../../domain/replay';
import type { Webhook } from '../../domain/webhook';
import type { Logger } from '../../observe/logger';
import type { DeliveryStore } from '../../store/deliveries';
import type { EventStore } from '../../store/events';
import type { ReplayProgress, ReplayStore } from '../../store/replays';
import type { WebhookStore } from '../../store/webhooks';
import type { CrashHook } from '../crash-points';
import { LeaseKeeper } from '../lease-keeper';
import { cutChunks } from './chunks';
import type { MatchedEvent } from './commit-reader';

export interface ReplayRunnerParts {
  replays: ReplayStore;
  deliveries: DeliveryStore;
  events: EventStore;
  webhooks: WebhookStore;
  /** Tells the workers that a webhook has something to do. */
  hint: (webhookId: string) => Promise<void>;
  now: () => Date;
  crash: CrashHook;
  log: Logger;
  leaseMs: number;
}

type Claimed = Replay & { token: string };

const ASK_EVERY_MS = 500;
const DELIVERIES_A_PAGE = 200;
const EVENTS_A_PAGE = 1_000;
/** A webhook with so many unsettled deliveries is given no more by a replay until it has worked some off. */
const MAX_UNSETTLED = 1_000;
const WAIT_MS = 1_000;

/** Something to be told to the operator, and no reason to try again. */
class Hopeless extends Error {
  override name = 'Hopeless';
}

/**
 * Takes bulk redeliveries through, one at a time: a page of what matches becomes deliveries, then the position is saved.
 * A page that was cut off is made again with the same ids, so that nothing is handed over twice.
 */
export class ReplayRunner {
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly parts: ReplayRunnerParts) {}

  start(): void {
    this.loop = this.run();
  }

  /** Gives back what it works on. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const worked = await this.take().catch((error: unknown) => {
        this.parts.log.warn({ error: messageOf(error) }, 'a replay could not be taken up');
        return false;
      });
      if (!worked) await delay(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined); // Stopping ends the wait.
    }
  }

  /** @returns whether there was one */
  private async take(): Promise<boolean> {
    const { replays, leaseMs, log } = this.parts;
    const replay = await replays.claim(leaseMs);
    if (!replay) return false;
    const { _id: id, token } = replay;
    const lease = new LeaseKeeper({
      renew: () => replays.renew(id, token, leaseMs),
      leaseMs,
      stop: this.stopping.signal,
      log,
    });
    try {
      const waitMs = await this.work(replay, lease.work);
      if (waitMs === null) await replays.end(id, token, 'DONE', null);
      else await replays.release(id, token, waitMs);
    } catch (error) {
      if (error instanceof Hopeless) await replays.end(id, token, 'FAILED', error.message);
      else if (!lease.signal.aborted) {
        log.warn({ replayId: id, error: messageOf(error) }, 'a replay will be taken up again');
        await replays.release(id, token, this.stopping.signal.aborted ? 0 : WAIT_MS);
      }
    } finally {
      lease.stop();
    }
    return true;
  }

  /** @returns null at the end, else how long to wait before it can go on */
  private async work(replay: Claimed, signal: AbortSignal): Promise<number | null> {
    let progress: ReplayProgress = { position: replay.position, sent: replay.sent };
    for (;;) {
      signal.throwIfAborted();
      const page = replay.scope.deliveries
        ? await this.failedPage(replay, replay.scope.deliveries, progress)
        : await this.eventPage(replay, replay.scope.events, progress);
      if (page === 'full') return WAIT_MS;
      if (page === null) return null;
      this.parts.crash('replay-page-made');
      progress = page;
      if (!(await this.parts.replays.advance(replay._id, replay.token, progress))) {
        throw new Error('the replay was cancelled, or is held by somebody else');
      }
    }
  }

  /** Has failed deliveries sent again. */
  private async failedPage(
    replay: Replay,
    filter: DeliveryFilter,
    { position, sent }: ReplayProgress,
  ): Promise<ReplayProgress | 'full' | null> {
    const { deliveries } = this.parts;
    const found = await deliveries.failed(filter, replay, position, DELIVERIES_A_PAGE);
    const last = found.at(-1);
    if (!last) return null;
    const webhookIds = [...new Set(found.map(({ webhookId }) => webhookId))];
    for (const webhookId of webhookIds) if (await this.isFull(webhookId)) return 'full';
    await deliveries.redeliverFailed(
      found.map(({ _id }) => _id),
      replay._id,
    );
    for (const webhookId of webhookIds) await this.wake(webhookId);
    return { position: { value: last.createdAt.getTime(), id: last._id }, sent: sent + found.length };
  }

  /** Makes deliveries of stored events, in the order of their times. */
  private async eventPage(
    { _id: id, webhookId, createdAt }: Replay,
    filter: EventFilter | null,
    { position, sent }: ReplayProgress,
  ): Promise<ReplayProgress | 'full' | null> {
    const webhook = await this.webhook(webhookId);
    if (await this.isFull(webhook._id)) return 'full';
    const order = { field: 'eventTime', descending: false } as const;
    const page = await this.parts.events.page(filter, order, {
      limit: EVENTS_A_PAGE,
      after: position,
    });
    const last = page.items.at(-1);
    if (!last) return null;
    // The place is the same at every try; what came in since the replay was made is heard of by its commit.
    const matched = page.items
      .filter(({ item }) => item.ingestedAt <= createdAt)
      .map(({ item }, index): MatchedEvent => ({ at: { n: 0, pos: sent + index + 1 }, event: item }));
    const idOf = ({ event }: MatchedEvent): string => replayDeliveryId(webhook._id, id, event._id);
    const { chunks } = cutChunks(webhook, matched, true, this.parts.now(), idOf);
    if (chunks.length > 0) {
      await this.parts.deliveries.insertMissing(chunks.map(({ delivery }) => delivery));
      await this.wake(webhook._id);
    }
    return { position: { value: Number(last.key.value), id: last.key.id }, sent: sent + matched.length };
  }

  private async webhook(id: string | null): Promise<Webhook> {
    const webhook = id === null ? null : await this.parts.webhooks.get(id);
    if (!webhook) throw new Hopeless('the webhook was deleted');
    return webhook;
  }

  private async isFull(webhookId: string): Promise<boolean> {
    return (await this.parts.deliveries.pendingCount(webhookId, MAX_UNSETTLED)) >= MAX_UNSETTLED;
  }

  private async wake(webhookId: string): Promise<void> {
    await this.parts.webhooks.touch(webhookId);
    await this.parts.hint(webhookId);
  }
}

/** The `webhook-id` of a chunk of a replay: its own, so that the receiver takes it for no repetition. */
function replayDeliveryId(webhookId: string, replayId: string, firstEventId: string): string {
  const text = `${webhookId}/${replayId}/${firstEventId}`;
  return `dlv_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}
