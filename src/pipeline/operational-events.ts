import { createHash } from 'node:crypto';
import { newDelivery } from '../domain/new-delivery';
import { deliveriesExhausted, type OperationalEvent, operationalBody } from '../domain/operational-event';
import type { Delivery, Webhook } from '../domain/webhook';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { DeliveryStore } from '../store/deliveries';
import type { ExhaustedDeliveries, ExhaustedDeliveryStore } from '../store/exhausted-deliveries';
import type { WebhookOutboxStore } from '../store/webhook-outbox';
import type { WebhookStore } from '../store/webhooks';
import type { CrashHook } from './crash-points';

export interface OperationalEventParts {
  webhooks: WebhookStore;
  outbox: WebhookOutboxStore;
  deliveries: DeliveryStore;
  exhausted: ExhaustedDeliveryStore;
  /** Tells the workers that a webhook has something to do. */
  hint: (webhookId: string) => Promise<void>;
  metrics: Metrics;
  now: () => Date;
  crash: CrashHook;
  log: Logger;
}

const WEBHOOKS_A_PASS = 100;
const MAX_HEARERS = 100;
/** Deliveries that are given up are told of once in this time, by their number. */
const EXHAUSTED_EVERY_MS = 60_000;
const ASK_EXHAUSTED_EVERY_MS = 2_000;
const EXAMPLES = 10;
/** A webhook that has so many operational events before it is told of no more of them. */
const MAX_PENDING = 1_000;

/**
 * Tells of what befell webhooks, by log, metric, and deliveries to the webhooks that hear operational events.
 *
 * What befell a webhook was written to it together with the change (its outbox), or stands at its deliveries. From
 * there it is taken only when every delivery of it is made; their ids follow from it, so a pass that died in between
 * is repeated without a double.
 *
 * No circle: a webhook does not hear of itself; of one that hears operational events no other hears that its breaker
 * opened or closed; and of deliveries of operational events nobody hears that they were given up.
 */
export class OperationalEvents {
  private askedExhaustedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: OperationalEventParts) {}

  /** One pass, by one process at a time; by two at once it would tell nothing twice either. */
  async pass(): Promise<void> {
    await this.noteExhausted();
    const subjects = await this.parts.outbox.withOutbox(WEBHOOKS_A_PASS);
    if (subjects.length === 0) return;
    const hearers = await this.parts.outbox.hearers(MAX_HEARERS);
    for (const subject of subjects) {
      for (const event of subject.outbox) await this.tell(subject, event, hearers);
    }
  }

  private async tell(subject: Webhook, event: OperationalEvent, hearers: Webhook[]): Promise<void> {
    const { webhooks, outbox, deliveries, metrics, log, crash } = this.parts;
    const { id, change, reason } = event;
    const concerned = hearers.filter((hearer) => hears(hearer, subject, event));
    const open: Webhook[] = [];
    for (const hearer of concerned) if (await this.hasRoom(hearer, event)) open.push(hearer);
    const made = open.map((hearer) => deliveryOf(subject, event, hearer, this.parts.now()));
    if (made.length > 0) await deliveries.insertMissing(made);
    crash('operational-deliveries-made');
    if (!(await outbox.toldOf(subject._id, id))) return;
    metrics.webhookChanged(change);
    const level = change === 'breaker_closed' ? 'info' : 'warn';
    log[level](
      { webhookId: subject._id, change, reason, toldTo: open.length },
      'a webhook changed its state',
    );
    for (const { _id } of open) {
      await webhooks.touch(_id);
      await this.parts.hint(_id);
    }
  }

  private async hasRoom({ _id: webhookId }: Webhook, { change }: OperationalEvent): Promise<boolean> {
    if ((await this.parts.exhausted.pendingOperational(webhookId, MAX_PENDING)) < MAX_PENDING) return true;
    this.parts.log.warn(
      { webhookId, change, pending: MAX_PENDING },
      'a webhook has too many operational events before it: it is not told of this one',
    );
    return false;
  }

  /** Makes an event of deliveries that were given up, for each webhook at most once a minute. */
  private async noteExhausted(): Promise<void> {
    if (performance.now() - this.askedExhaustedAt < ASK_EXHAUSTED_EVERY_MS) return;
    this.askedExhaustedAt = performance.now();
    const until = this.parts.now();
    for (const found of await this.parts.exhausted.untold(until, WEBHOOKS_A_PASS))
      await this.noteExhaustedOf(found, until);
  }

  private async noteExhaustedOf(found: ExhaustedDeliveries, until: Date): Promise<void> {
    const { webhooks, outbox, exhausted, crash } = this.parts;
    const { webhookId } = found;
    const webhook = await webhooks.get(webhookId);
    if (webhook) {
      const deliveryIds = await exhausted.examples(webhookId, until, EXAMPLES);
      const event = deliveriesExhausted({ ...found, deliveryIds }, until);
      if (!(await outbox.noteExhausted(webhookId, event, EXHAUSTED_EVERY_MS))) return;
      crash('operational-event-kept');
    }
    await exhausted.told(webhookId, until);
  }
}

function hears(hearer: Webhook, subject: Webhook, { change }: OperationalEvent): boolean {
  if (hearer._id === subject._id) return false;
  const ofBreaker = change === 'breaker_opened' || change === 'breaker_closed';
  return !(ofBreaker && subject.events.includes('OPERATIONAL'));
}

function deliveryOf(subject: Webhook, event: OperationalEvent, hearer: Webhook, now: Date): Delivery {
  const id = createHash('sha256').update(`${hearer._id}/${event.id}`).digest('hex').slice(0, 32);
  // Before the events of the commits, in the order of their times.
  const place = { n: 0, pos: event.at.getTime() };
  const operational = operationalBody(subject, event);
  const what = { _id: `dlv_${id}`, eventIds: [], operational, first: place, last: place, batch: false };
  return newDelivery(hearer, what, now);
}
