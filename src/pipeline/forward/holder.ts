import type { StreamPosition } from '../../domain/commit';
import { messageOf } from '../../domain/errors';
import { breakerChange, webhookDisabled } from '../../domain/operational-event';
import type { Slots } from '../../domain/slots';
import { type Delivery, standingOf, type Webhook } from '../../domain/webhook';
import { type Move, tallied } from '../../domain/webhook-tally';
import type { Logger } from '../../observe/logger';
import type { CommitStore } from '../../store/commits';
import type { DeliveryStore } from '../../store/deliveries';
import type { EventStore } from '../../store/events';
import type { WebhookLeases } from '../../store/webhook-leases';
import type { WebhookStore } from '../../store/webhooks';
import { LeaseKeeper } from '../lease-keeper';
import type { RecentSlices } from '../recent-slices';
import { type Chunk, cutChunks } from './chunks';
import { CommitReader, type FoundEvent } from './commit-reader';
import { DueChunks } from './due-chunks';
import { whyHopeless } from './hopeless';
import { eventsIn, moveOnto, moveOver } from './moves';
import { Pace } from './pace';
import { Sender, type SenderParts, type SendSummary } from './sender';
import { lookedAtBetween } from './stretch';

export interface HolderParts extends Omit<SenderParts, 'atTheStore'> {
  /** Taken while a webhook that is not known to answer has something read or written. */
  storeSlots: Slots;
  webhooks: WebhookStore;
  webhookLeases: WebhookLeases;
  deliveries: DeliveryStore;
  commits: CommitStore;
  events: EventStore;
  recent: RecentSlices;
  /** Resolves when something is committed beyond n, or after `ms`. */
  newCommit: (n: number, ms: number, signal: AbortSignal) => Promise<void>;
  log: Logger;
  leaseMs: number;
}

/** Beyond so many unsettled deliveries the position waits. */
const MAX_UNSETTLED = 1_000;
/** Events wait so long for others to fill a batch, and a holder without work for so long for more. */
const LINGER_MS = 1_000;

type Claimed = Webhook & { token: string };

/**
 * Holds one webhook: reads on from its position, makes deliveries, sends them, and lets go when nothing is left.
 *
 * The order is what keeps every event: deliveries are inserted, then the position moves, then they are sent. A holder
 * that dies in between leaves deliveries that the next one finds: by their id when it cuts the same chunk again, or by
 * their due time.
 */
export class Holder {
  private readonly reader: CommitReader;
  private readonly due: DueChunks;
  private webhook: Claimed;
  /** Matched, but not yet in a delivery; the position stays before them. */
  private pending: FoundEvent[] = [];
  private readThrough: StreamPosition;
  /** Where this holder began to read or has moved the position to; the webhook's may have been changed by hand. */
  private movedTo: StreamPosition;
  /** Events looked at since reading last began anew, up to where it is read, and up to where the position is. */
  private lookedAt = { read: 0, moved: 0 };
  private firstPendingAt = 0;
  private pace: Pace;
  /** When the first delivery of an ordered webhook is due, where that is what all wait for. */
  private blockedUntil: Date | null = null;

  constructor(
    private readonly parts: HolderParts,
    webhook: Claimed,
  ) {
    this.webhook = webhook;
    this.readThrough = webhook.position;
    this.movedTo = webhook.position;
    this.reader = new CommitReader(parts.commits, parts.events, parts.recent);
    this.due = new DueChunks(parts);
    this.pace = this.newPace();
  }

  async run(stop: AbortSignal): Promise<void> {
    const { webhookLeases, leaseMs, log } = this.parts;
    const { _id: id, token } = this.webhook;
    const lease = new LeaseKeeper({
      renew: () => webhookLeases.renew(id, token, leaseMs),
      leaseMs,
      stop,
      log,
    });
    try {
      while (!lease.work.aborted && (await this.pass(lease)));
    } catch (error) {
      if (!lease.work.aborted)
        log.warn(
          { webhookId: id, error: messageOf(error) },
          'a webhook could not be served; it will be tried again',
        );
    } finally {
      lease.stop();
      if (!lease.signal.aborted) await this.atTheStore(() => this.release());
    }
  }

