import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptRequest, AttemptResult } from '../../delivery/attempt';
import { webhookBody } from '../../delivery/body';
import { afterAttempt, type Breaker, isOpen, isProbing } from '../../domain/breaker';
import { masked } from '../../domain/mask';
import { type Delivery, type Standing, standingOf, type Webhook } from '../../domain/webhook';
import type { Logger } from '../../observe/logger';
import type { Metrics } from '../../observe/metrics';
import type { AttemptOutcome, DeliveryStore } from '../../store/deliveries';
import { Coalescer } from '../coalescer';
import type { CrashHook } from '../crash-points';
import { tellAttempt } from './attempt-line';
import type { Chunk } from './chunks';
import { outcomeOf } from './outcome';
import type { Pace } from './pace';

/** What a webhook's secrets look like once opened. */
export interface OpenedSecrets {
  /** The one that stands, and those that are rotated out and still sign. */
  secrets: Buffer[];
  /** An ed25519 private key, PKCS#8 DER; null where it has none. */
  signingKey: Buffer | null;
  headers: Record<string, string>;
}

export interface SenderParts {
  deliveries: DeliveryStore;
  /** Does what reads or writes there, when it is this webhook's turn. */
  atTheStore: <T>(work: () => Promise<T>) => Promise<T>;
  open: (webhook: Webhook) => OpenedSecrets;
  attempt: (request: AttemptRequest, signal: AbortSignal) => Promise<AttemptResult>;
  /** Milliseconds for which the way out to this URL is closed (the operator's proxy is down); 0: it is open. */
  closedForMs: (url: URL) => number;
  now: () => Date;
  userAgent: string;
  metrics: Metrics;
  log: Logger;
  crash: CrashHook;
}

/** What sending showed of the receiver. */
export interface SendSummary {
  consecutiveFailures: number;
  failingSince: Date | null;
  proxyOutSince: Date | null;
  breaker: Breaker;
  /** Nothing is sent for so long: the receiver asked for it, the breaker is open, or the rate is used up. */
  holdMs: number | null;
  /** Milliseconds of the attempts that were answered. */
  latencies: number[];
  /** 410: it wants nothing any more. */
  gone: boolean;
}

const IN_FLIGHT = 4;
const IN_FLIGHT_WHILE_FAILING = 1;
/** Written as begun at a time, where the receiver is quick: a round trip to the database for many. */
const BEGUN_AT_A_WRITE = 64;
/** With so few left that are begun, the next ones are written as begun. */
const AHEAD = 32;
/** Outcomes are gathered for a write, and so many may be unwritten: they would be sent again after a kill. */
const GATHERING = { ms: 20, items: 16 };
const MOST_UNWRITTEN = 48;
/** A receiver that answers within this is worth it. */
const QUICK_MS = 500;
/** After a failure: receivers that refuse at once, and many at a time, must not keep us from those that answer. */
const PAUSE_MS = 100;
/** A turn that is further away is not waited for: the webhook is let go of until then. */
const WAIT_FOR_TURN_MS = 1_000;
/** Beyond the attempt's own deadline: until then nobody else sends the same delivery. */
const CLAIM_MARGIN_MS = 15_000;

/**
 * Sends deliveries of one webhook: at most four at a time, one while it fails or wants them in order, each attempt
 * written before and after.
 */
export class Sender {
  /** Written as begun, and not taken by a lane yet. */
  private begun: Chunk[] = [];
  private beginning: Promise<void> | null = null;
  /** Outcomes that are being written. */
  private readonly settling = new Set<Promise<void>>();
  private failedWrite: unknown = null;
  private readonly finished: Coalescer<AttemptOutcome>;
  private readonly opened: OpenedSecrets;
  private readonly standing: Standing;
  private summary: SendSummary;

  constructor(
    private readonly parts: SenderParts,
    private readonly webhook: Webhook,
    private readonly pace: Pace,
  ) {
    const finish = (outcomes: AttemptOutcome[]): Promise<void> =>
      parts.atTheStore(() => parts.deliveries.finish(outcomes));
    this.finished = webhook.ordered ? new Coalescer(finish) : new Coalescer(finish, GATHERING);
    this.opened = parts.open(webhook);
    this.standing = standingOf(webhook);
    const { consecutiveFailures, failingSince, proxyOutSince, breaker } = webhook;
    const begin = { consecutiveFailures, failingSince, proxyOutSince, breaker };
    this.summary = { ...begin, holdMs: null, latencies: [], gone: false };
  }

