/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** What stands in sourceIPAddress: a public or private address, an AWS service's DNS name, `AWS Internal`, or something else. */
export type AddressKind =
  /** `AWS Internal`. */
  | 'AWS_INTERNAL'
  /** The DNS name of an AWS service, which called on somebody's behalf. */
  | 'AWS_SERVICE'
  /** An address of a special-purpose range. */
  | 'PRIVATE'
  /** An address that the Internet routes. */
  | 'PUBLIC'
  /** Nothing, or something else. */
  | 'UNKNOWN';

/** What came of an action. */
export type AuditOutcome =
  /** It was done. */
  | 'DONE'
  /** It failed on our side. */
  | 'FAILED'
  /** The caller may not, or asked for what can not be. */
  | 'REFUSED'
  /** It is under way, or the server ended before it could say. */
  | 'UNKNOWN';

/** How to reach AWS. Keys are sealed and never shown again. */
export type AwsAccessInput = {
  /** Access key id. Without keys and endpointUrl the server's own credentials are used; that is an ADMIN's to decide. */
  accessKeyId?: string | null | undefined;
  /** http(s) URL of an S3-compatible server. */
  endpointUrl?: string | null | undefined;
  /** Profile of the server's own AWS configuration; ADMIN only. */
  profile?: string | null | undefined;
  /** us-east-1 where it is absent. */
  region?: string | null | undefined;
  /** ARN of a role that is assumed on top of the source's keys, the profile or the server's own credentials. {accountId} in it stands for each account of a LOOKUP_EVENTS source in turn. */
  roleArn?: string | null | undefined;
  /** Secret access key. */
  secretAccessKey?: string | null | undefined;
  /** Of temporary keys. */
  sessionToken?: string | null | undefined;
};

/** PAUSED: what is in the ledger is still stored. FAILED: the source can not be read; resume it once that is mended. */
export type BackfillState =
  /** By cancelBackfill, or with its source. */
  | 'CANCELLED'
  /** Read and stored to its end. */
  | 'DONE'
  /** The source could not be read. */
  | 'FAILED'
  /** Waits for resumeBackfill. */
  | 'PAUSED'
  /** Is read, or waits for its turn. */
  | 'RUNNING';

/** FAILED: the object is gone or denied for a day. QUARANTINED: it killed its worker three times, or nobody can read it. */
export type BatchState =
  /** With its source or its backfill. */
  | 'CANCELLED'
  /** All of its records are stored or accounted for. */
  | 'DONE'
  /** The object is gone, or was denied for a day. */
  | 'FAILED'
  /** Not settled yet. */
  | 'PENDING'
  /** Nobody can read it, or it killed its worker three times. */
  | 'QUARANTINED';

/** WARN: works, and should be looked at. SKIPPED: not tried, since a step that it rests on did not succeed. */
export type CheckStatus =
  /** Does not work: see its remedy. */
  | 'FAIL'
  /** Works. */
  | 'PASS'
  /** Not tried. */
  | 'SKIPPED'
  /** Works, and should be looked at. */
  | 'WARN';

/** What an API key is to be. */
export type CreateApiKeyInput = {
  /** When it runs out; absent: never. */
  expiresAt?: string | null | undefined;
  /** 1 to 100 characters: what it is for. */
  name: string;
  /** What its holder may do. */
  role: Role;
};

/** Exactly one of lookupEvents, s3, sqs, httpPush, demo: it sets the kind. */
export type CreateSourceInput = {
  /** For kinds that read from AWS. */
  aws?: AwsAccessInput | null | undefined;
  /** Makes a DEMO source. */
  demo?: DemoInput | null | undefined;
  /** Events that match are counted as dropped and not stored. */
  dropFilter?: EventFilter | null | undefined;
  /** Makes an HTTP_PUSH source. */
  httpPush?: HttpPushInput | null | undefined;
  /** Makes a LOOKUP_EVENTS source. */
  lookupEvents?: LookupEventsInput | null | undefined;
  /** 1 to 100 characters. */
  name: string;
  /** Makes an S3_BUCKET source. */
  s3?: S3BucketInput | null | undefined;
  /** Makes an S3_SQS source. */
  sqs?: S3SqsInput | null | undefined;
};

/** batchSize 1-1000, default 1; a webhook without sourceIds leaves DEMO sources out: name the demo source to hear it. */
export type CreateWebhookInput = {
  /** Sign by an ed25519 key as well (v1a): receivers then need only the public key. */
  asymmetric?: boolean | null | undefined;
  /** Events in a body at most, 1 to 1000; 1 where it is absent. */
  batchSize?: number | null | undefined;
  /** What it hears of, one at least; absent: CLOUDTRAIL. */
  events?: Array<WebhookEventType> | null | undefined;
  /** Which events; absent: all. */
  filter?: EventFilter | null | undefined;
  /** How bodies are written; absent: ENRICHED. */
  format?: WebhookFormat | null | undefined;
  /** At most 20. */
  headers?: Array<HeaderInput> | null | undefined;
  /** Requests a second at most, 0.01 to 1,000; absent: as many as the receiver takes. */
  maxPerSecond?: number | null | undefined;
  /** 1 to 100 characters. */
  name: string;
  /** One request at a time, in the order of storing: one that fails holds up all after it. */
  ordered?: boolean | null | undefined;
  /** A secret of your own: whsec_ and base64 of 24 to 64 bytes; absent: one is made. */
  secret?: string | null | undefined;
  /** Whose events; absent: of all sources but the demo. */
  sourceIds?: Array<string> | null | undefined;
  /** 1,000 to 30,000; 15,000 where it is absent. */
  timeoutMs?: number | null | undefined;
  /** http or https; no private address unless WEBHOOK_ALLOW_CIDRS opens it. */
  url: string;
};

/** An e-mail address and a password. */
export type CredentialsInput = {
  /** Case does not matter. */
  email: string;
  /** 8 to 128 characters, not one of the most common passwords. */
  password: string;
};

/** Which deliveries. Members are AND-ed, values in a list OR-ed. */
export type DeliveryFilter = {
  /** With one of these events. */
  eventIds?: Array<string> | null | undefined;
  /** Made at or after this. */
  from?: string | null | undefined;
  /** In these states. */
  states?: Array<DeliveryState> | null | undefined;
  /** Made before this. */
  to?: string | null | undefined;
  /** Of these webhooks. */
  webhookIds?: Array<string> | null | undefined;
};

/** Where a delivery stands. */
export type DeliveryState =
  /** By cancelDelivery, or with its webhook. */
  | 'CANCELLED'
  /** Answered by 2xx. */
  | 'DELIVERED'
  /** Given up. */
  | 'FAILED'
  /** To be sent, or sent again. */
  | 'PENDING';

/** Believable records, made up. */
export type DemoInput = {
  /** 0.01 to 1,000; 5 where it is absent. */
  eventsPerSecond?: number | null | undefined;
  /** The same seed tells the same story; 1 where it is absent. */
  seed?: number | null | undefined;
};

/** What events are counted by. The key is the event's own value: COUNTRY ISO 3166-1 alpha-2, ASN its number, ACTOR a name, ADDRESS what stands in sourceIPAddress, SOURCE the id of the source that stored it. */
export type EventDimension =
  /** recipientAccountId. */
  | 'ACCOUNT'
  /** enrichment.actor.name. */
  | 'ACTOR'
  /** sourceIPAddress. */
  | 'ADDRESS'
  /** Of the network that the address belongs to; its number. */
  | 'ASN'
  /** awsRegion. */
  | 'AWS_REGION'
  /** Of the address. */
  | 'CITY'
  /** Of the address; ISO 3166-1 alpha-2. */
  | 'COUNTRY'
  /** errorCode; events without one are left out. */
  | 'ERROR_CODE'
  /** eventName. */
  | 'EVENT_NAME'
  /** eventSource. */
  | 'EVENT_SOURCE'
  /** userIdentity.type. */
  | 'IDENTITY_TYPE'
  /** SUCCESS or FAILURE. */
  | 'OUTCOME'
  /** The source that stored it, by id. */
  | 'SOURCE';

