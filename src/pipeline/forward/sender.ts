import type { AttemptRequest, AttemptResult } from '../../delivery/attempt';
import { webhookBody } from '../../delivery/body';
import { nextRetryDelayMs } from '../../domain/backoff';
import type { DeliveryAttempt, Webhook } from '../../domain/webhook';
import type { Metrics } from '../../observe/metrics';
import type { AttemptOutcome, DeliveryStore } from '../../store/deliveries';
import { Coalescer } from '../coalescer';
import type { CrashHook } from '../crash-points';
import type { Chunk } from './chunks';

/** What a webhook's secrets look like once opened. */
export interface OpenedSecrets {
  secrets: Buffer[];
  headers: Record<string, string>;
}

export interface SenderParts {
  deliveries: DeliveryStore;
  open: (webhook: Webhook) => OpenedSecrets;
  attempt: (request: AttemptRequest, signal: AbortSignal) => Promise<AttemptResult>;
  now: () => Date;
  userAgent: string;
  metrics: Metrics;
  crash: CrashHook;
}

/** What sending showed of the receiver. */
export interface SendSummary {
  consecutiveFailures: number;
  /** The receiver asked to be left alone for so long. */
  holdMs: number | null;
  /** 410: it wants nothing any more. */
  gone: boolean;
}

const IN_FLIGHT = 4;
const IN_FLIGHT_WHILE_FAILING = 1;
/** Beyond the attempt's own deadline: until then nobody else sends the same delivery. */
const CLAIM_MARGIN_MS = 15_000;

/** Sends deliveries of one webhook: at most four at a time, one while it fails, each attempt written before and after. */
export class Sender {
  private readonly began: Coalescer<string>;
  private readonly finished: Coalescer<AttemptOutcome>;
  private readonly opened: OpenedSecrets;
  private summary: SendSummary;

  constructor(
    private readonly parts: SenderParts,
    private readonly webhook: Webhook,
  ) {
    const claimMs = webhook.timeoutMs + CLAIM_MARGIN_MS;
    this.began = new Coalescer((ids) => parts.deliveries.begin(ids, claimMs));
    this.finished = new Coalescer((outcomes) => parts.deliveries.finish(outcomes));
    this.opened = parts.open(webhook);
    this.summary = { consecutiveFailures: webhook.consecutiveFailures, holdMs: null, gone: false };
  }

  /**
   * Sends all of them once, unless the receiver asks for a pause or `work` aborts: then what is in flight still ends.
   * @param lost ends what is in flight as well
   */
  async send(chunks: Chunk[], work: AbortSignal, lost: AbortSignal): Promise<SendSummary> {
    const queue = [...chunks];
    const lanes = this.webhook.consecutiveFailures > 0 ? IN_FLIGHT_WHILE_FAILING : IN_FLIGHT;
    await Promise.all(
      Array.from({ length: Math.min(lanes, queue.length) }, () => this.lane(queue, work, lost)),
    );
    return this.summary;
  }

  private async lane(queue: Chunk[], work: AbortSignal, lost: AbortSignal): Promise<void> {
    while (!work.aborted && this.summary.holdMs === null && !this.summary.gone) {
      const chunk = queue.shift();
      if (!chunk) return;
      await this.attempt(chunk, lost);
    }
  }

  private async attempt({ delivery, events }: Chunk, lost: AbortSignal): Promise<void> {
    const { parts, webhook, opened } = this;
    await this.began.add(delivery._id);
    parts.crash('attempt-recorded');
    const result = await parts.attempt(
      {
        url: new URL(webhook.url),
        id: delivery._id,
        body: webhookBody({
          format: delivery.format,
          events,
          batch: delivery.batch,
          thin: delivery.thin,
          timestamp: delivery.createdAt,
        }),
        timestampSeconds: Math.floor(parts.now().getTime() / 1000),
        secrets: opened.secrets,
        headers: opened.headers,
        timeoutMs: webhook.timeoutMs,
        userAgent: parts.userAgent,
      },
      lost,
    );
    parts.crash('response-received');
    parts.metrics.attempted(result.failure ?? 'success', result.durationMs / 1000);
    this.learn(result);
    await this.finished.add(outcomeOf(delivery._id, delivery.attemptCount + 1, result));
  }

  private learn(result: AttemptResult): void {
    if (result.failure === null) {
      this.summary.consecutiveFailures = 0;
      return;
    }
    this.summary.consecutiveFailures++;
    if (result.retryAfterMs !== null)
      this.summary.holdMs = Math.max(this.summary.holdMs ?? 0, result.retryAfterMs);
    if (result.status === 410) this.summary.gone = true;
  }
}

function outcomeOf(id: string, number: number, result: AttemptResult): AttemptOutcome {
  const attempt: DeliveryAttempt = {
    number,
    startedAt: result.startedAt,
    durationMs: result.durationMs,
    responseStatus: result.status,
    responseBody: result.responseBody,
    failure: result.failure,
    address: result.address,
  };
  if (result.failure === null) return { id, state: 'DELIVERED', attempt, nextAttemptInMs: null };
  const delay = nextRetryDelayMs(number, Math.random);
  if (delay === null) return { id, state: 'FAILED', attempt, nextAttemptInMs: null };
  return { id, state: 'PENDING', attempt, nextAttemptInMs: Math.max(delay, result.retryAfterMs ?? 0) };
}
