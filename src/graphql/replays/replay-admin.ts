import { randomUUID } from 'node:crypto';
import { Conflict, Invalid, NotFound } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import type { DeliveryFilter, Replay } from '../../domain/replay';
import type { DeliveryStore } from '../../store/deliveries';
import type { EventStore } from '../../store/events';
import type { ReplayStore } from '../../store/replays';
import type { WebhookStore } from '../../store/webhooks';

export interface ReplayAdminParts {
  replays: ReplayStore;
  deliveries: DeliveryStore;
  events: EventStore;
  webhooks: WebhookStore;
}

/** The database counts no further than 32 bits. */
const COUNT_LIMIT = 2 ** 31 - 1;

/** Asks for bulk redeliveries; a worker takes them through. */
export class ReplayAdmin {
  constructor(private readonly parts: ReplayAdminParts) {}

  /** Failed deliveries that match, again. */
  async redeliverAll(filter: DeliveryFilter, dryRun: boolean): Promise<Replay> {
    const { webhookIds } = filter;
    if (filter.states?.length && !filter.states.includes('FAILED')) {
      const message = 'only FAILED deliveries are sent again';
      throw new Invalid(`Leave \`states\` out: ${message}.`, [{ path: ['filter', 'states'], message }]);
    }
    const matched = await this.parts.deliveries.count({ ...filter, states: ['FAILED'] }, COUNT_LIMIT);
    return this.parts.replays.create({
      _id: newId(),
      webhookId: webhookIds?.length === 1 ? webhookIds[0]! : null,
      scope: { deliveries: filter },
      dryRun,
      matched,
    });
  }

  /** Stored events that match, to one webhook. */
  async replayEvents(webhookId: string, filter: EventFilter, dryRun: boolean): Promise<Replay> {
    if (!(await this.parts.webhooks.get(webhookId))) throw new NotFound(`There is no webhook ${webhookId}.`);
    const checked = checkFilter({ ...filter }, ['filter']);
    const matched = await this.parts.events.count(checked, COUNT_LIMIT);
    return this.parts.replays.create({
      _id: newId(),
      webhookId,
      scope: { events: checked },
      dryRun,
      matched,
    });
  }

  /** What is handed over already is still sent. @throws Conflict where it is not running */
  async cancel(id: string): Promise<Replay> {
    const cancelled = await this.parts.replays.cancel(id);
    if (cancelled) return cancelled;
    const there = await this.parts.replays.get(id);
    if (!there) throw new NotFound(`There is no replay ${id}.`);
    throw new Conflict(`The replay is ${there.state} already.`);
  }
}

function newId(): string {
  return `rpl_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}