  /**
   * Sends all of them once, unless the receiver asks for a pause, the breaker opens, one of an ordered webhook fails or
   * `work` aborts: then what is in flight still ends.
   * @param lost ends what is in flight as well
   */
  async send(chunks: Chunk[], work: AbortSignal, lost: AbortSignal): Promise<SendSummary> {
    const queue = [...chunks];
    const careful = this.webhook.ordered || this.standing === 'failing';
    const lanes =
      careful || isProbing(this.summary.breaker, this.parts.now()) ? IN_FLIGHT_WHILE_FAILING : IN_FLIGHT;
    const ended = await Promise.allSettled(
      Array.from({ length: Math.min(lanes, queue.length) }, () => this.lane(queue, work, lost)),
    );
    this.finished.flush();
    await Promise.all([this.beginning, ...this.settling]);
    const left = this.begun.map(({ delivery }) => delivery._id);
    // Where the lease is lost, somebody else may be sending them.
    if (left.length > 0 && !lost.aborted) await this.parts.deliveries.unbegin(left);
    const failed = ended.find((lane) => lane.status === 'rejected');
    if (failed) throw failed.reason;
    if (this.failedWrite) throw this.failedWrite;
    return this.summary;
  }

  private async lane(queue: Chunk[], work: AbortSignal, lost: AbortSignal): Promise<void> {
    while (
      (queue.length > 0 || this.begun.length > 0 || this.beginning) &&
      !work.aborted &&
      this.summary.holdMs === null &&
      !this.summary.gone &&
      !this.failedWrite
    ) {
      if (!(await this.turn(work))) return;
      const chunk = await this.next(queue);
      if (!chunk) return;
      const delivered = await this.attempt(chunk, lost);
      if (!delivered && this.webhook.ordered) return;
      // One that never answered has had its chance: it gives its place back, and goes on among those that fail.
      if (this.standing === 'untried' && this.summary.consecutiveFailures > 0) return;
      if (!delivered && this.standing === 'failing')
        await delay(PAUSE_MS, undefined, { signal: work }).catch(() => undefined); // Stopping ends it.
    }
  }

  /** The next delivery, written as begun: several at a time where they follow on each other without a wait. */
  private async next(queue: Chunk[]): Promise<Chunk | null> {
    while (this.begun.length === 0 && (queue.length > 0 || this.beginning) && !this.failedWrite)
      await this.beginAhead(queue);
    const chunk = this.begun.shift() ?? null;
    // While these are under way the next ones are written.
    if (this.atABegin() === BEGUN_AT_A_WRITE && this.begun.length <= AHEAD && queue.length > 0)
      void this.beginAhead(queue);
    return chunk;
  }

  /** Begins the next ones, unless that is under way. Does not reject: `failedWrite` tells. */
  private beginAhead(queue: Chunk[]): Promise<void> {
    this.beginning ??= this.begin(queue)
      .catch((error: unknown) => {
        this.failedWrite ??= error;
      })
      .finally(() => {
        this.beginning = null;
      });
    return this.beginning;
  }

  private async begin(queue: Chunk[]): Promise<void> {
    const { webhook, parts } = this;
    const chunks = queue.splice(0, this.atABegin());
    const ids = chunks.map(({ delivery }) => delivery._id);
    const untilMs = webhook.timeoutMs + CLAIM_MARGIN_MS;
    const withdrawn = new Set(await parts.atTheStore(() => parts.deliveries.begin(ids, untilMs)));
    this.begun.push(...chunks.filter(({ delivery }) => !withdrawn.has(delivery._id)));
  }

  /** As many as are likely to be sent at once: what is begun and not sent has to be taken back. */
  private atABegin(): number {
    const { ordered, maxPerSecond } = this.webhook;
    if (ordered || maxPerSecond !== null || this.summary.consecutiveFailures > 0) return 1;
    const lastMs = this.summary.latencies.at(-1) ?? this.webhook.recentMs.at(-1);
    if (lastMs === undefined) return IN_FLIGHT;
    // What is begun must be sent well before its claim ends.
    return lastMs < QUICK_MS ? BEGUN_AT_A_WRITE : 1;
  }

