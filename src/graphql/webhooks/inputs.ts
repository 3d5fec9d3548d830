import { Field, Float, ID, InputType, Int } from 'type-graphql';
import type { WebhookEventType } from '../../domain/operational-event';
import type { DeliveryState, WebhookFormat } from '../../domain/webhook';
import { EventFilterInput } from '../events/filter-input';
import { DateTimeScalar } from '../scalars';
import { DeliveryStateEnum } from './delivery-types';
import { WebhookEventTypeEnum } from './event-type';
import { WebhookFormatEnum } from './types';

const MAYBE = { nullable: true } as const;

@InputType({ description: 'A header that is sent along.' })
export class HeaderInput {
  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => String, { description: 'Its value, at most 4 KB.' })
  value!: string;
}

@InputType({ description: 'Which deliveries. Members are AND-ed, values in a list OR-ed.' })
export class DeliveryFilter {
  @Field(() => [ID], { ...MAYBE, description: 'Of these webhooks.' })
  webhookIds?: string[] | null;

  @Field(() => [DeliveryStateEnum], { ...MAYBE, description: 'In these states.' })
  states?: DeliveryState[] | null;

  @Field(() => [ID], { ...MAYBE, description: 'With one of these events.' })
  eventIds?: string[] | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'Made at or after this.' })
  from?: Date | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'Made before this.' })
  to?: Date | null;
}

@InputType({
  description:
    'batchSize 1-1000, default 1; a webhook without sourceIds leaves DEMO sources out: name the demo source to hear it.',
})
export class CreateWebhookInput {
  @Field(() => String, { description: '1 to 100 characters.' })
  name!: string;

  @Field(() => String, {
    description: 'http or https; no private address unless WEBHOOK_ALLOW_CIDRS opens it.',
  })
  url!: string;

  @Field(() => WebhookFormatEnum, { ...MAYBE, description: 'How bodies are written; absent: ENRICHED.' })
  format?: WebhookFormat | null;

  @Field(() => [WebhookEventTypeEnum], {
    ...MAYBE,
    description: 'What it hears of, one at least; absent: CLOUDTRAIL.',
  })
  events?: WebhookEventType[] | null;

  @Field(() => EventFilterInput, { ...MAYBE, description: 'Which events; absent: all.' })
  filter?: EventFilterInput | null;

  @Field(() => [ID], { ...MAYBE, description: 'Whose events; absent: of all sources but the demo.' })
  sourceIds?: string[] | null;

  @Field(() => [HeaderInput], { ...MAYBE, description: 'At most 20.' })
  headers?: HeaderInput[] | null;

  @Field(() => String, {
    ...MAYBE,
    description: 'A secret of your own: whsec_ and base64 of 24 to 64 bytes; absent: one is made.',
  })
  secret?: string | null;

  @Field(() => Int, { ...MAYBE, description: 'Events in a body at most, 1 to 1000; 1 where it is absent.' })
  batchSize?: number | null;

  @Field(() => Int, { ...MAYBE, description: '1,000 to 30,000; 15,000 where it is absent.' })
  timeoutMs?: number | null;

  @Field(() => Float, {
    ...MAYBE,
    description: 'Requests a second at most, 0.01 to 1,000; absent: as many as the receiver takes.',
  })
  maxPerSecond?: number | null;

  @Field(() => Boolean, {
    ...MAYBE,
    description: 'One request at a time, in the order of storing: one that fails holds up all after it.',
  })
  ordered?: boolean | null;

  @Field(() => Boolean, {
    ...MAYBE,
    description: 'Sign by an ed25519 key as well (v1a): receivers then need only the public key.',
  })
  asymmetric?: boolean | null;
}

@InputType({ description: 'An absent member keeps, null clears, `headers` is replaced whole.' })
export class UpdateWebhookInput {
  @Field(() => String, { ...MAYBE, description: '1 to 100 characters.' })
  name?: string | null;

  @Field(() => String, { ...MAYBE, description: 'http or https.' })
  url?: string | null;

  @Field(() => WebhookFormatEnum, {
    ...MAYBE,
    description: 'How bodies of deliveries made from now on are written; null: ENRICHED.',
  })
  format?: WebhookFormat | null;

  @Field(() => [WebhookEventTypeEnum], {
    ...MAYBE,
    description: 'What it hears of from now on, one at least; null: CLOUDTRAIL.',
  })
  events?: WebhookEventType[] | null;

  @Field(() => EventFilterInput, { ...MAYBE, description: 'Which events; null: all.' })
  filter?: EventFilterInput | null;

  @Field(() => [ID], { ...MAYBE, description: 'Whose events; null: of all sources but the demo.' })
  sourceIds?: string[] | null;

  @Field(() => [HeaderInput], { ...MAYBE, description: 'At most 20; null: none.' })
  headers?: HeaderInput[] | null;

  @Field(() => Int, { ...MAYBE, description: '1 to 1000; null: 1.' })
  batchSize?: number | null;

  @Field(() => Int, { ...MAYBE, description: '1,000 to 30,000; null: 15,000.' })
  timeoutMs?: number | null;

  @Field(() => Float, { ...MAYBE, description: '0.01 to 1,000; null: as many as the receiver takes.' })
  maxPerSecond?: number | null;

  @Field(() => Boolean, { ...MAYBE, description: 'One request at a time, in order; null: no.' })
  ordered?: boolean | null;

  @Field(() => Boolean, {
    ...MAYBE,
    description: 'Sign by an ed25519 key as well; false takes the key away.',
  })
  asymmetric?: boolean | null;
}