/** Members are AND-ed, values in a list OR-ed, a trailing * matches a prefix, addresses also take CIDR, text looks into names, ARNs, addresses, errors and resources. One language for queries, subscriptions, webhooks and drop filters. Nests at most 4 deep and holds at most 200 values of at most 1 KB. */
export type EventFilter = {
  /** Access keys that signed the request. */
  accessKeyIds?: Array<string> | null | undefined;
  /** Accounts that received the event. */
  accountIds?: Array<string> | null | undefined;
  /** Names or ARNs of who acted. */
  actors?: Array<string> | null | undefined;
  /** Kinds of sourceIPAddress. */
  addressKinds?: Array<AddressKind> | null | undefined;
  /** What stands in sourceIPAddress, or a CIDR such as 203.0.113.0/24. */
  addresses?: Array<string> | null | undefined;
  /** All of these must match. */
  all?: Array<EventFilter> | null | undefined;
  /** At least one of these must match. */
  any?: Array<EventFilter> | null | undefined;
  /** Autonomous system numbers. */
  asns?: Array<number> | null | undefined;
  /** Such as eu-central-1 or us-*. */
  awsRegions?: Array<string> | null | undefined;
  /** ISO 3166-1 alpha-2. */
  countryCodes?: Array<string> | null | undefined;
  /** Such as AccessDenied. */
  errorCodes?: Array<string> | null | undefined;
  /** Such as AssumeRole or Delete*. */
  eventNames?: Array<string> | null | undefined;
  /** Such as iam.amazonaws.com. */
  eventSources?: Array<string> | null | undefined;
  /** eventTime at or after this. */
  from?: string | null | undefined;
  /** Such as Root or AssumedRole. */
  identityTypes?: Array<string> | null | undefined;
  /** Ids of events. */
  ids?: Array<string> | null | undefined;
  /** None of these may match. */
  none?: Array<EventFilter> | null | undefined;
  /** Whether the action succeeded. */
  outcome?: Outcome | null | undefined;
  /** Whether the action only reads. */
  readOnly?: boolean | null | undefined;
  /** ARNs of what was touched. */
  resourceARNs?: Array<string> | null | undefined;
  /** Whether the root of an account acted. */
  root?: boolean | null | undefined;
  /** Sources that stored the event first. */
  sourceIds?: Array<string> | null | undefined;
  /** Text that stands in a name, an ARN, an address, an error or a resource, in any case. */
  text?: string | null | undefined;
  /** eventTime before this. */
  to?: string | null | undefined;
};

/** The order of events; newest eventTime first where it is absent. */
export type EventOrder = {
  /** In which direction. */
  direction: SortDirection;
  /** By what. */
  field: EventOrderField;
};

/** By what events are sorted. */
export type EventOrderField =
  /** When it happened. */
  | 'EVENT_TIME'
  /** When it was stored. */
  | 'INGESTED_AT';

/** A header that is sent along. */
export type HeaderInput = {
  /** Its name. */
  name: string;
  /** Its value, at most 4 KB. */
  value: string;
};

/** How something fares. */
export type HealthStatus =
  /** Works, but not as it should. */
  | 'DEGRADED'
  /** Does not work. */
  | 'FAILING'
  /** All is well. */
  | 'HEALTHY'
  /** Not tried yet. */
  | 'UNKNOWN';

/** Length of a step, in UTC; weeks begin on Mondays. AUTO: the shortest that makes at most 200 steps, and no less than an hour from 12 hours on. */
export type HistogramInterval =
  /** Chosen by the length of the time that is asked for. */
  | 'AUTO'
  /** A day. */
  | 'DAY'
  /** An hour. */
  | 'HOUR'
  /** Six hours. */
  | 'HOUR_6'
  /** A minute. */
  | 'MINUTE'
  /** Five minutes. */
  | 'MINUTE_5'
  /** A quarter of an hour. */
  | 'MINUTE_15'
  /** A week, from Monday on. */
  | 'WEEK';

/** Records that are pushed by HTTP. */
export type HttpPushInput = {
  /** A token of your own, 32 characters at least; absent: one is made and shown once. */
  token?: string | null | undefined;
};

/** Polling of LookupEvents: management and Insights events. The first poll begins overlapSeconds ago; what is older, up to 90 days, is for startBackfill. */
export type LookupEventsInput = {
  /** Accounts whose role is assumed, where roleArn has {accountId}. */
  accountIds?: Array<string> | null | undefined;
  /** 300 to 86,400 seconds; 3,600 where it is absent. An event that CloudTrail delivers late by less is found by the next polls, within 10 minutes or so where there are many; one that is late by up to a day, within 6 hours. */
  overlapSeconds?: number | null | undefined;
  /** 10 to 86,400 seconds between two polls; 60 where it is absent. */
  pollIntervalSeconds?: number | null | undefined;
  /** Absent or empty: all Regions of the AWS partition, without those that the account has not switched on. */
  regions?: Array<string> | null | undefined;
};

/** Whether the action succeeded. */
export type Outcome =
  /** The record tells an error, or a failed sign-in. */
  | 'FAILURE'
  /** No error is told. */
  | 'SUCCESS';

/** Where a replay stands. */
export type ReplayState =
  /** By cancelReplay. */
  | 'CANCELLED'
  /** All that it found was handed on. */
  | 'DONE'
  /** Could not go on. */
  | 'FAILED'
  /** Hands on what it found. */
  | 'RUNNING';

/** What a caller may do: each role includes those before it. */
export type Role =
  /** Also users, keys and audit. */
  | 'ADMIN'
  /** Also writes sources and webhooks, and ingests. */
  | 'OPERATOR'
  /** Reads. */
  | 'VIEWER';

/** A bucket that CloudTrail delivers to. */
export type S3BucketInput = {
  /** Twelve digits each; absent: all that are found. */
  accountIds?: Array<string> | null | undefined;
  /** Its name. */
  bucket: string;
  /** Of an organization trail; absent: found by listing. */
  organizationId?: string | null | undefined;
  /** 5 to 86,400 seconds between two listings; 60 where it is absent. */
  pollIntervalSeconds?: number | null | undefined;
  /** What stands before AWSLogs/ in the keys. */
  prefix?: string | null | undefined;
  /** Absent: all that are found. */
  regions?: Array<string> | null | undefined;
  /** Leave out what was delivered before this day; absent: everything there is. */
  startAt?: string | null | undefined;
};

/** A queue that is told of new log files, by S3, SNS, EventBridge or CloudTrail itself. */
export type S3SqsInput = {
  /** 1 to 1,000 messages that may be received and not yet deleted; 100 where it is absent. */
  maxInFlight?: number | null | undefined;
  /** Its URL, like https://sqs.eu-west-1.amazonaws.com/111122223333/trail. */
  queueUrl: string;
};

/** In which direction. */
export type SortDirection =
  /** Oldest first. */
  | 'ASC'
  /** Newest first. */
  | 'DESC';

/** How events come in. */
export type SourceKind =
  /** Made up, believably. */
  | 'DEMO'
  /** Whoever has the token sends them. */
  | 'HTTP_PUSH'
  /** CloudTrail is asked, Region by Region. */
  | 'LOOKUP_EVENTS'
  /** The log files of a bucket, found by listing. */
  | 'S3_BUCKET'
  /** The log files of buckets, told of by a queue. */
  | 'S3_SQS';

/** Whether a source is read. */
export type SourceState =
  /** It is read. */
  | 'ACTIVE'
  /** It is not, until resumeSource. */
  | 'PAUSED';

/** A stretch of a source's past. */
export type StartBackfillInput = {
  /** Whether webhooks and subscriptions hear of what is stored; by default they do not. */
  deliver?: boolean | null | undefined;
  /** Events from this time on. */
  from: string;
  /** A source of kind LOOKUP_EVENTS, S3_BUCKET or S3_SQS. */
  sourceId: string;
  /** Events before this time; at most now. */
  to: string;
};

/** An absent member keeps, null clears; a block of another source kind is an error. */
export type UpdateSourceInput = {
  /** Members that are absent keep. */
  aws?: AwsAccessInput | null | undefined;
  /** Of a DEMO source. */
  demo?: DemoInput | null | undefined;
  /** Null: nothing is dropped. */
  dropFilter?: EventFilter | null | undefined;
  /** Of an HTTP_PUSH source. */
  httpPush?: HttpPushInput | null | undefined;
  /** Of a LOOKUP_EVENTS source; replaces the block. */
  lookupEvents?: LookupEventsInput | null | undefined;
  /** 1 to 100 characters. */
  name?: string | null | undefined;
  /** Of an S3_BUCKET source; replaces the block. */
  s3?: S3BucketInput | null | undefined;
  /** Of an S3_SQS source; replaces the block. */
  sqs?: S3SqsInput | null | undefined;
};

/** An absent member keeps what is there. */
export type UpdateUserInput = {
  /** Whether the account is closed to logins; closing it ends its sessions. */
  disabled?: boolean | null | undefined;
  /** What the person may do from now on. */
  role?: Role | null | undefined;
};

