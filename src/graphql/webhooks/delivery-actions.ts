import { Arg, Authorized, ID, Mutation, Resolver } from 'type-graphql';
import type { DeliveryAdmin } from './delivery-admin';
import { Delivery, toDelivery } from './delivery-types';

/** What an operator does to single deliveries. */
@Resolver()
export class DeliveryActionsResolver {
  constructor(private readonly admin: DeliveryAdmin) {}

  @Authorized('OPERATOR')
  @Mutation(() => Delivery, {
    description:
      'Sends a sample of an event (eventSource trailgraph.test) once, in the format of the webhook, which must be ACTIVE; trailgraph.webhook.test to one that hears of operational events only.',
  })
  async sendTestDelivery(
    @Arg('webhookId', () => ID, { description: 'The webhook to test.' }) webhookId: string,
  ): Promise<Delivery> {
    return toDelivery(await this.admin.sendTest(webhookId));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Delivery, {
    description:
      'Sends a delivery again, whatever became of it, under the same webhook-id. One that is under way at this moment is left to that attempt.',
  })
  async redeliver(@Arg('id', () => ID, { description: 'The webhook-id.' }) id: string): Promise<Delivery> {
    return toDelivery(await this.admin.redeliver(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Delivery, { description: 'Gives up a pending delivery.' })
  async cancelDelivery(
    @Arg('id', () => ID, { description: 'The webhook-id.' }) id: string,
  ): Promise<Delivery> {
    return toDelivery(await this.admin.cancel(id));
  }
}
