import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { DeliveryHead, DeliveryState, Delivery as StoredDelivery } from '../../domain/webhook';
import { DateTimeScalar } from '../scalars';

export const DeliveryStateEnum = {
  PENDING: 'PENDING',
  DELIVERED: 'DELIVERED',
  FAILED: 'FAILED',
  CANCELLED: 'CANCELLED',
} as const;
registerEnumType(DeliveryStateEnum, {
  name: 'DeliveryState',
  description: 'Where a delivery stands.',
  valuesConfig: {
    PENDING: { description: 'To be sent, or sent again.' },
    DELIVERED: { description: 'Answered by 2xx.' },
    FAILED: { description: 'Given up.' },
    CANCELLED: { description: 'By cancelDelivery, or with its webhook.' },
  },
});

const MAYBE = { nullable: true } as const;

@ObjectType({ description: 'One request of a delivery.' })
export class DeliveryAttempt {
  @Field(() => Int, { description: 'From 1.' })
  number!: number;

  @Field(() => DateTimeScalar, { description: 'When it was sent.' })
  startedAt!: Date;

  @Field(() => Int, { description: 'Milliseconds until its end.' })
  durationMs!: number;

  @Field(() => Int, { ...MAYBE, description: 'HTTP status; null without an answer.' })
  responseStatus!: number | null;

  @Field(() => String, { ...MAYBE, description: 'The first 16 KiB of the answer.' })
  responseBody!: string | null;

  @Field(() => String, {
    ...MAYBE,
    description:
      'Null for a success; dns, refused, reset, timeout, tls, blocked_address, http_3xx, http_4xx, http_5xx, proxy (the proxy for webhooks failed: it counts for nothing) or other.',
  })
  failure!: string | null;

  @Field(() => String, {
    ...MAYBE,
    description:
      'In words, what is wrong where the failure is tls: a certificate that has expired, is for another host name or of nobody that is trusted, or a handshake that was broken off. Null for other failures.',
  })
  failureReason?: string | null | undefined;

  @Field(() => String, { ...MAYBE, description: 'The address it went to.' })
  address!: string | null;
}

@ObjectType({
  description:
    'What was, or is to be, sent to one webhook. Its id is the webhook-id header and never changes.',
})
export class Delivery {
  @Field(() => ID, { description: 'The webhook-id.' })
  id!: string;

  @Field(() => ID, { description: 'The webhook.' })
  webhookId!: string;

  @Field(() => DeliveryStateEnum, { description: 'Where it stands.' })
  state!: DeliveryState;

  @Field(() => [ID], { description: 'The events in its body, in order.' })
  eventIds!: string[];

  @Field(() => String, {
    ...MAYBE,
    description:
      'The type of the operational event that it tells of, such as trailgraph.webhook.disabled; null where it is about events of CloudTrail.',
  })
  operationalType!: string | null;

  @Field(() => Int, { description: 'Requests so far.' })
  attemptCount!: number;

  /** Absent where it was read without them. */
  attempts?: DeliveryAttempt[] | undefined;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it is sent next; null when it is settled.' })
  nextAttemptAt!: Date | null;

  @Field(() => DateTimeScalar, { description: 'When it was made: the timestamp in its body.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it was settled.' })
  completedAt!: Date | null;

  @Field(() => Boolean, { description: 'Whether it was asked for as a test.' })
  test!: boolean;
}

export function toDelivery(delivery: DeliveryHead & Partial<StoredDelivery>): Delivery {
  const {
    _id: id,
    webhookId,
    state,
    eventIds,
    operational,
    attemptCount,
    attempts,
    nextAttemptAt,
    createdAt,
    completedAt,
    test,
  } = delivery;
  return {
    id,
    webhookId,
    state,
    eventIds,
    operationalType: operational?.type ?? null,
    attemptCount,
    attempts,
    nextAttemptAt,
    createdAt,
    completedAt,
    test,
  };
}
