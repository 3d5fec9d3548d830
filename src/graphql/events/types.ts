import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { StreamPosition } from '../../domain/commit';
import { streamCursor } from '../../domain/cursor';
import type { Enrichment as StoredEnrichment, StoredEvent } from '../../domain/event';
import { DateTimeScalar, JsonScalar } from '../scalars';
import { Enrichment } from './enrichment-types';

@ObjectType({ description: "The record's userIdentity." })
export class UserIdentity {
  @Field(() => String, { nullable: true, description: 'IAMUser, AssumedRole, Root, AWSService ...' })
  type!: string | null;

  @Field(() => String, { nullable: true, description: 'Unique id of the caller.' })
  principalId!: string | null;

  @Field(() => String, { nullable: true, description: 'ARN of the caller.' })
  arn!: string | null;

  @Field(() => String, { nullable: true, description: 'Account of the caller.' })
  accountId!: string | null;

  @Field(() => String, { nullable: true, description: 'Access key that signed the request.' })
  accessKeyId!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of an IAM user.' })
  userName!: string | null;

  @Field(() => String, { nullable: true, description: 'Service that called on behalf.' })
  invokedBy!: string | null;

  @Field(() => JsonScalar, { nullable: true, description: 'Session issuer and attributes.' })
  sessionContext!: unknown;
}

@ObjectType({ description: 'A resource that the action touched.' })
export class EventResource {
  @Field(() => String, { nullable: true, description: 'Its ARN.' })
  ARN!: string | null;

  @Field(() => String, { nullable: true, description: 'Its account.' })
  accountId!: string | null;

  @Field(() => String, { nullable: true, description: 'Such as AWS::S3::Bucket.' })
  type!: string | null;
}

/** Fields of a record that are text, or null where they are of another shape. */
const TEXT = { nullable: true } as const;

@ObjectType({
  description: "A CloudTrail record, under CloudTrail's own names, and what TrailGraph adds to it.",
})
export class EnrichedEvent {
  @Field(() => String, {
    description:
      'Position in the stream of stored events, in the order they were stored: give it to eventEnriched(after:) to resume.',
  })
  cursor!: string;

  @Field(() => ID, {
    description:
      'What makes the event one: its eventID in lower case where that is a UUID, else a hash of the record.',
  })
  id!: string;

  @Field(() => String, { ...TEXT, description: 'As CloudTrail gave it.' })
  eventID!: string | null;

  @Field(() => String, { ...TEXT, description: 'Version of the record format.' })
  eventVersion!: string | null;

  @Field(() => DateTimeScalar, { description: 'When the action happened.' })
  eventTime!: Date;

  @Field(() => String, { ...TEXT, description: 'The action, such as AssumeRole.' })
  eventName!: string | null;

  @Field(() => String, { ...TEXT, description: 'The service, such as sts.amazonaws.com.' })
  eventSource!: string | null;

  @Field(() => String, { ...TEXT, description: 'AwsApiCall, AwsServiceEvent, AwsConsoleSignIn ...' })
  eventType!: string | null;

  @Field(() => String, { ...TEXT, description: 'Management, Data, Insight, NetworkActivity.' })
  eventCategory!: string | null;

  @Field(() => String, { ...TEXT, description: 'Region that logged it.' })
  awsRegion!: string | null;

  @Field(() => String, { ...TEXT, description: 'Account that received the event.' })
  recipientAccountId!: string | null;

  @Field(() => String, {
    ...TEXT,
    description: 'An address, a service name, `AWS Internal`, or something else.',
  })
  sourceIPAddress!: string | null;

  @Field(() => String, { ...TEXT, description: 'The program that called.' })
  userAgent!: string | null;

  @Field(() => Boolean, { ...TEXT, description: 'Whether the action only reads.' })
  readOnly!: boolean | null;

  @Field(() => Boolean, { ...TEXT, description: 'Whether it is a management event.' })
  managementEvent!: boolean | null;

  @Field(() => String, { ...TEXT, description: 'Id of the request.' })
  requestID!: string | null;

  @Field(() => String, { ...TEXT, description: 'Links the events that one action made in several accounts.' })
  sharedEventID!: string | null;

  @Field(() => String, { ...TEXT, description: 'Why it failed, such as AccessDenied.' })
  errorCode!: string | null;

  @Field(() => String, { ...TEXT, description: 'Why it failed, in words.' })
  errorMessage!: string | null;

  @Field(() => UserIdentity, { ...TEXT, description: 'Who called, as the record says.' })
  userIdentity!: UserIdentity | null;

  @Field(() => JsonScalar, {
    ...TEXT,
    description: 'What was asked for, in whatever shape the service uses.',
  })
  requestParameters!: unknown;

