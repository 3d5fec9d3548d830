import { Field, Float, Int, ObjectType } from 'type-graphql';
import { DateTimeScalar } from '../scalars';

const MAYBE = { nullable: true } as const;

@ObjectType({ description: 'How a source reaches AWS. Keys are write-only.' })
export class AwsAccess {
  @Field(() => String, { description: 'Region of the calls.' })
  region!: string;

  @Field(() => String, { ...MAYBE, description: "Profile of the server's own AWS configuration." })
  profile!: string | null;

  @Field(() => String, { ...MAYBE, description: 'The role that is assumed.' })
  roleArn!: string | null;

  @Field(() => String, {
    ...MAYBE,
    description:
      "Made here, no secret, and never changed: write it into the role's trust policy as sts:ExternalId.",
  })
  externalId!: string | null;

  @Field(() => Boolean, { description: 'Whether access keys were given.' })
  hasStaticKeys!: boolean;

  @Field(() => String, { ...MAYBE, description: 'Endpoint of an S3-compatible server.' })
  endpointUrl!: string | null;
}

@ObjectType({ description: 'Polling of LookupEvents: management and Insights events of the last 90 days.' })
export class LookupEventsConfig {
  @Field(() => [String], { description: 'Regions to ask; empty: all Regions.' })
  regions!: string[];

  @Field(() => [String], {
    description:
      'Accounts whose role is assumed, where roleArn has {accountId}; empty: the account of the caller.',
  })
  accountIds!: string[];

  @Field(() => Int, { description: 'Seconds between two polls.' })
  pollIntervalSeconds!: number;

  @Field(() => Int, {
    description: 'Seconds by which CloudTrail may deliver late and the next polls still find it.',
  })
  overlapSeconds!: number;
}

@ObjectType({ description: 'A queue that is told of new log files.' })
export class S3SqsConfig {
  @Field(() => String, { description: 'Its URL.' })
  queueUrl!: string;

  @Field(() => Int, { description: 'Messages that may be received and not yet deleted.' })
  maxInFlight!: number;
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
  @Field(() => String, {
    description: 'POST records here, in any shape that AWS sends them in, with the ingest token as Bearer.',
  })
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
