import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { EventFilter } from '../../domain/filter';
import type { HealthStatus, SourceKind, SourceState, Source as StoredSource } from '../../domain/source';
import { BigIntScalar, DateTimeScalar, JsonScalar } from '../scalars';
import {
  AwsAccess,
  DemoConfig,
  HttpPushConfig,
  LookupEventsConfig,
  S3BucketConfig,
  S3SqsConfig,
} from './config-types';

export const SourceKindEnum = {
  LOOKUP_EVENTS: 'LOOKUP_EVENTS',
  S3_BUCKET: 'S3_BUCKET',
  S3_SQS: 'S3_SQS',
  HTTP_PUSH: 'HTTP_PUSH',
  DEMO: 'DEMO',
} as const;
registerEnumType(SourceKindEnum, {
  name: 'SourceKind',
  description: 'How events come in.',
  valuesConfig: {
    LOOKUP_EVENTS: { description: 'CloudTrail is asked, Region by Region.' },
    S3_BUCKET: { description: 'The log files of a bucket, found by listing.' },
    S3_SQS: { description: 'The log files of buckets, told of by a queue.' },
    HTTP_PUSH: { description: 'Whoever has the token sends them.' },
    DEMO: { description: 'Made up, believably.' },
  },
});
export const SourceStateEnum = { ACTIVE: 'ACTIVE', PAUSED: 'PAUSED' } as const;
registerEnumType(SourceStateEnum, {
  name: 'SourceState',
  description: 'Whether a source is read.',
  valuesConfig: {
    ACTIVE: { description: 'It is read.' },
    PAUSED: { description: 'It is not, until resumeSource.' },
  },
});
export const HealthStatusEnum = {
  UNKNOWN: 'UNKNOWN',
  HEALTHY: 'HEALTHY',
  DEGRADED: 'DEGRADED',
  FAILING: 'FAILING',
} as const;
registerEnumType(HealthStatusEnum, {
  name: 'HealthStatus',
  description: 'How something fares.',
  valuesConfig: {
    UNKNOWN: { description: 'Not tried yet.' },
    HEALTHY: { description: 'All is well.' },
    DEGRADED: { description: 'Works, but not as it should.' },
    FAILING: { description: 'Does not work.' },
  },
});
const MAYBE = { nullable: true } as const;

@ObjectType({ description: 'An SNS topic that asked to deliver to this source and waits to be confirmed.' })
export class PendingSubscription {
  @Field(() => String, { description: 'The ARN of the topic.' })
  topicArn!: string;

  @Field(() => String, {
    description:
      'Opening it confirms. It came from outside and nothing here ever calls it: look that it is the topic you expect, on a host of amazonaws.com.',
  })
  subscribeUrl!: string;

  @Field(() => DateTimeScalar, { description: 'When the topic asked.' })
  at!: Date;
}

@ObjectType({ description: 'The counters reconcile: received = stored + duplicates + dropped + rejected.' })
export class SourceStatus {
  @Field(() => HealthStatusEnum, {
    description:
      'UNKNOWN until something was read or came. FAILING: it could not be read last. DEGRADED: it was read, but some batches of the last hour could not, or nothing came for much longer than usual.',
  })
  health!: HealthStatus;

  @Field(() => String, { ...MAYBE, description: 'What went wrong last.' })
  lastError!: string | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it went wrong.' })
  lastErrorAt!: Date | null;

  @Field(() => String, { ...MAYBE, description: 'What to do about it.' })
  remedy!: string | null;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description: 'When it was last read without an error; of an HTTP_PUSH source: when something came last.',
  })
  lastSuccessAt!: Date | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it is read next.' })
  nextRunAt!: Date | null;

  @Field(() => Int, {
    ...MAYBE,
    description:
      'Age of the checkpoint; null where nothing was read yet. Of an HTTP_PUSH source: age of the oldest body that is not stored; null while none waits.',
  })
  lagSeconds!: number | null;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description: 'Everything that was delivered before this is settled.',
  })
  checkpoint!: Date | null;

  @Field(() => PendingSubscription, {
    ...MAYBE,
    description:
      'The SNS topic that asked last to deliver to this HTTP_PUSH source; null once it delivers, or where none asked.',
  })
  pendingSubscription?: PendingSubscription | null;

  @Field(() => BigIntScalar, { description: 'Records that came.' })
  received!: number;

  @Field(() => BigIntScalar, { description: 'Events stored for the first time.' })
  stored!: number;

  @Field(() => BigIntScalar, { description: 'Records that were stored already.' })
  duplicates!: number;

  @Field(() => BigIntScalar, { description: 'Records that matched the drop filter.' })
  dropped!: number;

  @Field(() => BigIntScalar, { description: 'Records that could not be kept.' })
  rejected!: number;
}

@ObjectType({ description: 'Where events come from.' })
export class Source {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => SourceKindEnum, { description: 'How events come in.' })
  kind!: SourceKind;

  @Field(() => SourceStateEnum, { description: 'Whether it is read.' })
  state!: SourceState;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { description: 'When it was last changed.' })
  updatedAt!: Date;

  @Field(() => AwsAccess, { ...MAYBE, description: 'Null for HTTP_PUSH and DEMO.' })
  aws!: AwsAccess | null;

  @Field(() => LookupEventsConfig, { ...MAYBE, description: 'Of kind LOOKUP_EVENTS.' })
  lookupEvents!: LookupEventsConfig | null;

  @Field(() => S3BucketConfig, { ...MAYBE, description: 'Of kind S3_BUCKET.' })
  s3!: S3BucketConfig | null;

  @Field(() => S3SqsConfig, { ...MAYBE, description: 'Of kind S3_SQS.' })
  sqs!: S3SqsConfig | null;

  @Field(() => HttpPushConfig, { ...MAYBE, description: 'Of kind HTTP_PUSH.' })
  httpPush!: HttpPushConfig | null;

  @Field(() => DemoConfig, { ...MAYBE, description: 'Of kind DEMO.' })
  demo!: DemoConfig | null;

  @Field(() => JsonScalar, {
    ...MAYBE,
    description: 'Events that match are counted as dropped and not stored.',
  })
  dropFilter!: EventFilter | null;

  stored!: StoredSource;
}

@ObjectType({ description: 'A new source, and the token that is shown only now.' })
export class CreateSourcePayload {
  @Field(() => Source, { description: 'The source.' })
  source!: Source;

  @Field(() => String, {
    ...MAYBE,
    description: 'The ingest token of an HTTP_PUSH source; null for other kinds.',
  })
  ingestToken!: string | null;
}

export function toSource(source: StoredSource): Source {
  const { _id: id, name, kind, state, createdAt, updatedAt, aws, httpPush, dropFilter } = source;
  const { lookupEvents, s3, sqs, demo } = source;
  return {
    id,
    name,
    kind,
    state,
    createdAt,
    updatedAt,
    aws: aws
      ? {
          region: aws.region ?? 'us-east-1',
          profile: aws.profile,
          roleArn: aws.roleArn,
          externalId: aws.externalId,
          hasStaticKeys: aws.staticKeys !== null,
          endpointUrl: aws.endpointUrl,
        }
      : null,
    lookupEvents,
    s3,
    sqs,
    httpPush: httpPush ? { path: `/ingest/${id}`, tokenHint: httpPush.tokenHint } : null,
    demo,
    dropFilter,
    stored: source,
  };
}
