import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { BatchState, Batch as StoredBatch } from '../../domain/batch';
import type { EventFilter } from '../../domain/filter';
import type { HealthStatus, SourceKind, SourceState, Source as StoredSource } from '../../domain/source';
import { BigIntScalar, DateTimeScalar, JsonScalar } from '../scalars';

export const SourceKindEnum = { S3_BUCKET: 'S3_BUCKET', HTTP_PUSH: 'HTTP_PUSH', DEMO: 'DEMO' } as const;
registerEnumType(SourceKindEnum, { name: 'SourceKind', description: 'How events come in.' });
export const SourceStateEnum = { ACTIVE: 'ACTIVE', PAUSED: 'PAUSED' } as const;
registerEnumType(SourceStateEnum, { name: 'SourceState', description: 'Whether a source is read.' });
export const HealthStatusEnum = {
  UNKNOWN: 'UNKNOWN',
  HEALTHY: 'HEALTHY',
  DEGRADED: 'DEGRADED',
  FAILING: 'FAILING',
} as const;
registerEnumType(HealthStatusEnum, { name: 'HealthStatus', description: 'How something fares.' });
export const BatchStateEnum = {
  PENDING: 'PENDING',
  DONE: 'DONE',
  FAILED: 'FAILED',
  QUARANTINED: 'QUARANTINED',
  CANCELLED: 'CANCELLED',
} as const;
registerEnumType(BatchStateEnum, {
  name: 'BatchState',
  description:
    'FAILED: the object is gone or denied for a day. QUARANTINED: it killed its worker three times, or nobody can read it.',
});

const MAYBE = { nullable: true } as const;

@ObjectType({ description: 'How a source reaches AWS. Keys are write-only.' })
export class AwsAccess {
  @Field(() => String, { description: 'Region of the calls.' })
  region!: string;

  @Field(() => String, { ...MAYBE, description: "Profile of the server's own AWS configuration." })
  profile!: string | null;

  @Field(() => Boolean, { description: 'Whether access keys were given.' })
  hasStaticKeys!: boolean;

  @Field(() => String, { ...MAYBE, description: 'Endpoint of an S3-compatible server.' })
  endpointUrl!: string | null;
}

@ObjectType({ description: 'A bucket that CloudTrail delivers to.' })
export class S3BucketConfig {
  @Field(() => String, { description: 'Its name.' })
  bucket!: string;

  @Field(() => String, { ...MAYBE, description: 'What stands before AWSLogs/ in the keys.' })
  prefix!: string | null;

  @Field(() => [String], { ...MAYBE, description: 'Accounts to read; null: all that are found.' })
  accountIds!: string[] | null;

  @Field(() => [String], { ...MAYBE, description: 'Regions to read; null: all that are found.' })
  regions!: string[] | null;

  @Field(() => String, { ...MAYBE, description: 'Of an organization trail; null: found by listing.' })
  organizationId!: string | null;

  @Field(() => Int, { description: 'Seconds between two listings.' })
  pollIntervalSeconds!: number;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description: 'Objects delivered before this day are left out; null: none.',
  })
  startAt!: Date | null;
}

@ObjectType({ description: 'Records that are pushed by HTTP.' })
export class HttpPushConfig {
  @Field(() => String, { description: 'POST {"Records":[...]} here, with the ingest token as Bearer.' })
  path!: string;

  @Field(() => String, { description: 'The last four characters of the ingest token.' })
  tokenHint!: string;
}

@ObjectType({ description: 'Believable records, made up.' })
export class DemoConfig {
  @Field(() => Float, { description: 'Records a second.' })
  eventsPerSecond!: number;

  @Field(() => Int, { ...MAYBE, description: 'The same seed tells the same story.' })
  seed!: number | null;
}

@ObjectType({ description: 'The counters reconcile: received = stored + duplicates + dropped + rejected.' })
export class SourceStatus {
  @Field(() => HealthStatusEnum, { description: 'How the source fares.' })
  health!: HealthStatus;

  @Field(() => String, { ...MAYBE, description: 'What went wrong last.' })
  lastError!: string | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it went wrong.' })
  lastErrorAt!: Date | null;

  @Field(() => String, { ...MAYBE, description: 'What to do about it.' })
  remedy!: string | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it was last read without an error.' })
  lastSuccessAt!: Date | null;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it is read next.' })
  nextRunAt!: Date | null;

  @Field(() => Int, {
    ...MAYBE,
    description: 'Seconds since the checkpoint; null where nothing was read yet.',
  })
  lagSeconds!: number | null;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description: 'Everything that was delivered before this is settled.',
  })
  checkpoint!: Date | null;

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

  @Field(() => S3BucketConfig, { ...MAYBE, description: 'Of kind S3_BUCKET.' })
  s3!: S3BucketConfig | null;

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

@ObjectType({ description: 'A unit of fetched work in the ledger: one S3 object, one pushed body.' })
export class Batch {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => ID, { description: 'The source it came from.' })
  sourceId!: string;

  @Field(() => String, { description: 'What it is, such as s3://bucket/key.' })
  reference!: string;

  @Field(() => BatchStateEnum, { description: 'Where it stands.' })
  state!: BatchState;

  @Field(() => Int, { description: 'How often it was taken up.' })
  attempts!: number;

  @Field(() => Int, { description: 'Records in it.' })
  received!: number;

  @Field(() => Int, { description: 'Events stored for the first time.' })
  stored!: number;

  @Field(() => Int, { description: 'Records that were stored already.' })
  duplicates!: number;

  @Field(() => Int, { description: 'Records that matched the drop filter.' })
  dropped!: number;

  @Field(() => Int, { description: 'Records that could not be kept.' })
  rejected!: number;

  @Field(() => String, { ...MAYBE, description: 'What went wrong.' })
  error!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it came into the ledger.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it was settled.' })
  doneAt!: Date | null;
}

export function toSource(source: StoredSource): Source {
  const { _id: id, name, kind, state, createdAt, updatedAt, aws, s3, httpPush, demo, dropFilter } = source;
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
          hasStaticKeys: aws.staticKeys !== null,
          endpointUrl: aws.endpointUrl,
        }
      : null,
    s3,
    httpPush: httpPush ? { path: `/ingest/${id}`, tokenHint: httpPush.tokenHint } : null,
    demo,
    dropFilter,
    stored: source,
  };
}

export function toBatch(batch: StoredBatch): Batch {
  const {
    _id: id,
    sourceId,
    reference,
    state,
    attempts,
    received,
    stored,
    duplicates,
    dropped,
    rejected,
    error,
    createdAt,
    doneAt,
  } = batch;
  return {
    id,
    sourceId,
    reference,
    state,
    attempts,
    received,
    stored,
    duplicates,
    dropped,
    rejected,
    error,
    createdAt,
    doneAt,
  };
}
