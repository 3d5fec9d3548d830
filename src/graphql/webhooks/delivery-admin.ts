import { randomUUID } from 'node:crypto';
import { Conflict, NotFound } from '../../domain/errors';
import { newDelivery } from '../../domain/new-delivery';
import { operationalBody } from '../../domain/operational-event';
import type { Delivery, Webhook } from '../../domain/webhook';
import type { DeliveryStore } from '../../store/deliveries';
import type { WebhookStore } from '../../store/webhooks';

export interface DeliveryAdminParts {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  /** Tells the workers that a webhook has something to do. */
  hint: (webhookId: string) => Promise<void>;
  now: () => Date;
}

/** What an operator does to single deliveries. */
export class DeliveryAdmin {
  constructor(private readonly parts: DeliveryAdminParts) {}

  /** Sends a sample of an event once, whatever the breaker says. @throws Conflict where the webhook is not active */
  async sendTest(webhookId: string): Promise<Delivery> {
    const webhook = await this.webhook(webhookId);
    if (webhook.state !== 'ACTIVE')
      throw new Conflict(`The webhook is ${webhook.state}: resume it first, then test it.`);
    const delivery = testDelivery(webhook, this.parts.now());
    await this.parts.deliveries.insert(delivery);
    await this.wake(webhookId);
    return delivery;
  }

  /** Sends a delivery again, under its own webhook-id and with a schedule that begins anew. */
  async redeliver(id: string): Promise<Delivery> {
    const before = await this.parts.deliveries.get(id);
    if (!before) throw new NotFound(`There is no delivery ${id}.`);
    await this.webhook(before.webhookId);
    const delivery = await this.parts.deliveries.redeliver(id);
    if (!delivery) throw new NotFound(`There is no delivery ${id}.`);
    await this.wake(delivery.webhookId);
    return delivery;
  }

  /** @throws Conflict where it is not pending */
  async cancel(id: string): Promise<Delivery> {
    const cancelled = await this.parts.deliveries.cancel(id);
    if (cancelled) return cancelled;
    const there = await this.parts.deliveries.get(id);
    if (!there) throw new NotFound(`There is no delivery ${id}.`);
    throw new Conflict(`The delivery is ${there.state}: only one that is PENDING can be cancelled.`);
  }

  private async webhook(id: string): Promise<Webhook> {
    const webhook = await this.parts.webhooks.get(id);
    if (!webhook) throw new NotFound(`There is no webhook ${id}.`);
    return webhook;
  }

  private async wake(webhookId: string): Promise<void> {
    await this.parts.webhooks.wake(webhookId);
    await this.parts.hint(webhookId);
  }
}

/** What a webhook is tried with that hears of no events of CloudTrail. */
function testOfOperations(webhook: Webhook, at: Date): Pick<Delivery, 'operational'> {
  if (webhook.events.includes('CLOUDTRAIL')) return {};
  const reason = 'somebody asked for a test delivery';
  return { operational: operationalBody(webhook, { change: 'test', at, reason, details: {} }) };
}

function testDelivery(webhook: Webhook, now: Date): Delivery {
  // Before everything else, so that it does not wait behind what an ordered webhook holds up.
  const place = { n: 0, pos: 0 };
  const _id = `dlv_${randomUUID().replaceAll('-', '')}`;
  const operations = testOfOperations(webhook, now);
  return newDelivery(
    webhook,
    { _id, eventIds: [], ...operations, first: place, last: place, test: true },
    now,
  );
}