  @Field(() => JsonScalar, { ...TEXT, description: 'What was answered, in whatever shape the service uses.' })
  responseElements!: unknown;

  @Field(() => [EventResource], { description: 'What was touched.' })
  resources!: EventResource[];

  @Field(() => Enrichment, { description: 'Where, who, and whether it succeeded.' })
  enrichment!: Enrichment;

  @Field(() => ID, { description: 'The source that stored it first.' })
  sourceId!: string;

  @Field(() => DateTimeScalar, { description: 'When it was stored.' })
  ingestedAt!: Date;

  /** For the fields that are made only where they are asked for. */
  stored!: StoredEvent;
}

@ObjectType({ description: 'received = stored + duplicates + dropped + rejected.length' })
export class IngestResult {
  @Field(() => Int, { description: 'Records that came.' })
  received!: number;

  @Field(() => Int, { description: 'Events stored for the first time.' })
  stored!: number;

  @Field(() => Int, { description: 'Records that were stored already.' })
  duplicates!: number;

  @Field(() => Int, { description: "Records that matched the source's drop filter." })
  dropped!: number;

  @Field(() => [RejectedRecord], { description: 'Records that could not be kept; at most 1,000 are listed.' })
  rejected!: RejectedRecord[];
}

@ObjectType({ description: 'A record that could not be kept.' })
export class RejectedRecord {
  @Field(() => Int, { description: 'Its place among the records, from 0.' })
  index!: number;

  @Field(() => String, { description: 'What is wrong with it.' })
  reason!: string;
}

export const EventOrderFieldEnum = { EVENT_TIME: 'EVENT_TIME', INGESTED_AT: 'INGESTED_AT' } as const;
registerEnumType(EventOrderFieldEnum, {
  name: 'EventOrderField',
  description: 'By what events are sorted.',
  valuesConfig: {
    EVENT_TIME: { description: 'When it happened.' },
    INGESTED_AT: { description: 'When it was stored.' },
  },
});
export const SortDirectionEnum = { ASC: 'ASC', DESC: 'DESC' } as const;
registerEnumType(SortDirectionEnum, {
  name: 'SortDirection',
  description: 'In which direction.',
  valuesConfig: {
    ASC: { description: 'Oldest first.' },
    DESC: { description: 'Newest first.' },
  },
});

@InputType({ description: 'The order of events; newest eventTime first where it is absent.' })
export class EventOrder {
  @Field(() => EventOrderFieldEnum, { description: 'By what.' })
  field!: keyof typeof EventOrderFieldEnum;

  @Field(() => SortDirectionEnum, { description: 'In which direction.' })
  direction!: keyof typeof SortDirectionEnum;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function bool(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : null;
}

function members(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function toIdentity(value: unknown): UserIdentity | null {
  const identity = members(value);
  if (!identity) return null;
  return {
    type: text(identity.type),
    principalId: text(identity.principalId),
    arn: text(identity.arn),
    accountId: text(identity.accountId),
    accessKeyId: text(identity.accessKeyId),
    userName: text(identity.userName),
    invokedBy: text(identity.invokedBy),
    sessionContext: identity.sessionContext ?? null,
  };
}

function toResources(value: unknown): EventResource[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item) => {
    const resource = members(item);
    if (!resource) return [];
    return [
      {
        ARN: text(resource.ARN ?? resource.arn),
        accountId: text(resource.accountId),
        type: text(resource.type),
      },
    ];
  });
}

/** A stored event as the API tells it; a field of another shape than usual is null, while `raw` keeps it. */
export function toEvent(event: StoredEvent, position: StreamPosition): EnrichedEvent {
  return {
    cursor: streamCursor(position),
    id: event._id,
    eventID: text(event.eventID),
    eventVersion: text(event.eventVersion),
    eventTime: event.eventTime,
    eventName: text(event.eventName),
    eventSource: text(event.eventSource),
    eventType: text(event.eventType),
    eventCategory: text(event.eventCategory),
    awsRegion: text(event.awsRegion),
    recipientAccountId: text(event.recipientAccountId),
    sourceIPAddress: text(event.sourceIPAddress),
    userAgent: text(event.userAgent),
    readOnly: bool(event.readOnly),
    managementEvent: bool(event.managementEvent),
    requestID: text(event.requestID),
    sharedEventID: text(event.sharedEventID),
    errorCode: text(event.errorCode),
    errorMessage: text(event.errorMessage),
    userIdentity: toIdentity(event.userIdentity),
    requestParameters: event.requestParameters ?? null,
    responseElements: event.responseElements ?? null,
    resources: toResources(event.resources),
    enrichment: event.enrichment as StoredEnrichment,
    sourceId: event.sourceId,
    ingestedAt: event.ingestedAt,
    stored: event,
  };
}
