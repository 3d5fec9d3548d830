import { Arg, Authorized, FieldResolver, Resolver, Root, Subscription } from 'type-graphql';
import type { DeliveryStore } from '../../store/deliveries';
import type { Context } from '../context';
import { Delivery, DeliveryAttempt } from './delivery-types';
import { DeliveryFilter } from './inputs';

/** Deliveries as they change, and what is read of one only where it is asked for. */
@Resolver(() => Delivery)
export class DeliveryChangeResolver {
  constructor(private readonly parts: { deliveries: DeliveryStore }) {}

  @Subscription(() => Delivery, {
    description:
      'A delivery whenever it was made, attempted, delivered, given up, cancelled or sent again. It is told within a second or so, as it is then: of changes in quick succession the states in between are left out, the last one never is. The same state may be told twice.',
    subscribe: ({ args, context }) => {
      const { caller, subscriptions } = context as Context;
      return subscriptions.deliveries.follow((args as { filter?: DeliveryFilter | null }).filter, caller);
    },
  })
  @Authorized('VIEWER')
  deliveryChanged(
    @Root() delivery: Delivery,
    @Arg('filter', () => DeliveryFilter, {
      nullable: true,
      description: 'Only those that match as they are then; at most 200 webhookIds and 200 eventIds.',
    })
    _filter?: DeliveryFilter | null,
  ): Delivery {
    return delivery;
  }

  @FieldResolver(() => [DeliveryAttempt], { description: 'The last 20 requests.' })
  async attempts(@Root() { id, attempts }: Delivery): Promise<DeliveryAttempt[]> {
    return attempts ?? (await this.parts.deliveries.get(id))?.attempts ?? [];
  }
}
