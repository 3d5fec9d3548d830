import type { EventFilter } from './filter';
import type { Rhythm } from './rhythm';
import type { SourceConcern } from './source-health';

/** Where records come from: read from AWS in three ways, pushed to us, or made up. */
export type SourceKind = 'LOOKUP_EVENTS' | 'S3_BUCKET' | 'S3_SQS' | 'HTTP_PUSH' | 'DEMO';
/** A paused source is not read, and its door refuses records. */
export type SourceState = 'ACTIVE' | 'PAUSED';
export const HEALTH_STATUSES = ['UNKNOWN', 'HEALTHY', 'DEGRADED', 'FAILING'] as const;
/** How a source fares, from not known yet to worst. */
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** The built-in source that records count on which nobody gave a source: `ingestEvents` and `trailgraph ingest`. */
export const DIRECT_SOURCE_ID = 'direct';

/** A secret sealed for rest; only `auth/secret-box.ts` reads or makes one. */
export type Sealed = Record<string, unknown>;

/** How a source reaches AWS. */
export interface AwsAccess {
  region: string | null;
  profile: string | null;
  roleArn: string | null;
  externalId: string;
  endpointUrl: string | null;
  /** accessKeyId, secretAccessKey and sessionToken as one sealed JSON text. */
  staticKeys: Sealed | null;
}

/** Listing of the log files of a trail in a bucket. */
export interface S3BucketConfig {
  bucket: string;
  prefix: string | null;
  accountIds: string[] | null;
  regions: string[] | null;
  organizationId: string | null;
  pollIntervalSeconds: number;
  startAt: Date | null;
}

/** Polling of LookupEvents, in each account and Region. */
export interface LookupEventsConfig {
  /** Empty: all Regions. */
  regions: string[];
  /** For a roleArn with `{accountId}`: the accounts whose role is assumed. Empty: the caller's own account. */
  accountIds: string[];
  pollIntervalSeconds: number;
  /** CloudTrail delivers late: the first poll begins so long ago, and this stretch is read again and again. */
  overlapSeconds: number;
}

/** Notifications of new log files, through a queue. */
export interface S3SqsConfig {
  queueUrl: string;
  /** Messages that are received but not yet deleted. */
  maxInFlight: number;
}

/** The door at which records are pushed. */
export interface HttpPushConfig {
  /** SHA-256 of the ingest token, hex. */
  tokenHash: string;
  tokenHint: string;
}

/** Records that are made up: the same seed gives the same ones. */
export interface DemoConfig {
  eventsPerSecond: number;
  seed: number;
  /** Record n is due at startedAt + n / eventsPerSecond. */
  startedAt: Date;
  /** The record that is due at startedAt: raised when the rate changes, so that no record comes twice. */
  firstRecord: number;
}

/** The counters reconcile: received = stored + duplicates + dropped + rejected. */
export interface Counters {
  received: number;
  stored: number;
  duplicates: number;
  dropped: number;
  rejected: number;
}

export const NO_COUNTS: Readonly<Counters> = {
  received: 0,
  stored: 0,
  duplicates: 0,
  dropped: 0,
  rejected: 0,
};

export function addCounts(a: Counters, b: Counters): Counters {
  return {
    received: a.received + b.received,
    stored: a.stored + b.stored,
    duplicates: a.duplicates + b.duplicates,
    dropped: a.dropped + b.dropped,
    rejected: a.rejected + b.rejected,
  };
}

/** An SNS topic that asked to deliver here and waits for an operator to confirm it. */
export interface PendingSubscription {
  topicArn: string;
  /** Where it is confirmed. Nothing of ours ever calls it. */
  subscribeUrl: string;
  at: Date;
}

/** What fetches say of a source, as the last one left it. */
export interface SourceHealth {
  health: HealthStatus;
  lastError: string | null;
  lastErrorAt: Date | null;
  remedy: string | null;
  lastSuccessAt: Date | null;
  /** The latest; absent or null where none is pending. */
  pendingSubscription?: PendingSubscription | null;
}

/** A source as it stands in the store, with what is known of it. */
export interface Source {
  _id: string;
  name: string;
  kind: SourceKind;
  state: SourceState;
  /** Changes when what is read changes (bucket, prefix, queue): batches of another epoch are other batches. */
  epoch: number;
  createdAt: Date;
  updatedAt: Date;
  /** Set when deleted: the id stays taken, nothing else remains visible. */
  deletedAt: Date | null;
  aws: AwsAccess | null;
  lookupEvents: LookupEventsConfig | null;
  s3: S3BucketConfig | null;
  sqs: S3SqsConfig | null;
  httpPush: HttpPushConfig | null;
  demo: DemoConfig | null;
  dropFilter: EventFilter | null;
  status: SourceHealth;
  /** Folded from the commits up to and including `through`. */
  counters: Counters;
  through: number;
  /** When anything came last, known or new; folded like the counters. Absent in documents of 0.1, as are the next three. */
  heardAt?: Date | null;
  /** How regularly something new comes; folded like the counters. */
  rhythm?: Rhythm;
  /** What the watch found; null where nothing is amiss. */
  concern?: SourceConcern | null;
  /** The database's time of the last change that its readers may see. */
  changedAt?: Date;
  /** When the next fetch is due; null for kinds that are not polled. */
  nextRunAt: Date | null;
  /** Fencing token of the fetch in progress. */
  token: string | null;
}