/** An absent member keeps, null clears, `headers` is replaced whole. */
export type UpdateWebhookInput = {
  /** Sign by an ed25519 key as well; false takes the key away. */
  asymmetric?: boolean | null | undefined;
  /** 1 to 1000; null: 1. */
  batchSize?: number | null | undefined;
  /** What it hears of from now on, one at least; null: CLOUDTRAIL. */
  events?: Array<WebhookEventType> | null | undefined;
  /** Which events; null: all. */
  filter?: EventFilter | null | undefined;
  /** How bodies of deliveries made from now on are written; null: ENRICHED. */
  format?: WebhookFormat | null | undefined;
  /** At most 20; null: none. */
  headers?: Array<HeaderInput> | null | undefined;
  /** 0.01 to 1,000; null: as many as the receiver takes. */
  maxPerSecond?: number | null | undefined;
  /** 1 to 100 characters. */
  name?: string | null | undefined;
  /** One request at a time, in order; null: no. */
  ordered?: boolean | null | undefined;
  /** Whose events; null: of all sources but the demo. */
  sourceIds?: Array<string> | null | undefined;
  /** 1,000 to 30,000; null: 15,000. */
  timeoutMs?: number | null | undefined;
  /** http or https. */
  url?: string | null | undefined;
};

/** What a webhook hears of. */
export type WebhookEventType =
  /** Events of the sources that match its filter. The default. */
  | 'CLOUDTRAIL'
  /** What befalls other webhooks: trailgraph.webhook.disabled, .breaker_opened, .breaker_closed, .delivery_exhausted. Always JSON of its own, whatever the format. */
  | 'OPERATIONAL';

/** How a body is written. Every format is signed alike; schema/webhooks has a JSON Schema of each. */
export type WebhookFormat =
  /** A document of the Elastic Common Schema 8, or a list of them. */
  | 'ECS'
  /** Type, timestamp and the record with its enrichment. The default. */
  | 'ENRICHED'
  /** The body of the log forwarder that the sources REST API stands in for. */
  | 'FORWARDER_V1'
  /** The record alone, exact; a list of records where batchSize is over 1. */
  | 'RAW'
  /** A message for an incoming webhook of Slack; batchSize over 1: ten events and how many more. */
  | 'SLACK';

/** A paused webhook keeps its position and catches up later; a disabled one was given up by us. */
export type WebhookState =
  /** Is sent what matches. */
  | 'ACTIVE'
  /** Given up by TrailGraph: see stateReason. */
  | 'DISABLED'
  /** Keeps its position, and catches up after resumeWebhook. */
  | 'PAUSED';

export type BackfillPartsFragment = { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null };

export type BackfillQueryVariables = Exact<{
  id: string;
}>;


export type BackfillQuery = { backfill: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } | null };

export type SourceBackfillsQueryVariables = Exact<{
  sourceId: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type SourceBackfillsQuery = { source: { backfills: { nodes: Array<{ id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type StartBackfillMutationVariables = Exact<{
  input: StartBackfillInput;
}>;


export type StartBackfillMutation = { startBackfill: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } };

export type PauseBackfillMutationVariables = Exact<{
  id: string;
}>;


export type PauseBackfillMutation = { pauseBackfill: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } };

export type ResumeBackfillMutationVariables = Exact<{
  id: string;
}>;


export type ResumeBackfillMutation = { resumeBackfill: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } };

export type CancelBackfillMutationVariables = Exact<{
  id: string;
}>;


export type CancelBackfillMutation = { cancelBackfill: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } };

export type BackfillProgressSubscriptionVariables = Exact<{
  id: string;
}>;


export type BackfillProgressSubscription = { backfillProgress: { id: string, sourceId: string, from: string, to: string, state: BackfillState, deliver: boolean, percent: number | null, batchesDone: number, batchesTotal: number | null, received: number, stored: number, duplicates: number, position: string | null, etaSeconds: number | null, error: string | null, remedy: string | null, createdAt: string, doneAt: string | null } };

export type EventPartsFragment = { cursor: string, id: string, eventID: string | null, eventTime: string, eventName: string | null, eventSource: string | null, eventType: string | null, eventCategory: string | null, awsRegion: string | null, recipientAccountId: string | null, sourceIPAddress: string | null, userAgent: string | null, readOnly: boolean | null, errorCode: string | null, errorMessage: string | null, sourceId: string, ingestedAt: string, enrichment: { addressKind: AddressKind, outcome: Outcome, actor: { name: string, kind: string, arn: string | null, accountId: string | null, root: boolean, mfa: boolean | null, issuerArn: string | null }, geo: { country: string | null, countryCode: string | null, region: string | null, subregion: string | null, subdivision: string | null, city: string | null, latitude: number | null, longitude: number | null, timeZone: string | null } | null, network: { asn: number | null, organization: string | null } | null } };

export type EventsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: EventFilter | null | undefined;
  orderBy?: EventOrder | null | undefined;
}>;


export type EventsQuery = { events: { nodes: Array<{ cursor: string, id: string, eventID: string | null, eventTime: string, eventName: string | null, eventSource: string | null, eventType: string | null, eventCategory: string | null, awsRegion: string | null, recipientAccountId: string | null, sourceIPAddress: string | null, userAgent: string | null, readOnly: boolean | null, errorCode: string | null, errorMessage: string | null, sourceId: string, ingestedAt: string, enrichment: { addressKind: AddressKind, outcome: Outcome, actor: { name: string, kind: string, arn: string | null, accountId: string | null, root: boolean, mfa: boolean | null, issuerArn: string | null }, geo: { country: string | null, countryCode: string | null, region: string | null, subregion: string | null, subdivision: string | null, city: string | null, latitude: number | null, longitude: number | null, timeZone: string | null } | null, network: { asn: number | null, organization: string | null } | null } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type EventCountQueryVariables = Exact<{
  filter?: EventFilter | null | undefined;
  limit?: number | null | undefined;
}>;


export type EventCountQuery = { events: { totalCount: number } };

export type EventQueryVariables = Exact<{
  id: string;
}>;


export type EventQuery = { event: { eventVersion: string | null, managementEvent: boolean | null, requestID: string | null, sharedEventID: string | null, requestParameters: unknown, responseElements: unknown, raw: unknown, rawText: string, cursor: string, id: string, eventID: string | null, eventTime: string, eventName: string | null, eventSource: string | null, eventType: string | null, eventCategory: string | null, awsRegion: string | null, recipientAccountId: string | null, sourceIPAddress: string | null, userAgent: string | null, readOnly: boolean | null, errorCode: string | null, errorMessage: string | null, sourceId: string, ingestedAt: string, userIdentity: { type: string | null, principalId: string | null, arn: string | null, accountId: string | null, accessKeyId: string | null, userName: string | null, invokedBy: string | null, sessionContext: unknown } | null, resources: Array<{ ARN: string | null, accountId: string | null, type: string | null }>, source: { id: string, name: string } | null, enrichment: { addressKind: AddressKind, outcome: Outcome, actor: { name: string, kind: string, arn: string | null, accountId: string | null, root: boolean, mfa: boolean | null, issuerArn: string | null }, geo: { country: string | null, countryCode: string | null, region: string | null, subregion: string | null, subdivision: string | null, city: string | null, latitude: number | null, longitude: number | null, timeZone: string | null } | null, network: { asn: number | null, organization: string | null } | null } } | null };

export type LiveCursorQueryVariables = Exact<{ [key: string]: never; }>;


export type LiveCursorQuery = { liveCursor: string };

export type IngestEventsMutationVariables = Exact<{
  records?: Array<unknown> | unknown | null | undefined;
  recordsText?: string | null | undefined;
  sourceId?: string | null | undefined;
}>;


export type IngestEventsMutation = { ingestEvents: { received: number, stored: number, duplicates: number, dropped: number, rejected: Array<{ index: number, reason: string }> } };

export type EventEnrichedSubscriptionVariables = Exact<{
  filter?: EventFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type EventEnrichedSubscription = { eventEnriched: { cursor: string, id: string, eventID: string | null, eventTime: string, eventName: string | null, eventSource: string | null, eventType: string | null, eventCategory: string | null, awsRegion: string | null, recipientAccountId: string | null, sourceIPAddress: string | null, userAgent: string | null, readOnly: boolean | null, errorCode: string | null, errorMessage: string | null, sourceId: string, ingestedAt: string, enrichment: { addressKind: AddressKind, outcome: Outcome, actor: { name: string, kind: string, arn: string | null, accountId: string | null, root: boolean, mfa: boolean | null, issuerArn: string | null }, geo: { country: string | null, countryCode: string | null, region: string | null, subregion: string | null, subdivision: string | null, city: string | null, latitude: number | null, longitude: number | null, timeZone: string | null } | null, network: { asn: number | null, organization: string | null } | null } } };

export type HealthQueryVariables = Exact<{ [key: string]: never; }>;


export type HealthQuery = { health: { status: HealthStatus, version: string, uptimeSeconds: number, components: Array<{ name: string, status: HealthStatus, latencyMs: number | null, message: string | null }> } };

export type SessionPartsFragment = { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, email: string, role: Role } };

export type SignUpMutationVariables = Exact<{
  input: CredentialsInput;
  setupToken?: string | null | undefined;
}>;


export type SignUpMutation = { signUp: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, email: string, role: Role } } };

export type LoginMutationVariables = Exact<{
  input: CredentialsInput;
}>;


export type LoginMutation = { login: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, email: string, role: Role } } };

