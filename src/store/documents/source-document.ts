import { modelOptions, prop, Severity } from '@typegoose/typegoose';
import type { EventFilter } from '../../domain/filter';
import type { Rhythm } from '../../domain/rhythm';
import type {
  AwsAccess,
  Counters,
  DemoConfig,
  HttpPushConfig,
  LookupEventsConfig,
  S3BucketConfig,
  S3SqsConfig,
  SourceHealth,
  SourceKind,
  SourceState,
} from '../../domain/source';
import type { SourceConcern } from '../../domain/source-health';

/** How a source is kept; `domain/source.ts` says what the fields mean. */
@modelOptions({
  schemaOptions: { collection: 'sources', versionKey: false, minimize: false, strict: 'throw' },
  options: { allowMixed: Severity.ALLOW },
})
export class SourceDocument {
  @prop({ type: () => String, required: true })
  _id!: string;

  @prop({ type: () => String, required: true })
  name!: string;

  @prop({ type: () => String, required: true })
  kind!: SourceKind;

  @prop({ type: () => String, required: true })
  state!: SourceState;

  @prop({ type: () => Number, required: true })
  epoch!: number;

  @prop({ type: () => Date, required: true })
  createdAt!: Date;

  @prop({ type: () => Date, required: true })
  updatedAt!: Date;

  @prop({ type: () => Date, default: null })
  deletedAt!: Date | null;

  @prop({ type: () => Object, default: null })
  aws!: AwsAccess | null;

  @prop({ type: () => Object, default: null })
  lookupEvents!: LookupEventsConfig | null;

  @prop({ type: () => Object, default: null })
  s3!: S3BucketConfig | null;

  @prop({ type: () => Object, default: null })
  sqs!: S3SqsConfig | null;

  @prop({ type: () => Object, default: null })
  httpPush!: HttpPushConfig | null;

  @prop({ type: () => Object, default: null })
  demo!: DemoConfig | null;

  @prop({ type: () => Object, default: null })
  dropFilter!: EventFilter | null;

  @prop({ type: () => Object, required: true })
  status!: SourceHealth;

  @prop({ type: () => Object, required: true })
  counters!: Counters;

  @prop({ type: () => Number, required: true })
  through!: number;

  @prop({ type: () => Date, default: null })
  heardAt!: Date | null;

  @prop({ type: () => Object })
  rhythm?: Rhythm;

  @prop({ type: () => Object, default: null })
  concern!: SourceConcern | null;

  @prop({ type: () => Date })
  changedAt?: Date;

  @prop({ type: () => Date, default: null })
  nextRunAt!: Date | null;

  @prop({ type: () => String, default: null })
  token!: string | null;
}