  /** One round of reading and sending. @returns whether to go on */
  private async pass(lease: LeaseKeeper): Promise<boolean> {
    const current = await this.atTheStore(() => this.parts.webhooks.get(this.webhook._id));
    if (current?.state !== 'ACTIVE' || current.token !== this.webhook.token) return false;
    const changed = current.revision !== this.webhook.revision;
    this.webhook = { ...current, token: this.webhook.token };
    if (changed) {
      this.rewind(current.position);
      this.pace = this.newPace();
    }
    const chunks = await this.atTheStore(() => this.nextChunks());
    if (chunks.length > 0) return this.send(chunks, lease);
    if (this.blockedUntil) return false;
    await this.parts.newCommit(
      this.readThrough.n,
      this.pending.length > 0 ? this.lingerLeft() : LINGER_MS,
      lease.work,
    );
    return this.pending.length > 0 || (await this.parts.commits.head()) > this.readThrough.n;
  }

  /** Reads or writes, when it is this webhook's turn: those that answer do not wait behind those that may not. */
  private readonly atTheStore = async <T>(work: () => Promise<T>): Promise<T> => {
    if (standingOf(this.webhook) === 'proven') return work();
    const { storeSlots } = this.parts;
    await storeSlots.acquire();
    try {
      return await work();
    } finally {
      storeSlots.release();
    }
  };

  /** A changed filter or batchSize holds from the position on. */
  private rewind(position: StreamPosition): void {
    this.pending = [];
    this.readThrough = position;
    this.movedTo = position;
    this.lookedAt = { read: 0, moved: 0 };
  }

  private newPace(): Pace {
    return new Pace(this.webhook.maxPerSecond, () => this.parts.now().getTime());
  }

  /** What is to be sent now. */
  private async nextChunks(): Promise<Chunk[]> {
    const { webhook, due } = this;
    const waiting = webhook.ordered ? [] : await due.next(webhook._id);
    const fresh = await this.readOn();
    if (!webhook.ordered) return [...waiting, ...fresh];
    const { chunks, blockedUntil } = await due.inOrder(webhook._id);
    this.blockedUntil = blockedUntil;
    return chunks;
  }

  private lingerLeft(): number {
    return Math.max(0, this.firstPendingAt + LINGER_MS - performance.now());
  }

  /** Reads the commits, inserts what is to be sent, and moves the position. */
  private async readOn(): Promise<Chunk[]> {
    const { deliveries, log } = this.parts;
    const { _id: webhookId } = this.webhook;
    if ((await deliveries.pendingCount(webhookId, MAX_UNSETTLED)) >= MAX_UNSETTLED) return [];
    const read = await this.reader.read(this.webhook, this.readThrough);
    if (read.missed > 0)
      log.warn(
        { webhookId, commits: read.missed },
        'a webhook fell behind retention: events were removed before it heard of them',
      );
    if (this.pending.length === 0) this.firstPendingAt = performance.now();
    for (const found of read.matched)
      this.pending.push({ ...found, lookedAt: this.lookedAt.read + found.lookedAt });
    this.lookedAt.read += read.lookedAt;
    this.readThrough = read.through;
    const flush = this.webhook.batchSize === 1 || (!read.more && this.lingerLeft() === 0);
    const { chunks, used } = cutChunks(this.webhook, this.pending, flush, this.parts.now());
    if (chunks.length === 0) {
      if (this.pending.length === 0)
        await this.move([this.moveOver([], this.readThrough, this.lookedAt.read)]);
      return [];
    }
    this.parts.crash('events-matched');
    return this.insert(chunks, used);
  }

  private async insert(chunks: Chunk[], used: number): Promise<Chunk[]> {
    const { inserted, existing } = await this.parts.deliveries.insertInOrder(
      chunks.map((chunk) => chunk.delivery),
    );
    this.parts.crash('deliveries-inserted');
    if (existing) {
      // An earlier try cut this chunk: it stands as it is, and reading goes on after its end, not after ours.
      const made = chunks.slice(0, inserted);
      await this.moveOnto(made, existing);
      this.rewind(existing.last);
      return made;
    }
    const move =
      used === this.pending.length
        ? this.moveOver(chunks, this.readThrough, this.lookedAt.read)
        : this.moveOver(chunks, chunks.at(-1)!.delivery.last, this.pending[used - 1]!.lookedAt);
    this.pending.splice(0, used);
    this.firstPendingAt = performance.now();
    await this.move([move]);
    return chunks;
  }

