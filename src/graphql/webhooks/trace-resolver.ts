import { Arg, Authorized, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import type { DeliveryTracer } from './delivery-tracer';
import { Delivery, toDelivery } from './delivery-types';
import { toWebhook, Webhook } from './types';

@ObjectType({
  description: 'What one webhook made of one event: whether it matched, why not, and every delivery.',
})
export class DeliveryTrace {
  @Field(() => ID, { description: 'The webhook.' })
  webhookId!: string;

  @Field(() => Webhook, { nullable: true, description: 'The webhook as it stands.' })
  webhook!: Webhook | null;

  @Field(() => Boolean, { description: 'Whether the webhook, as it stands, hears of this event by itself.' })
  matched!: boolean;

  @Field(() => String, { nullable: true, description: 'Why it does not, or why nothing was sent yet.' })
  reason!: string | null;

  @Field(() => [Delivery], {
    description: 'Every delivery of the event to it, replays too, with their attempts; newest first.',
  })
  deliveries!: Delivery[];
}

@Resolver()
export class TraceResolver {
  constructor(private readonly tracer: DeliveryTracer) {}

  @Authorized('VIEWER')
  @Query(() => [DeliveryTrace], {
    description: 'What every webhook made of an event; NOT_FOUND where the event is not stored.',
  })
  async deliveryTrace(
    @Arg('eventId', () => ID, { description: 'Id of the event.' }) eventId: string,
  ): Promise<DeliveryTrace[]> {
    const traces = await this.tracer.trace(eventId);
    return traces.map(({ webhook, matched, reason, deliveries }) => ({
      webhookId: webhook._id,
      webhook: toWebhook(webhook),
      matched,
      reason,
      deliveries: deliveries.map(toDelivery),
    }));
  }
}
