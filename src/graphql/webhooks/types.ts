import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { EventFilter } from '../../domain/filter';
import type { WebhookEventType } from '../../domain/operational-event';
import type { Webhook as StoredWebhook, WebhookFormat, WebhookState } from '../../domain/webhook';
import { BigIntScalar, DateTimeScalar, JsonScalar } from '../scalars';
import { WebhookEventTypeEnum } from './event-type';

export const WebhookStateEnum = { ACTIVE: 'ACTIVE', PAUSED: 'PAUSED', DISABLED: 'DISABLED' } as const;
registerEnumType(WebhookStateEnum, {
  name: 'WebhookState',
  description: 'A paused webhook keeps its position and catches up later; a disabled one was given up by us.',
  valuesConfig: {
    ACTIVE: { description: 'Is sent what matches.' },
    PAUSED: { description: 'Keeps its position, and catches up after resumeWebhook.' },
    DISABLED: { description: 'Given up by TrailGraph: see stateReason.' },
  },
});
export const WebhookFormatEnum = {
  ENRICHED: 'ENRICHED',
  RAW: 'RAW',
  ECS: 'ECS',
  SLACK: 'SLACK',
  FORWARDER_V1: 'FORWARDER_V1',
} as const;
registerEnumType(WebhookFormatEnum, {
  name: 'WebhookFormat',
  description:
    'How a body is written. Every format is signed alike; schema/webhooks has a JSON Schema of each.',
  valuesConfig: {
    ENRICHED: { description: 'Type, timestamp and the record with its enrichment. The default.' },
    RAW: { description: 'The record alone, exact; a list of records where batchSize is over 1.' },
    ECS: { description: 'A document of the Elastic Common Schema 8, or a list of them.' },
    SLACK: {
      description:
        'A message for an incoming webhook of Slack; batchSize over 1: ten events and how many more.',
    },
    FORWARDER_V1: { description: 'The body of the log forwarder that the sources REST API stands in for.' },
  },
});
const MAYBE = { nullable: true } as const;

@ObjectType({ description: 'behind: stored events not looked at yet; pending: deliveries not settled.' })
export class WebhookStats {
  @Field(() => BigIntScalar, { description: 'Stored events that were not looked at yet.' })
  behind!: number;

  @Field(() => Int, { description: 'Deliveries that are not settled.' })
  pending!: number;

  @Field(() => BigIntScalar, { description: 'Deliveries that arrived, of the last 30 days.' })
  delivered!: number;

  @Field(() => BigIntScalar, { description: 'Deliveries that were given up, of the last 30 days.' })
  failed!: number;

  @Field(() => BigIntScalar, {
    description:
      'Events that matched and stand in no delivery, as far as was checked: 0, or something is wrong. replayEvents sends them.',
  })
  unaccounted!: number;

  @Field(() => Int, { description: 'Requests that failed since the last success.' })
  consecutiveFailures!: number;

  @Field(() => Int, {
    ...MAYBE,
    description: 'Half of the last 200 answers came within so many milliseconds; null before the first.',
  })
  p50Ms!: number | null;

  @Field(() => Int, {
    ...MAYBE,
    description: '95 % of the last 200 answers came within so many milliseconds.',
  })
  p95Ms!: number | null;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description:
      'The breaker is open: half of at least 10 attempts in 5 minutes failed; then one attempt probes.',
  })
  breakerOpenUntil!: Date | null;
}

@ObjectType({ description: 'A receiver of events. Header values and the signing secret are write-only.' })
export class Webhook {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => String, { description: 'Where events are posted.' })
  url!: string;

  @Field(() => WebhookStateEnum, { description: 'Whether it is served.' })
  state!: WebhookState;

  @Field(() => String, { ...MAYBE, description: 'Why it was disabled.' })
  stateReason!: string | null;

  @Field(() => WebhookFormatEnum, { description: 'How its bodies are written.' })
  format!: WebhookFormat;

  @Field(() => [WebhookEventTypeEnum], { description: 'What it hears of.' })
  events!: WebhookEventType[];

  @Field(() => JsonScalar, { ...MAYBE, description: 'Which events; null: all.' })
  filter!: EventFilter | null;

  @Field(() => [ID], { ...MAYBE, description: 'Whose events; null: of all sources but the demo.' })
  sourceIds!: string[] | null;

  @Field(() => [String], { description: 'Names of the headers that are sent along.' })
  headerNames!: string[];

  @Field(() => String, { description: 'The last four characters of the signing secret.' })
  secretHint!: string;

  @Field(() => Int, { description: 'Events in a body at most.' })
  batchSize!: number;

  @Field(() => Int, { description: 'Milliseconds for a request in all.' })
  timeoutMs!: number;

  @Field(() => Float, {
    ...MAYBE,
    description: 'Requests a second at most; null: as many as the receiver takes.',
  })
  maxPerSecond!: number | null;

  @Field(() => Boolean, {
    description: 'One request at a time, in the order of storing: one that fails holds up all after it.',
  })
  ordered!: boolean;

  @Field(() => String, {
    ...MAYBE,
    description:
      'The ed25519 key that verifies v1a signatures: whpk_ and base64; null where it signs by secret alone.',
  })
  publicKey!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was made: it hears of what is stored after that.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { description: 'When it was last changed.' })
  updatedAt!: Date;

  stored!: StoredWebhook;
}

@ObjectType({ description: 'A new webhook, and the secret that is shown only now.' })
export class WebhookSecretPayload {
  @Field(() => Webhook, { description: 'The webhook.' })
  webhook!: Webhook;

  @Field(() => String, { description: 'The signing secret: whsec_ and base64.' })
  secret!: string;
}

export function toWebhook(webhook: StoredWebhook): Webhook {
  const {
    _id: id,
    name,
    url,
    state,
    stateReason,
    format,
    events,
    filter,
    sourceIds,
    secretHint,
    batchSize,
    timeoutMs,
    maxPerSecond,
    ordered,
    createdAt,
    updatedAt,
  } = webhook;
  const headerNames = webhook.headers.map((header) => header.name);
  return {
    id,
    name,
    url,
    state,
    stateReason,
    format,
    events,
    filter,
    sourceIds,
    headerNames,
    secretHint,
    batchSize,
    timeoutMs,
    maxPerSecond,
    ordered,
    publicKey: webhook.signingKey?.publicKey ?? null,
    createdAt,
    updatedAt,
    stored: webhook,
  };
}