  /** The move over chunks that were cut off the front of what is pending, which hold all that matched up to there. */
  private moveOver(chunks: readonly Chunk[], through: StreamPosition, lookedAt: number): Move {
    const { movedTo: from, webhook } = this;
    return moveOver(chunks, {
      from,
      through,
      revision: webhook.revision,
      lookedAt: lookedAt - this.lookedAt.moved,
      now: this.parts.now(),
    });
  }

  /** Over what was made now, and on over a delivery that an earlier try left, maybe at an earlier revision. */
  private async moveOnto(made: readonly Chunk[], existing: Delivery): Promise<void> {
    const last = made.at(-1)?.delivery.last;
    const over = last ? [this.moveOver(made, last, this.pending[eventsIn(made) - 1]!.lookedAt)] : [];
    const from = last ?? this.movedTo;
    const lookedAt = await lookedAtBetween(this.parts, this.webhook, from, existing.last);
    await this.move([...over, moveOnto(existing, from, lookedAt)]);
  }

  /** Moves the position, with what was made of the events on the way. */
  private async move(moves: readonly Move[]): Promise<void> {
    const position = moves.at(-1)!.through;
    if (position.n === this.movedTo.n && position.pos === this.movedTo.pos) return;
    const { tally, closed } = tallied(this.webhook, moves);
    const { _id: id, token } = this.webhook;
    if (!(await this.parts.webhookLeases.move(id, token, { position, tally, closed })))
      throw new Error('the webhook is held by somebody else');
    this.webhook = { ...this.webhook, position, tally };
    this.movedTo = position;
    this.lookedAt.moved += moves.reduce((sum, move) => sum + move.lookedAt, 0);
    this.parts.crash('position-moved');
  }

  private async send(chunks: Chunk[], lease: LeaseKeeper): Promise<boolean> {
    const { webhookLeases } = this.parts;
    const sender = new Sender({ ...this.parts, atTheStore: this.atTheStore }, this.webhook, this.pace);
    const summary = await sender.send(chunks, lease.work, lease.signal);
    const { consecutiveFailures, failingSince, proxyOutSince, breaker, latencies } = summary;
    const heldUntil = this.heldUntil(summary);
    const changed = breakerChange(this.webhook.breaker, breaker, this.parts.now());
    const marks = { consecutiveFailures, failingSince, proxyOutSince, breaker, heldUntil, latencies };
    const asItStands = await this.atTheStore(() => webhookLeases.mark(this.webhook, marks, changed));
    if (changed) this.parts.crash('operational-event-kept');
    this.parts.crash('receiver-marked');
    // Changed while it was sent to: the next pass reads it.
    if (!asItStands) return true;
    const hopeless = whyHopeless(this.webhook, summary, this.parts.now());
    if (hopeless === null) return summary.holdMs === null && !newlyFailing(this.webhook, summary);
    await webhookLeases.disable(this.webhook._id, webhookDisabled(hopeless, summary, this.parts.now()));
    this.parts.crash('operational-event-kept');
    return false;
  }

  private heldUntil({ holdMs }: SendSummary): Date | null {
    return holdMs === null ? null : new Date(this.parts.now().getTime() + holdMs);
  }

  private async release(): Promise<void> {
    const { webhookLeases, deliveries, now, log } = this.parts;
    try {
      const next = this.blockedUntil ?? (await deliveries.nextDueAt(this.webhook._id));
      const inMs = (at: Date): number => at.getTime() - now().getTime();
      const heldMs = Math.max(this.pace.waitMs, this.blockedUntil ? inMs(this.blockedUntil) : 0);
      await webhookLeases.release(this.webhook._id, this.webhook.token, {
        nextDueInMs: next ? inMs(next) : null,
        ...(heldMs > 0 ? { heldMs } : {}),
      });
    } catch (error) {
      log.warn(
        { webhookId: this.webhook._id, error: messageOf(error) },
        'a webhook could not be let go of; its lease runs out',
      );
    }
  }
}

/** One that never answered, and fails, goes on among those that fail. */
function newlyFailing(before: Webhook, { consecutiveFailures }: SendSummary): boolean {
  return standingOf(before) === 'untried' && consecutiveFailures > 0;
}
