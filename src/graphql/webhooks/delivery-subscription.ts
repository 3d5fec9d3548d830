import type { Caller } from '../../auth/caller';
import { deliveryMatcher } from '../../domain/delivery-filter';
import { Invalid, Unauthenticated } from '../../domain/errors';
import type { DeliveryFilter } from '../../domain/replay';
import type { DeliveryHead } from '../../domain/webhook';
import { abortable } from '../../live/abortable';
import { type Delivery, toDelivery } from './delivery-types';

/** What the subscription needs of the feed of changed deliveries. */
export interface ChangedDeliveriesFeed {
  follow(wants: (delivery: DeliveryHead) => boolean, signal: AbortSignal): AsyncGenerator<DeliveryHead>;
}

/** Each delivery that changes is held against them. */
const MAX_IDS = 200;

/** Subscriptions to changes of deliveries. */
export class DeliverySubscriptions {
  constructor(private readonly feed: ChangedDeliveriesFeed) {}

  /**
   * Deliveries that match as they change.
   * @throws Invalid for too many ids; Unauthenticated for an anonymous caller
   */
  async follow(
    filter: DeliveryFilter | null | undefined,
    caller: Caller | null,
  ): Promise<AsyncIterableIterator<Delivery>> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    for (const member of ['webhookIds', 'eventIds'] as const) {
      if ((filter?.[member]?.length ?? 0) <= MAX_IDS) continue;
      const message = `must name at most ${MAX_IDS}`;
      throw new Invalid(`\`filter.${member}\` ${message}.`, [{ path: ['filter', member], message }]);
    }
    const controller = new AbortController();
    const changes = this.feed.follow(deliveryMatcher(filter ?? {}), controller.signal);
    return abortable(shown(changes), controller);
  }
}

async function* shown(changes: AsyncGenerator<DeliveryHead>): AsyncGenerator<Delivery> {
  for await (const delivery of changes) yield toDelivery(delivery);
}
