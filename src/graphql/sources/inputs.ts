import { Field, Float, InputType, Int } from 'type-graphql';
import { EventFilterInput } from '../events/filter-input';
import { DateTimeScalar } from '../scalars';

const MAYBE = { nullable: true } as const;

@InputType({ description: 'How to reach AWS. Keys are sealed and never shown again.' })
export class AwsAccessInput {
  @Field(() => String, { ...MAYBE, description: 'us-east-1 where it is absent.' })
  region?: string | null;

  @Field(() => String, {
    ...MAYBE,
    description: "Profile of the server's own AWS configuration; ADMIN only.",
  })
  profile?: string | null;

  @Field(() => String, {
    ...MAYBE,
    description:
      "ARN of a role that is assumed on top of the source's keys, the profile or the server's own credentials. " +
      '{accountId} in it stands for each account of a LOOKUP_EVENTS source in turn.',
  })
  roleArn?: string | null;

  @Field(() => String, {
    ...MAYBE,
    description:
      "Access key id. Without keys and endpointUrl the server's own credentials are used; that is an ADMIN's to decide.",
  })
  accessKeyId?: string | null;

  @Field(() => String, { ...MAYBE, description: 'Secret access key.' })
  secretAccessKey?: string | null;

  @Field(() => String, { ...MAYBE, description: 'Of temporary keys.' })
  sessionToken?: string | null;

  @Field(() => String, { ...MAYBE, description: 'http(s) URL of an S3-compatible server.' })
  endpointUrl?: string | null;
}

@InputType({
  description:
    'Polling of LookupEvents: management and Insights events. The first poll begins overlapSeconds ago; what is older, ' +
    'up to 90 days, is for startBackfill.',
})
export class LookupEventsInput {
  @Field(() => [String], {
    ...MAYBE,
    description:
      'Absent or empty: all Regions of the AWS partition, without those that the account has not switched on.',
  })
  regions?: string[] | null;

  @Field(() => [String], {
    ...MAYBE,
    description: 'Accounts whose role is assumed, where roleArn has {accountId}.',
  })
  accountIds?: string[] | null;

  @Field(() => Int, {
    ...MAYBE,
    description: '10 to 86,400 seconds between two polls; 60 where it is absent.',
  })
  pollIntervalSeconds?: number | null;

  @Field(() => Int, {
    ...MAYBE,
    description:
      '300 to 86,400 seconds; 3,600 where it is absent. An event that CloudTrail delivers late by less is found by ' +
      'the next polls, within 10 minutes or so where there are many; one that is late by up to a day, within 6 hours.',
  })
  overlapSeconds?: number | null;
}

@InputType({
  description: 'A queue that is told of new log files, by S3, SNS, EventBridge or CloudTrail itself.',
})
export class S3SqsInput {
  @Field(() => String, {
    description: 'Its URL, like https://sqs.eu-west-1.amazonaws.com/111122223333/trail.',
  })
  queueUrl!: string;

  @Field(() => Int, {
    ...MAYBE,
    description: '1 to 1,000 messages that may be received and not yet deleted; 100 where it is absent.',
  })
  maxInFlight?: number | null;
}

@InputType({ description: 'A bucket that CloudTrail delivers to.' })
export class S3BucketInput {
  @Field(() => String, { description: 'Its name.' })
  bucket!: string;

  @Field(() => String, { ...MAYBE, description: 'What stands before AWSLogs/ in the keys.' })
  prefix?: string | null;

  @Field(() => [String], { ...MAYBE, description: 'Twelve digits each; absent: all that are found.' })
  accountIds?: string[] | null;

  @Field(() => [String], { ...MAYBE, description: 'Absent: all that are found.' })
  regions?: string[] | null;

  @Field(() => String, { ...MAYBE, description: 'Of an organization trail; absent: found by listing.' })
  organizationId?: string | null;

  @Field(() => Int, {
    ...MAYBE,
    description: '5 to 86,400 seconds between two listings; 60 where it is absent.',
  })
  pollIntervalSeconds?: number | null;

  @Field(() => DateTimeScalar, {
    ...MAYBE,
    description: 'Leave out what was delivered before this day; absent: everything there is.',
  })
  startAt?: Date | null;
}

@InputType({ description: 'Records that are pushed by HTTP.' })
export class HttpPushInput {
  @Field(() => String, {
    ...MAYBE,
    description: 'A token of your own, 32 characters at least; absent: one is made and shown once.',
  })
  token?: string | null;
}

@InputType({ description: 'Believable records, made up.' })
export class DemoInput {
  @Field(() => Float, { ...MAYBE, description: '0.01 to 1,000; 5 where it is absent.' })
  eventsPerSecond?: number | null;

  @Field(() => Int, { ...MAYBE, description: 'The same seed tells the same story; 1 where it is absent.' })
  seed?: number | null;
}

@InputType({ description: 'Exactly one of lookupEvents, s3, sqs, httpPush, demo: it sets the kind.' })
export class CreateSourceInput {
  @Field(() => String, { description: '1 to 100 characters.' })
  name!: string;

  @Field(() => AwsAccessInput, { ...MAYBE, description: 'For kinds that read from AWS.' })
  aws?: AwsAccessInput | null;

  @Field(() => LookupEventsInput, { ...MAYBE, description: 'Makes a LOOKUP_EVENTS source.' })
  lookupEvents?: LookupEventsInput | null;

  @Field(() => S3BucketInput, { ...MAYBE, description: 'Makes an S3_BUCKET source.' })
  s3?: S3BucketInput | null;

  @Field(() => S3SqsInput, { ...MAYBE, description: 'Makes an S3_SQS source.' })
  sqs?: S3SqsInput | null;

  @Field(() => HttpPushInput, { ...MAYBE, description: 'Makes an HTTP_PUSH source.' })
  httpPush?: HttpPushInput | null;

  @Field(() => DemoInput, { ...MAYBE, description: 'Makes a DEMO source.' })
  demo?: DemoInput | null;

  @Field(() => EventFilterInput, {
    ...MAYBE,
    description: 'Events that match are counted as dropped and not stored.',
  })
  dropFilter?: EventFilterInput | null;
}

@InputType({
  description: 'An absent member keeps, null clears; a block of another source kind is an error.',
})
export class UpdateSourceInput {
  @Field(() => String, { ...MAYBE, description: '1 to 100 characters.' })
  name?: string | null;

  @Field(() => AwsAccessInput, { ...MAYBE, description: 'Members that are absent keep.' })
  aws?: AwsAccessInput | null;

  @Field(() => LookupEventsInput, { ...MAYBE, description: 'Of a LOOKUP_EVENTS source; replaces the block.' })
  lookupEvents?: LookupEventsInput | null;

  @Field(() => S3BucketInput, { ...MAYBE, description: 'Of an S3_BUCKET source; replaces the block.' })
  s3?: S3BucketInput | null;

  @Field(() => S3SqsInput, { ...MAYBE, description: 'Of an S3_SQS source; replaces the block.' })
  sqs?: S3SqsInput | null;

  @Field(() => HttpPushInput, { ...MAYBE, description: 'Of an HTTP_PUSH source.' })
  httpPush?: HttpPushInput | null;

  @Field(() => DemoInput, { ...MAYBE, description: 'Of a DEMO source.' })
  demo?: DemoInput | null;

  @Field(() => EventFilterInput, { ...MAYBE, description: 'Null: nothing is dropped.' })
  dropFilter?: EventFilterInput | null;
}
