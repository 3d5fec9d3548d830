import type { StreamPosition } from '../../domain/commit';
import { isAfter } from '../../domain/commit';
import { matcher } from '../../domain/matcher';
import type { Webhook } from '../../domain/webhook';
import type { Tally } from '../../domain/webhook-tally';
import type { Logger } from '../../observe/logger';
import type { Metrics } from '../../observe/metrics';
import type { DeliveredEvents } from '../../store/delivered-events';
import type { KeptTally, TallyStore } from '../../store/tallies';
import type { WebhookStore } from '../../store/webhooks';
import { WHOLE_COMMIT } from './commit-reader';
import { readStretch, type StretchStores } from './stretch';

export interface DeliveryProofParts extends StretchStores {
  webhooks: WebhookStore;
  delivered: DeliveredEvents;
  tallies: TallyStore;
  metrics: Metrics;
  now: () => Date;
  log: Logger;
}

const PASS_EVERY_MS = 2_000;
const WEBHOOKS_A_PASS = 200;
const CHECKS_A_PASS = 20;
/** Deliveries' events that a pass counts, at most one tally more. */
const COUNTED_A_PASS = 8_000;
/** Events that a pass reads again, at most one window more. */
const READ_A_PASS = 2_000;
/** Of a longer stretch, a window of so many commits is read again. */
const WINDOW_COMMITS = 4;
/** A hole is read so far; of what lies beyond, every event counts. */
const HOLE_COMMITS = 64;
const AGAIN_MS = 6 * 3_600_000;
/** While events are missing: somebody may be sending them. */
const AGAIN_WHILE_MISSING_MS = 60_000;
/** Deliveries go 30 days after they were settled; nothing is held against one that may be gone. */
const PROVABLE_MS = 28 * 24 * 3_600_000;

/** What may still be spent in a pass. */
interface Budget {
  counted: number;
  read: number;
}

/**
 * Proves that nothing was left out: holds what each webhook says it made of the stream against the deliveries that
 * stand, and, stretch by stretch as far as a pass may go, against the events themselves. Run by whoever holds the
 * sweeper's lease. How far it has come stands in the database.
 */
export class DeliveryProof {
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: DeliveryProofParts) {}

  /** One bounded pass, unless there was one within the last 2 s. */
  async pass(): Promise<void> {
    const now = performance.now();
    if (now - this.lookedAt < PASS_EVERY_MS) return;
    this.lookedAt = now;
    await this.parts.tallies.fetch(WEBHOOKS_A_PASS);
    await this.check();
    await this.tell();
  }

  /** Somebody else proves from now on. */
  rest(): void {
    this.lookedAt = Number.NEGATIVE_INFINITY;
    this.parts.metrics.deliveryGap(0);
  }

  private async check(): Promise<void> {
    const { tallies, webhooks, log } = this.parts;
    const due = await tallies.due(CHECKS_A_PASS);
    const known = new Map(
      (await webhooks.many(due.map(({ webhookId }) => webhookId))).map((w) => [w._id, w]),
    );
    const budget: Budget = { counted: COUNTED_A_PASS, read: READ_A_PASS };
    for (const tally of due) {
      if (budget.counted <= 0) return;
      const webhook = known.get(tally.webhookId);
      if (!webhook) {
        await tallies.drop(tally._id);
        continue;
      }
      const missing = await this.missing(webhook, tally, budget);
      if (missing > 0 && missing !== tally.missing) {
        const { webhookId, from, through, position, revision } = tally;
        log.error(
          { webhookId, from, through: position ?? through, revision, missing },
          'events are not accounted for: they matched a webhook and stand in none of its deliveries; replayEvents sends them',
        );
      }
      await tallies.checked(tally, missing, missing > 0 ? AGAIN_WHILE_MISSING_MS : AGAIN_MS);
    }
  }

  private async tell(): Promise<void> {
    const { tallies, webhooks, metrics } = this.parts;
    const missing = await tallies.missing();
    const there = await webhooks.many([...missing.keys()]);
    metrics.deliveryGap(there.reduce((sum, { _id }) => sum + missing.get(_id)!, 0));
  }

  private async missing(webhook: Webhook, tally: KeptTally, budget: Budget): Promise<number> {
    if (tally.madeFrom.getTime() < this.parts.now().getTime() - PROVABLE_MS) return 0;
    const { from, through, after, position } = tally;
    const before = after && isAfter(from, after) ? await this.hole(webhook, tally, after, from) : 0;
    const beyond =
      position && isAfter(position, through) ? await this.hole(webhook, tally, through, position) : 0;
    return before + beyond + (await this.unproven(webhook, tally, budget));
  }

  /** Events of the stretch that matched and are in no delivery, or of which nobody knows whether they matched. */
  private async unproven(webhook: Webhook, tally: KeptTally, budget: Budget): Promise<number> {
    const found = await this.parts.delivered.eventsOf(webhook._id, tally);
    budget.counted -= tally.matched + 1;
    const short = Math.max(0, tally.matched - found);
    if (webhook.revision !== tally.revision) return short;
    if (short === 0 && budget.read <= 0) return 0;
    const whole = tally.through.n - tally.from.n < (short > 0 ? HOLE_COMMITS : WINDOW_COMMITS);
    const window = whole ? tally : randomWindow(tally);
    const again = await this.readAgain(webhook, tally, window.from, window.through);
    budget.read -= again.lookedAt;
    if (!whole) return Math.max(short, again.missing);
    // Something was looked at less, or more, than there is: then what matched is not known either.
    const uncounted = again.complete ? Math.abs(again.lookedAt - tally.lookedAt) : 0;
    return Math.max(again.complete ? 0 : short, again.missing, uncounted);
  }

  /** Events that the position was moved over by somebody who looked at none, and that stand in no delivery. */
  private async hole(
    webhook: Webhook,
    made: Tally,
    from: StreamPosition,
    through: StreamPosition,
  ): Promise<number> {
    const end = from.n + HOLE_COMMITS;
    if (through.n <= end) return (await this.readAgain(webhook, made, from, through)).missing;
    const cut = { n: end, pos: WHOLE_COMMIT };
    const { missing } = await this.readAgain(webhook, made, from, cut);
    return missing + (await this.parts.commits.storedBetween(end, through.n));
  }

  /** Holds a stretch against the filter as it stands, and what matches against the deliveries. */
  private async readAgain(
    webhook: Webhook,
    made: Tally,
    from: StreamPosition,
    through: StreamPosition,
  ): Promise<{ lookedAt: number; missing: number; complete: boolean }> {
    const matches = matcher(webhook.filter);
    const read = { lookedAt: 0, missing: 0, complete: true };
    for await (const { events, complete } of readStretch(this.parts, webhook, from, through)) {
      const ids = events.filter(matches).map(({ _id }) => _id);
      read.lookedAt += events.length;
      read.complete &&= complete;
      read.missing += (await this.parts.delivered.withoutDelivery(webhook._id, ids, made)).length;
    }
    // Retention removes the oldest first; it may have done so just now.
    const oldest = await this.parts.commits.oldest();
    read.complete &&= oldest !== null && oldest <= from.n + 1;
    return read;
  }
}

function randomWindow({ from, through }: Tally): Pick<Tally, 'from' | 'through'> {
  const first = from.n + Math.floor(Math.random() * (through.n - from.n - WINDOW_COMMITS + 1));
  const last = first + WINDOW_COMMITS;
  return {
    from: first === from.n ? from : { n: first, pos: WHOLE_COMMIT },
    through: last === through.n ? through : { n: last, pos: WHOLE_COMMIT },
  };
}