  /** Has an outcome written. Waits for it where the order counts, or many are being written. */
  private async settle(outcome: AttemptOutcome): Promise<void> {
    const written = this.finished
      .add(outcome)
      .then(() => this.parts.crash('outcome-written'))
      .catch((error: unknown) => {
        this.failedWrite ??= error;
      })
      .finally(() => this.settling.delete(written));
    this.settling.add(written);
    if (this.webhook.ordered || this.settling.size >= MOST_UNWRITTEN) await written;
  }

  /** Waits for the next turn. @returns false where it is too far away, the way is closed, or the work is to stop */
  private async turn(work: AbortSignal): Promise<boolean> {
    const closedForMs = this.parts.closedForMs(new URL(this.webhook.url));
    if (closedForMs > 0) {
      this.summary.proxyOutSince ??= this.parts.now();
      this.hold(closedForMs);
      return false;
    }
    const { waitMs } = this.pace;
    if (waitMs > WAIT_FOR_TURN_MS) {
      this.summary.holdMs = Math.max(this.summary.holdMs ?? 0, waitMs);
      return false;
    }
    const ms = this.pace.take();
    if (ms > 0) await delay(ms, undefined, { signal: work }).catch(() => undefined); // Stopping ends the wait.
    return !work.aborted;
  }

  /** @returns whether the receiver took it */
  private async attempt({ delivery, events }: Chunk, lost: AbortSignal): Promise<boolean> {
    const { parts, webhook, opened } = this;
    parts.crash('attempt-recorded');
    const result = await parts.attempt(
      {
        url: new URL(webhook.url),
        id: delivery._id,
        body: bodyOf(delivery, events),
        timestampSeconds: Math.floor(parts.now().getTime() / 1000),
        secrets: opened.secrets,
        signingKey: opened.signingKey,
        headers: opened.headers,
        timeoutMs: webhook.timeoutMs,
        userAgent: parts.userAgent,
      },
      lost,
    );
    parts.crash('response-received');
    parts.metrics.attempted(result.failure ?? 'success', result.durationMs / 1000);
    this.learn(result);
    // A receiver may say back what it was sent.
    const responseBody = result.responseBody && masked(result.responseBody, Object.values(opened.headers));
    const shown = { ...result, responseBody };
    const outcome = outcomeOf(delivery, shown);
    tellAttempt(this.parts.log, delivery, outcome);
    await this.settle(outcome);
    return result.failure === null;
  }

  private learn({ failure, status, durationMs, retryAfterMs }: AttemptResult): void {
    const { summary } = this;
    const now = this.parts.now();
    if (failure === 'proxy') {
      // It says nothing of the receiver.
      summary.proxyOutSince ??= now;
      this.hold(retryAfterMs ?? 0);
      return;
    }
    leaveOutage(summary, now);
    summary.breaker = afterAttempt(summary.breaker, failure !== null, now);
    if (status !== null) summary.latencies.push(durationMs);
    if (failure === null) {
      summary.consecutiveFailures = 0;
      summary.failingSince = null;
      return;
    }
    summary.consecutiveFailures++;
    summary.failingSince ??= now;
    if (isOpen(summary.breaker, now)) this.hold(summary.breaker.openUntil!.getTime() - now.getTime());
    if (retryAfterMs !== null) this.hold(retryAfterMs);
    if (status === 410) summary.gone = true;
  }

  private hold(ms: number): void {
    this.summary.holdMs = Math.max(this.summary.holdMs ?? 0, ms);
  }
}

/** The time in which nothing could reach the receiver is none in which it failed. */
function leaveOutage(summary: SendSummary, now: Date): void {
  const { failingSince, proxyOutSince } = summary;
  if (proxyOutSince === null) return;
  if (failingSince !== null)
    summary.failingSince = new Date(failingSince.getTime() + now.getTime() - proxyOutSince.getTime());
  summary.proxyOutSince = null;
}

function bodyOf({ operational, format, batch, thin, createdAt }: Delivery, events: Chunk['events']): Buffer {
  if (operational) return Buffer.from(operational.body);
  return webhookBody({ format, events, batch, thin, timestamp: createdAt });
}