export type RefreshSessionMutationVariables = Exact<{
  refreshToken: string;
}>;


export type RefreshSessionMutation = { refreshSession: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, email: string, role: Role } } };

export type LogoutMutationVariables = Exact<{ [key: string]: never; }>;


export type LogoutMutation = { logout: boolean };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { role: Role, apiKey: { id: string, name: string, prefix: string, role: Role, createdAt: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null } | null, user: { id: string, email: string, role: Role, createdAt: string, lastLoginAt: string | null } | null } | null };

export type UserPartsFragment = { id: string, email: string, role: Role, disabled: boolean, createdAt: string, lastLoginAt: string | null };

export type UsersQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type UsersQuery = { users: { totalCount: number, nodes: Array<{ id: string, email: string, role: Role, disabled: boolean, createdAt: string, lastLoginAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CreateUserMutationVariables = Exact<{
  input: CredentialsInput;
  role: Role;
}>;


export type CreateUserMutation = { createUser: { id: string, email: string, role: Role, disabled: boolean, createdAt: string, lastLoginAt: string | null } };

export type UpdateUserMutationVariables = Exact<{
  id: string;
  input: UpdateUserInput;
}>;


export type UpdateUserMutation = { updateUser: { id: string, email: string, role: Role, disabled: boolean, createdAt: string, lastLoginAt: string | null } };

export type DeleteUserMutationVariables = Exact<{
  id: string;
}>;


export type DeleteUserMutation = { deleteUser: string };

export type ChangePasswordMutationVariables = Exact<{
  current: string;
  next: string;
}>;


export type ChangePasswordMutation = { changePassword: boolean };

export type ApiKeyPartsFragment = { id: string, name: string, prefix: string, role: Role, createdAt: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null };

export type ApiKeysQueryVariables = Exact<{ [key: string]: never; }>;


export type ApiKeysQuery = { apiKeys: Array<{ id: string, name: string, prefix: string, role: Role, createdAt: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null }> };

export type CreateApiKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateApiKeyMutation = { createApiKey: { secret: string, apiKey: { id: string, name: string, prefix: string, role: Role, createdAt: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null } } };

export type RevokeApiKeyMutationVariables = Exact<{
  id: string;
}>;


export type RevokeApiKeyMutation = { revokeApiKey: { id: string, name: string, prefix: string, role: Role, createdAt: string, lastUsedAt: string | null, expiresAt: string | null, revokedAt: string | null } };

export type AuditLogQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type AuditLogQuery = { auditLog: { nodes: Array<{ id: string, at: string, actor: string, action: string, target: string | null, ip: string | null, changes: unknown, outcome: AuditOutcome, error: string | null, requestId: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type QuarantinePartsFragment = { id: string, sourceId: string, batchId: string, position: number, reason: string, createdAt: string };

export type QuarantineQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  sourceId?: string | null | undefined;
}>;


export type QuarantineQuery = { quarantine: { totalCount: number, nodes: Array<{ id: string, sourceId: string, batchId: string, position: number, reason: string, createdAt: string }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type QuarantinedRecordQueryVariables = Exact<{
  id: string;
}>;


export type QuarantinedRecordQuery = { quarantinedRecord: { text: string, id: string, sourceId: string, batchId: string, position: number, reason: string, createdAt: string } | null };

export type RetryQuarantinedMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type RetryQuarantinedMutation = { retryQuarantined: { received: number, stored: number, duplicates: number, dropped: number, rejected: Array<{ index: number, reason: string }> } };

export type ReplayPartsFragment = { id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null };

export type ReplayQueryVariables = Exact<{
  id: string;
}>;


export type ReplayQuery = { replay: { id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null } | null };

export type ReplaysQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type ReplaysQuery = { replays: Array<{ id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null }> };

export type RedeliverAllMutationVariables = Exact<{
  filter: DeliveryFilter;
  dryRun?: boolean | null | undefined;
}>;


export type RedeliverAllMutation = { redeliverAll: { id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null } };

export type ReplayEventsMutationVariables = Exact<{
  webhookId: string;
  filter: EventFilter;
  dryRun?: boolean | null | undefined;
}>;


export type ReplayEventsMutation = { replayEvents: { id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null } };

export type CancelReplayMutationVariables = Exact<{
  id: string;
}>;


export type CancelReplayMutation = { cancelReplay: { id: string, webhookId: string | null, dryRun: boolean, state: ReplayState, matched: number, sent: number, error: string | null, createdAt: string, doneAt: string | null, webhook: { name: string } | null } };

export type SourcePartsFragment = { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } };

export type BatchPartsFragment = { id: string, sourceId: string, reference: string, state: BatchState, attempts: number, received: number, stored: number, duplicates: number, dropped: number, rejected: number, error: string | null, createdAt: string, doneAt: string | null };

export type SourcesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  kinds?: Array<SourceKind> | SourceKind | null | undefined;
  states?: Array<SourceState> | SourceState | null | undefined;
}>;


export type SourcesQuery = { sources: { totalCount: number, nodes: Array<{ id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type SourceQueryVariables = Exact<{
  id: string;
}>;


export type SourceQuery = { source: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } | null };

export type SourceBatchesQueryVariables = Exact<{
  id: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
  states?: Array<BatchState> | BatchState | null | undefined;
}>;


export type SourceBatchesQuery = { source: { batches: { nodes: Array<{ id: string, sourceId: string, reference: string, state: BatchState, attempts: number, received: number, stored: number, duplicates: number, dropped: number, rejected: number, error: string | null, createdAt: string, doneAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type BatchQueryVariables = Exact<{
  id: string;
}>;


export type BatchQuery = { batch: { id: string, sourceId: string, reference: string, state: BatchState, attempts: number, received: number, stored: number, duplicates: number, dropped: number, rejected: number, error: string | null, createdAt: string, doneAt: string | null } | null };

export type CreateSourceMutationVariables = Exact<{
  input: CreateSourceInput;
}>;


export type CreateSourceMutation = { createSource: { ingestToken: string | null, source: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } } };

export type UpdateSourceMutationVariables = Exact<{
  id: string;
  input: UpdateSourceInput;
}>;


export type UpdateSourceMutation = { updateSource: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } };

export type DeleteSourceMutationVariables = Exact<{
  id: string;
}>;


export type DeleteSourceMutation = { deleteSource: string };

export type PauseSourceMutationVariables = Exact<{
  id: string;
}>;


export type PauseSourceMutation = { pauseSource: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } };

export type ResumeSourceMutationVariables = Exact<{
  id: string;
}>;


export type ResumeSourceMutation = { resumeSource: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } };

export type FetchNowMutationVariables = Exact<{
  sourceId: string;
}>;


export type FetchNowMutation = { fetchNow: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } };

export type TestSourceMutationVariables = Exact<{
  id?: string | null | undefined;
  input?: CreateSourceInput | null | undefined;
}>;


export type TestSourceMutation = { testSource: { ok: boolean, callerArn: string | null, sampleRecords: Array<unknown>, policyDocument: unknown, checks: Array<{ name: string, status: CheckStatus, message: string, remedy: string | null, awsAction: string | null }> } };

export type RotateIngestTokenMutationVariables = Exact<{
  id: string;
}>;


export type RotateIngestTokenMutation = { rotateIngestToken: { ingestToken: string | null, source: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } } };

export type SourceChangedSubscriptionVariables = Exact<{
  ids?: Array<string> | string | null | undefined;
}>;


export type SourceChangedSubscription = { sourceChanged: { id: string, name: string, kind: SourceKind, state: SourceState, createdAt: string, updatedAt: string, dropFilter: unknown, aws: { region: string, profile: string | null, roleArn: string | null, externalId: string | null, hasStaticKeys: boolean, endpointUrl: string | null } | null, s3: { bucket: string, prefix: string | null, accountIds: Array<string> | null, regions: Array<string> | null, organizationId: string | null, pollIntervalSeconds: number, startAt: string | null } | null, httpPush: { path: string, tokenHint: string } | null, demo: { eventsPerSecond: number, seed: number | null } | null, status: { health: HealthStatus, lastError: string | null, lastErrorAt: string | null, remedy: string | null, lastSuccessAt: string | null, nextRunAt: string | null, checkpoint: string | null, received: number, stored: number, duplicates: number, dropped: number, rejected: number } } };

export type RetryBatchMutationVariables = Exact<{
  id: string;
}>;


export type RetryBatchMutation = { retryBatch: { id: string, sourceId: string, reference: string, state: BatchState, attempts: number, received: number, stored: number, duplicates: number, dropped: number, rejected: number, error: string | null, createdAt: string, doneAt: string | null } };

export type EventStatsQueryVariables = Exact<{
  filter?: EventFilter | null | undefined;
  interval?: HistogramInterval | null | undefined;
  splitBy?: EventDimension | null | undefined;
  splitTop?: number | null | undefined;
  places?: number | null | undefined;
}>;


export type EventStatsQuery = { eventStats: { from: string, to: string, total: number, failures: number, histogram: { intervalSeconds: number, series: Array<{ key: string | null, times: Array<string>, counts: Array<number> }> }, places: Array<{ latitude: number, longitude: number, countryCode: string | null, city: string | null, count: number, failures: number }> } };

export type EventTopQueryVariables = Exact<{
  filter?: EventFilter | null | undefined;
  by: EventDimension;
  first?: number | null | undefined;
}>;


export type EventTopQuery = { eventStats: { total: number, top: Array<{ key: string, count: number, failures: number }> } };

export type WebhookPartsFragment = { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } };

export type DeliveryPartsFragment = { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean };

export type WebhooksQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  states?: Array<WebhookState> | WebhookState | null | undefined;
}>;


export type WebhooksQuery = { webhooks: { totalCount: number, nodes: Array<{ id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type WebhookQueryVariables = Exact<{
  id: string;
}>;


export type WebhookQuery = { webhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, sources: Array<{ id: string, name: string }>, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } | null };

export type DeliveriesQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  filter?: DeliveryFilter | null | undefined;
}>;


export type DeliveriesQuery = { deliveries: { totalCount: number, nodes: Array<{ id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type DeliveryQueryVariables = Exact<{
  id: string;
}>;


export type DeliveryQuery = { delivery: { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean, attempts: Array<{ number: number, startedAt: string, durationMs: number, responseStatus: number | null, responseBody: string | null, failure: string | null, address: string | null }>, webhook: { id: string, name: string } | null } | null };

export type CreateWebhookMutationVariables = Exact<{
  input: CreateWebhookInput;
}>;


export type CreateWebhookMutation = { createWebhook: { secret: string, webhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } } };

export type UpdateWebhookMutationVariables = Exact<{
  id: string;
  input: UpdateWebhookInput;
}>;


export type UpdateWebhookMutation = { updateWebhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } };

export type DeleteWebhookMutationVariables = Exact<{
  id: string;
}>;


export type DeleteWebhookMutation = { deleteWebhook: string };

export type PauseWebhookMutationVariables = Exact<{
  id: string;
}>;


export type PauseWebhookMutation = { pauseWebhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } };

export type ResumeWebhookMutationVariables = Exact<{
  id: string;
}>;


export type ResumeWebhookMutation = { resumeWebhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } };

export type RotateWebhookSecretMutationVariables = Exact<{
  id: string;
  graceSeconds?: number | null | undefined;
}>;


export type RotateWebhookSecretMutation = { rotateWebhookSecret: { secret: string, webhook: { id: string, name: string, url: string, state: WebhookState, stateReason: string | null, events: Array<WebhookEventType>, filter: unknown, sourceIds: Array<string> | null, headerNames: Array<string>, secretHint: string, batchSize: number, timeoutMs: number, maxPerSecond: number | null, ordered: boolean, publicKey: string | null, createdAt: string, updatedAt: string, stats: { behind: number, pending: number, delivered: number, failed: number, consecutiveFailures: number, p50Ms: number | null, p95Ms: number | null, breakerOpenUntil: string | null } } } };

export type SendTestDeliveryMutationVariables = Exact<{
  webhookId: string;
}>;


export type SendTestDeliveryMutation = { sendTestDelivery: { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean } };

export type RedeliverMutationVariables = Exact<{
  id: string;
}>;


export type RedeliverMutation = { redeliver: { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean } };

export type CancelDeliveryMutationVariables = Exact<{
  id: string;
}>;


export type CancelDeliveryMutation = { cancelDelivery: { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean } };

export type DeliveryTraceQueryVariables = Exact<{
  eventId: string;
}>;


export type DeliveryTraceQuery = { deliveryTrace: Array<{ webhookId: string, matched: boolean, reason: string | null, webhook: { name: string } | null, deliveries: Array<{ id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean }> }> };

export type DeliveryChangedSubscriptionVariables = Exact<{
  filter?: DeliveryFilter | null | undefined;
}>;


export type DeliveryChangedSubscription = { deliveryChanged: { id: string, webhookId: string, state: DeliveryState, eventIds: Array<string>, operationalType: string | null, attemptCount: number, nextAttemptAt: string | null, createdAt: string, completedAt: string | null, test: boolean } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const BackfillPartsFragmentDoc = new TypedDocumentString(`
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}
    `, {"fragmentName":"BackfillParts"}) as unknown as TypedDocumentString<BackfillPartsFragment, unknown>;
export const EventPartsFragmentDoc = new TypedDocumentString(`
    fragment EventParts on EnrichedEvent {
  cursor
  id
  eventID
  eventTime
  eventName
  eventSource
  eventType
  eventCategory
  awsRegion
  recipientAccountId
  sourceIPAddress
  userAgent
  readOnly
  errorCode
  errorMessage
  sourceId
  ingestedAt
  enrichment {
    addressKind
    outcome
    actor {
      name
      kind
      arn
      accountId
      root
      mfa
      issuerArn
    }
    geo {
      country
      countryCode
      region
      subregion
      subdivision
      city
      latitude
      longitude
      timeZone
    }
    network {
      asn
      organization
    }
  }
}
    `, {"fragmentName":"EventParts"}) as unknown as TypedDocumentString<EventPartsFragment, unknown>;
export const SessionPartsFragmentDoc = new TypedDocumentString(`
    fragment SessionParts on Session {
  accessToken
  refreshToken
  expiresAt
  user {
    id
    email
    role
  }
}
    `, {"fragmentName":"SessionParts"}) as unknown as TypedDocumentString<SessionPartsFragment, unknown>;
export const UserPartsFragmentDoc = new TypedDocumentString(`
    fragment UserParts on User {
  id
  email
  role
  disabled
  createdAt
  lastLoginAt
}
    `, {"fragmentName":"UserParts"}) as unknown as TypedDocumentString<UserPartsFragment, unknown>;
export const ApiKeyPartsFragmentDoc = new TypedDocumentString(`
    fragment ApiKeyParts on ApiKey {
  id
  name
  prefix
  role
  createdAt
  lastUsedAt
  expiresAt
  revokedAt
}
    `, {"fragmentName":"ApiKeyParts"}) as unknown as TypedDocumentString<ApiKeyPartsFragment, unknown>;
export const QuarantinePartsFragmentDoc = new TypedDocumentString(`
    fragment QuarantineParts on QuarantinedRecord {
  id
  sourceId
  batchId
  position
  reason
  createdAt
}
    `, {"fragmentName":"QuarantineParts"}) as unknown as TypedDocumentString<QuarantinePartsFragment, unknown>;
export const ReplayPartsFragmentDoc = new TypedDocumentString(`
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}
    `, {"fragmentName":"ReplayParts"}) as unknown as TypedDocumentString<ReplayPartsFragment, unknown>;
export const SourcePartsFragmentDoc = new TypedDocumentString(`
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}
    `, {"fragmentName":"SourceParts"}) as unknown as TypedDocumentString<SourcePartsFragment, unknown>;
export const BatchPartsFragmentDoc = new TypedDocumentString(`
    fragment BatchParts on Batch {
  id
  sourceId
  reference
  state
  attempts
  received
  stored
  duplicates
  dropped
  rejected
  error
  createdAt
  doneAt
}
    `, {"fragmentName":"BatchParts"}) as unknown as TypedDocumentString<BatchPartsFragment, unknown>;
export const WebhookPartsFragmentDoc = new TypedDocumentString(`
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}
    `, {"fragmentName":"WebhookParts"}) as unknown as TypedDocumentString<WebhookPartsFragment, unknown>;
export const DeliveryPartsFragmentDoc = new TypedDocumentString(`
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}
    `, {"fragmentName":"DeliveryParts"}) as unknown as TypedDocumentString<DeliveryPartsFragment, unknown>;
export const BackfillDocument = new TypedDocumentString(`
    query Backfill($id: ID!) {
  backfill(id: $id) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<BackfillQuery, BackfillQueryVariables>;
export const SourceBackfillsDocument = new TypedDocumentString(`
    query SourceBackfills($sourceId: ID!, $first: Int, $after: String) {
  source(id: $sourceId) {
    backfills(first: $first, after: $after) {
      nodes {
        ...BackfillParts
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<SourceBackfillsQuery, SourceBackfillsQueryVariables>;
export const StartBackfillDocument = new TypedDocumentString(`
    mutation StartBackfill($input: StartBackfillInput!) {
  startBackfill(input: $input) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<StartBackfillMutation, StartBackfillMutationVariables>;
export const PauseBackfillDocument = new TypedDocumentString(`
    mutation PauseBackfill($id: ID!) {
  pauseBackfill(id: $id) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<PauseBackfillMutation, PauseBackfillMutationVariables>;
export const ResumeBackfillDocument = new TypedDocumentString(`
    mutation ResumeBackfill($id: ID!) {
  resumeBackfill(id: $id) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<ResumeBackfillMutation, ResumeBackfillMutationVariables>;
export const CancelBackfillDocument = new TypedDocumentString(`
    mutation CancelBackfill($id: ID!) {
  cancelBackfill(id: $id) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<CancelBackfillMutation, CancelBackfillMutationVariables>;
export const BackfillProgressDocument = new TypedDocumentString(`
    subscription BackfillProgress($id: ID!) {
  backfillProgress(id: $id) {
    ...BackfillParts
  }
}
    fragment BackfillParts on Backfill {
  id
  sourceId
  from
  to
  state
  deliver
  percent
  batchesDone
  batchesTotal
  received
  stored
  duplicates
  position
  etaSeconds
  error
  remedy
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<BackfillProgressSubscription, BackfillProgressSubscriptionVariables>;
export const EventsDocument = new TypedDocumentString(`
    query Events($first: Int, $after: String, $last: Int, $before: String, $filter: EventFilter, $orderBy: EventOrder) {
  events(
    first: $first
    after: $after
    last: $last
    before: $before
    filter: $filter
    orderBy: $orderBy
  ) {
    nodes {
      ...EventParts
    }
    pageInfo {
      hasNextPage
      hasPreviousPage
      startCursor
      endCursor
    }
  }
}
    fragment EventParts on EnrichedEvent {
  cursor
  id
  eventID
  eventTime
  eventName
  eventSource
  eventType
  eventCategory
  awsRegion
  recipientAccountId
  sourceIPAddress
  userAgent
  readOnly
  errorCode
  errorMessage
  sourceId
  ingestedAt
  enrichment {
    addressKind
    outcome
    actor {
      name
      kind
      arn
      accountId
      root
      mfa
      issuerArn
    }
    geo {
      country
      countryCode
      region
      subregion
      subdivision
      city
      latitude
      longitude
      timeZone
    }
    network {
      asn
      organization
    }
  }
}`) as unknown as TypedDocumentString<EventsQuery, EventsQueryVariables>;
export const EventCountDocument = new TypedDocumentString(`
    query EventCount($filter: EventFilter, $limit: Int) {
  events(first: 1, filter: $filter) {
    totalCount(limit: $limit)
  }
}
    `) as unknown as TypedDocumentString<EventCountQuery, EventCountQueryVariables>;
export const EventDocument = new TypedDocumentString(`
    query Event($id: ID!) {
  event(id: $id) {
    ...EventParts
    eventVersion
    managementEvent
    requestID
    sharedEventID
    userIdentity {
      type
      principalId
      arn
      accountId
      accessKeyId
      userName
      invokedBy
      sessionContext
    }
    requestParameters
    responseElements
    resources {
      ARN
      accountId
      type
    }
    source {
      id
      name
    }
    raw
    rawText
  }
}
    fragment EventParts on EnrichedEvent {
  cursor
  id
  eventID
  eventTime
  eventName
  eventSource
  eventType
  eventCategory
  awsRegion
  recipientAccountId
  sourceIPAddress
  userAgent
  readOnly
  errorCode
  errorMessage
  sourceId
  ingestedAt
  enrichment {
    addressKind
    outcome
    actor {
      name
      kind
      arn
      accountId
      root
      mfa
      issuerArn
    }
    geo {
      country
      countryCode
      region
      subregion
      subdivision
      city
      latitude
      longitude
      timeZone
    }
    network {
      asn
      organization
    }
  }
}`) as unknown as TypedDocumentString<EventQuery, EventQueryVariables>;
export const LiveCursorDocument = new TypedDocumentString(`
    query LiveCursor {
  liveCursor
}
    `) as unknown as TypedDocumentString<LiveCursorQuery, LiveCursorQueryVariables>;
export const IngestEventsDocument = new TypedDocumentString(`
    mutation IngestEvents($records: [JSON!], $recordsText: String, $sourceId: ID) {
  ingestEvents(records: $records, recordsText: $recordsText, sourceId: $sourceId) {
    received
    stored
    duplicates
    dropped
    rejected {
      index
      reason
    }
  }
}
    `) as unknown as TypedDocumentString<IngestEventsMutation, IngestEventsMutationVariables>;
export const EventEnrichedDocument = new TypedDocumentString(`
    subscription EventEnriched($filter: EventFilter, $after: String) {
  eventEnriched(filter: $filter, after: $after) {
    ...EventParts
  }
}
    fragment EventParts on EnrichedEvent {
  cursor
  id
  eventID
  eventTime
  eventName
  eventSource
  eventType
  eventCategory
  awsRegion
  recipientAccountId
  sourceIPAddress
  userAgent
  readOnly
  errorCode
  errorMessage
  sourceId
  ingestedAt
  enrichment {
    addressKind
    outcome
    actor {
      name
      kind
      arn
      accountId
      root
      mfa
      issuerArn
    }
    geo {
      country
      countryCode
      region
      subregion
      subdivision
      city
      latitude
      longitude
      timeZone
    }
    network {
      asn
      organization
    }
  }
}`) as unknown as TypedDocumentString<EventEnrichedSubscription, EventEnrichedSubscriptionVariables>;
export const HealthDocument = new TypedDocumentString(`
    query Health {
  health {
    status
    version
    uptimeSeconds
    components {
      name
      status
      latencyMs
      message
    }
  }
}
    `) as unknown as TypedDocumentString<HealthQuery, HealthQueryVariables>;
export const SignUpDocument = new TypedDocumentString(`
    mutation SignUp($input: CredentialsInput!, $setupToken: String) {
  signUp(input: $input, setupToken: $setupToken) {
    ...SessionParts
  }
}
    fragment SessionParts on Session {
  accessToken
  refreshToken
  expiresAt
  user {
    id
    email
    role
  }
}`) as unknown as TypedDocumentString<SignUpMutation, SignUpMutationVariables>;
export const LoginDocument = new TypedDocumentString(`
    mutation Login($input: CredentialsInput!) {
  login(input: $input) {
    ...SessionParts
  }
}
    fragment SessionParts on Session {
  accessToken
  refreshToken
  expiresAt
  user {
    id
    email
    role
  }
}`) as unknown as TypedDocumentString<LoginMutation, LoginMutationVariables>;
export const RefreshSessionDocument = new TypedDocumentString(`
    mutation RefreshSession($refreshToken: String!) {
  refreshSession(refreshToken: $refreshToken) {
    ...SessionParts
  }
}
    fragment SessionParts on Session {
  accessToken
  refreshToken
  expiresAt
  user {
    id
    email
    role
  }
}`) as unknown as TypedDocumentString<RefreshSessionMutation, RefreshSessionMutationVariables>;
export const LogoutDocument = new TypedDocumentString(`
    mutation Logout {
  logout
}
    `) as unknown as TypedDocumentString<LogoutMutation, LogoutMutationVariables>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  viewer {
    role
    apiKey {
      ...ApiKeyParts
    }
    user {
      id
      email
      role
      createdAt
      lastLoginAt
    }
  }
}
    fragment ApiKeyParts on ApiKey {
  id
  name
  prefix
  role
  createdAt
  lastUsedAt
  expiresAt
  revokedAt
}`) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const UsersDocument = new TypedDocumentString(`
    query Users($first: Int, $after: String) {
  users(first: $first, after: $after) {
    totalCount
    nodes {
      ...UserParts
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment UserParts on User {
  id
  email
  role
  disabled
  createdAt
  lastLoginAt
}`) as unknown as TypedDocumentString<UsersQuery, UsersQueryVariables>;
export const CreateUserDocument = new TypedDocumentString(`
    mutation CreateUser($input: CredentialsInput!, $role: Role!) {
  createUser(input: $input, role: $role) {
    ...UserParts
  }
}
    fragment UserParts on User {
  id
  email
  role
  disabled
  createdAt
  lastLoginAt
}`) as unknown as TypedDocumentString<CreateUserMutation, CreateUserMutationVariables>;
export const UpdateUserDocument = new TypedDocumentString(`
    mutation UpdateUser($id: ID!, $input: UpdateUserInput!) {
  updateUser(id: $id, input: $input) {
    ...UserParts
  }
}
    fragment UserParts on User {
  id
  email
  role
  disabled
  createdAt
  lastLoginAt
}`) as unknown as TypedDocumentString<UpdateUserMutation, UpdateUserMutationVariables>;
export const DeleteUserDocument = new TypedDocumentString(`
    mutation DeleteUser($id: ID!) {
  deleteUser(id: $id)
}
    `) as unknown as TypedDocumentString<DeleteUserMutation, DeleteUserMutationVariables>;
export const ChangePasswordDocument = new TypedDocumentString(`
    mutation ChangePassword($current: String!, $next: String!) {
  changePassword(current: $current, next: $next)
}
    `) as unknown as TypedDocumentString<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const ApiKeysDocument = new TypedDocumentString(`
    query ApiKeys {
  apiKeys {
    ...ApiKeyParts
  }
}
    fragment ApiKeyParts on ApiKey {
  id
  name
  prefix
  role
  createdAt
  lastUsedAt
  expiresAt
  revokedAt
}`) as unknown as TypedDocumentString<ApiKeysQuery, ApiKeysQueryVariables>;
export const CreateApiKeyDocument = new TypedDocumentString(`
    mutation CreateApiKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    secret
    apiKey {
      ...ApiKeyParts
    }
  }
}
    fragment ApiKeyParts on ApiKey {
  id
  name
  prefix
  role
  createdAt
  lastUsedAt
  expiresAt
  revokedAt
}`) as unknown as TypedDocumentString<CreateApiKeyMutation, CreateApiKeyMutationVariables>;
export const RevokeApiKeyDocument = new TypedDocumentString(`
    mutation RevokeApiKey($id: ID!) {
  revokeApiKey(id: $id) {
    ...ApiKeyParts
  }
}
    fragment ApiKeyParts on ApiKey {
  id
  name
  prefix
  role
  createdAt
  lastUsedAt
  expiresAt
  revokedAt
}`) as unknown as TypedDocumentString<RevokeApiKeyMutation, RevokeApiKeyMutationVariables>;
export const AuditLogDocument = new TypedDocumentString(`
    query AuditLog($first: Int, $after: String) {
  auditLog(first: $first, after: $after) {
    nodes {
      id
      at
      actor
      action
      target
      ip
      changes
      outcome
      error
      requestId
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<AuditLogQuery, AuditLogQueryVariables>;
export const QuarantineDocument = new TypedDocumentString(`
    query Quarantine($first: Int, $after: String, $sourceId: ID) {
  quarantine(first: $first, after: $after, sourceId: $sourceId) {
    totalCount
    nodes {
      ...QuarantineParts
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment QuarantineParts on QuarantinedRecord {
  id
  sourceId
  batchId
  position
  reason
  createdAt
}`) as unknown as TypedDocumentString<QuarantineQuery, QuarantineQueryVariables>;
export const QuarantinedRecordDocument = new TypedDocumentString(`
    query QuarantinedRecord($id: ID!) {
  quarantinedRecord(id: $id) {
    ...QuarantineParts
    text
  }
}
    fragment QuarantineParts on QuarantinedRecord {
  id
  sourceId
  batchId
  position
  reason
  createdAt
}`) as unknown as TypedDocumentString<QuarantinedRecordQuery, QuarantinedRecordQueryVariables>;
export const RetryQuarantinedDocument = new TypedDocumentString(`
    mutation RetryQuarantined($ids: [ID!]!) {
  retryQuarantined(ids: $ids) {
    received
    stored
    duplicates
    dropped
    rejected {
      index
      reason
    }
  }
}
    `) as unknown as TypedDocumentString<RetryQuarantinedMutation, RetryQuarantinedMutationVariables>;
export const ReplayDocument = new TypedDocumentString(`
    query Replay($id: ID!) {
  replay(id: $id) {
    ...ReplayParts
  }
}
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<ReplayQuery, ReplayQueryVariables>;
export const ReplaysDocument = new TypedDocumentString(`
    query Replays($first: Int) {
  replays(first: $first) {
    ...ReplayParts
  }
}
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<ReplaysQuery, ReplaysQueryVariables>;
export const RedeliverAllDocument = new TypedDocumentString(`
    mutation RedeliverAll($filter: DeliveryFilter!, $dryRun: Boolean) {
  redeliverAll(filter: $filter, dryRun: $dryRun) {
    ...ReplayParts
  }
}
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<RedeliverAllMutation, RedeliverAllMutationVariables>;
export const ReplayEventsDocument = new TypedDocumentString(`
    mutation ReplayEvents($webhookId: ID!, $filter: EventFilter!, $dryRun: Boolean) {
  replayEvents(webhookId: $webhookId, filter: $filter, dryRun: $dryRun) {
    ...ReplayParts
  }
}
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<ReplayEventsMutation, ReplayEventsMutationVariables>;
export const CancelReplayDocument = new TypedDocumentString(`
    mutation CancelReplay($id: ID!) {
  cancelReplay(id: $id) {
    ...ReplayParts
  }
}
    fragment ReplayParts on Replay {
  id
  webhookId
  webhook {
    name
  }
  dryRun
  state
  matched
  sent
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<CancelReplayMutation, CancelReplayMutationVariables>;
export const SourcesDocument = new TypedDocumentString(`
    query Sources($first: Int, $after: String, $kinds: [SourceKind!], $states: [SourceState!]) {
  sources(first: $first, after: $after, kinds: $kinds, states: $states) {
    totalCount
    nodes {
      ...SourceParts
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<SourcesQuery, SourcesQueryVariables>;
export const SourceDocument = new TypedDocumentString(`
    query Source($id: ID!) {
  source(id: $id) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<SourceQuery, SourceQueryVariables>;
export const SourceBatchesDocument = new TypedDocumentString(`
    query SourceBatches($id: ID!, $first: Int, $after: String, $states: [BatchState!]) {
  source(id: $id) {
    batches(first: $first, after: $after, states: $states) {
      nodes {
        ...BatchParts
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment BatchParts on Batch {
  id
  sourceId
  reference
  state
  attempts
  received
  stored
  duplicates
  dropped
  rejected
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<SourceBatchesQuery, SourceBatchesQueryVariables>;
export const BatchDocument = new TypedDocumentString(`
    query Batch($id: ID!) {
  batch(id: $id) {
    ...BatchParts
  }
}
    fragment BatchParts on Batch {
  id
  sourceId
  reference
  state
  attempts
  received
  stored
  duplicates
  dropped
  rejected
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<BatchQuery, BatchQueryVariables>;
export const CreateSourceDocument = new TypedDocumentString(`
    mutation CreateSource($input: CreateSourceInput!) {
  createSource(input: $input) {
    source {
      ...SourceParts
    }
    ingestToken
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<CreateSourceMutation, CreateSourceMutationVariables>;
export const UpdateSourceDocument = new TypedDocumentString(`
    mutation UpdateSource($id: ID!, $input: UpdateSourceInput!) {
  updateSource(id: $id, input: $input) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<UpdateSourceMutation, UpdateSourceMutationVariables>;
export const DeleteSourceDocument = new TypedDocumentString(`
    mutation DeleteSource($id: ID!) {
  deleteSource(id: $id)
}
    `) as unknown as TypedDocumentString<DeleteSourceMutation, DeleteSourceMutationVariables>;
export const PauseSourceDocument = new TypedDocumentString(`
    mutation PauseSource($id: ID!) {
  pauseSource(id: $id) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<PauseSourceMutation, PauseSourceMutationVariables>;
export const ResumeSourceDocument = new TypedDocumentString(`
    mutation ResumeSource($id: ID!) {
  resumeSource(id: $id) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<ResumeSourceMutation, ResumeSourceMutationVariables>;
export const FetchNowDocument = new TypedDocumentString(`
    mutation FetchNow($sourceId: ID!) {
  fetchNow(sourceId: $sourceId) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<FetchNowMutation, FetchNowMutationVariables>;
export const TestSourceDocument = new TypedDocumentString(`
    mutation TestSource($id: ID, $input: CreateSourceInput) {
  testSource(id: $id, input: $input) {
    ok
    callerArn
    checks {
      name
      status
      message
      remedy
      awsAction
    }
    sampleRecords
    policyDocument
  }
}
    `) as unknown as TypedDocumentString<TestSourceMutation, TestSourceMutationVariables>;
export const RotateIngestTokenDocument = new TypedDocumentString(`
    mutation RotateIngestToken($id: ID!) {
  rotateIngestToken(id: $id) {
    source {
      ...SourceParts
    }
    ingestToken
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<RotateIngestTokenMutation, RotateIngestTokenMutationVariables>;
export const SourceChangedDocument = new TypedDocumentString(`
    subscription SourceChanged($ids: [ID!]) {
  sourceChanged(ids: $ids) {
    ...SourceParts
  }
}
    fragment SourceParts on Source {
  id
  name
  kind
  state
  createdAt
  updatedAt
  aws {
    region
    profile
    roleArn
    externalId
    hasStaticKeys
    endpointUrl
  }
  s3 {
    bucket
    prefix
    accountIds
    regions
    organizationId
    pollIntervalSeconds
    startAt
  }
  httpPush {
    path
    tokenHint
  }
  demo {
    eventsPerSecond
    seed
  }
  dropFilter
  status {
    health
    lastError
    lastErrorAt
    remedy
    lastSuccessAt
    nextRunAt
    checkpoint
    received
    stored
    duplicates
    dropped
    rejected
  }
}`) as unknown as TypedDocumentString<SourceChangedSubscription, SourceChangedSubscriptionVariables>;
export const RetryBatchDocument = new TypedDocumentString(`
    mutation RetryBatch($id: ID!) {
  retryBatch(id: $id) {
    ...BatchParts
  }
}
    fragment BatchParts on Batch {
  id
  sourceId
  reference
  state
  attempts
  received
  stored
  duplicates
  dropped
  rejected
  error
  createdAt
  doneAt
}`) as unknown as TypedDocumentString<RetryBatchMutation, RetryBatchMutationVariables>;
export const EventStatsDocument = new TypedDocumentString(`
    query EventStats($filter: EventFilter, $interval: HistogramInterval, $splitBy: EventDimension, $splitTop: Int, $places: Int) {
  eventStats(filter: $filter) {
    from
    to
    total
    failures
    histogram(interval: $interval, splitBy: $splitBy, splitTop: $splitTop) {
      intervalSeconds
      series {
        key
        times
        counts
      }
    }
    places(first: $places) {
      latitude
      longitude
      countryCode
      city
      count
      failures
    }
  }
}
    `) as unknown as TypedDocumentString<EventStatsQuery, EventStatsQueryVariables>;
export const EventTopDocument = new TypedDocumentString(`
    query EventTop($filter: EventFilter, $by: EventDimension!, $first: Int) {
  eventStats(filter: $filter) {
    total
    top(by: $by, first: $first) {
      key
      count
      failures
    }
  }
}
    `) as unknown as TypedDocumentString<EventTopQuery, EventTopQueryVariables>;
export const WebhooksDocument = new TypedDocumentString(`
    query Webhooks($first: Int, $after: String, $states: [WebhookState!]) {
  webhooks(first: $first, after: $after, states: $states) {
    totalCount
    nodes {
      ...WebhookParts
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<WebhooksQuery, WebhooksQueryVariables>;
export const WebhookDocument = new TypedDocumentString(`
    query Webhook($id: ID!) {
  webhook(id: $id) {
    ...WebhookParts
    sources {
      id
      name
    }
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<WebhookQuery, WebhookQueryVariables>;
export const DeliveriesDocument = new TypedDocumentString(`
    query Deliveries($first: Int, $after: String, $filter: DeliveryFilter) {
  deliveries(first: $first, after: $after, filter: $filter) {
    totalCount
    nodes {
      ...DeliveryParts
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<DeliveriesQuery, DeliveriesQueryVariables>;
export const DeliveryDocument = new TypedDocumentString(`
    query Delivery($id: ID!) {
  delivery(id: $id) {
    ...DeliveryParts
    attempts {
      number
      startedAt
      durationMs
      responseStatus
      responseBody
      failure
      address
    }
    webhook {
      id
      name
    }
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<DeliveryQuery, DeliveryQueryVariables>;
export const CreateWebhookDocument = new TypedDocumentString(`
    mutation CreateWebhook($input: CreateWebhookInput!) {
  createWebhook(input: $input) {
    webhook {
      ...WebhookParts
    }
    secret
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<CreateWebhookMutation, CreateWebhookMutationVariables>;
export const UpdateWebhookDocument = new TypedDocumentString(`
    mutation UpdateWebhook($id: ID!, $input: UpdateWebhookInput!) {
  updateWebhook(id: $id, input: $input) {
    ...WebhookParts
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<UpdateWebhookMutation, UpdateWebhookMutationVariables>;
export const DeleteWebhookDocument = new TypedDocumentString(`
    mutation DeleteWebhook($id: ID!) {
  deleteWebhook(id: $id)
}
    `) as unknown as TypedDocumentString<DeleteWebhookMutation, DeleteWebhookMutationVariables>;
export const PauseWebhookDocument = new TypedDocumentString(`
    mutation PauseWebhook($id: ID!) {
  pauseWebhook(id: $id) {
    ...WebhookParts
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<PauseWebhookMutation, PauseWebhookMutationVariables>;
export const ResumeWebhookDocument = new TypedDocumentString(`
    mutation ResumeWebhook($id: ID!) {
  resumeWebhook(id: $id) {
    ...WebhookParts
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<ResumeWebhookMutation, ResumeWebhookMutationVariables>;
export const RotateWebhookSecretDocument = new TypedDocumentString(`
    mutation RotateWebhookSecret($id: ID!, $graceSeconds: Int) {
  rotateWebhookSecret(id: $id, graceSeconds: $graceSeconds) {
    webhook {
      ...WebhookParts
    }
    secret
  }
}
    fragment WebhookParts on Webhook {
  id
  name
  url
  state
  stateReason
  events
  filter
  sourceIds
  headerNames
  secretHint
  batchSize
  timeoutMs
  maxPerSecond
  ordered
  publicKey
  createdAt
  updatedAt
  stats {
    behind
    pending
    delivered
    failed
    consecutiveFailures
    p50Ms
    p95Ms
    breakerOpenUntil
  }
}`) as unknown as TypedDocumentString<RotateWebhookSecretMutation, RotateWebhookSecretMutationVariables>;
export const SendTestDeliveryDocument = new TypedDocumentString(`
    mutation SendTestDelivery($webhookId: ID!) {
  sendTestDelivery(webhookId: $webhookId) {
    ...DeliveryParts
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<SendTestDeliveryMutation, SendTestDeliveryMutationVariables>;
export const RedeliverDocument = new TypedDocumentString(`
    mutation Redeliver($id: ID!) {
  redeliver(id: $id) {
    ...DeliveryParts
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<RedeliverMutation, RedeliverMutationVariables>;
export const CancelDeliveryDocument = new TypedDocumentString(`
    mutation CancelDelivery($id: ID!) {
  cancelDelivery(id: $id) {
    ...DeliveryParts
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<CancelDeliveryMutation, CancelDeliveryMutationVariables>;
export const DeliveryTraceDocument = new TypedDocumentString(`
    query DeliveryTrace($eventId: ID!) {
  deliveryTrace(eventId: $eventId) {
    webhookId
    webhook {
      name
    }
    matched
    reason
    deliveries {
      ...DeliveryParts
    }
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<DeliveryTraceQuery, DeliveryTraceQueryVariables>;
export const DeliveryChangedDocument = new TypedDocumentString(`
    subscription DeliveryChanged($filter: DeliveryFilter) {
  deliveryChanged(filter: $filter) {
    ...DeliveryParts
  }
}
    fragment DeliveryParts on Delivery {
  id
  webhookId
  state
  eventIds
  operationalType
  attemptCount
  nextAttemptAt
  createdAt
  completedAt
  test
}`) as unknown as TypedDocumentString<DeliveryChangedSubscription, DeliveryChangedSubscriptionVariables>;