/** A CloudTrail record as JSON.parse gave it: any shape may stand under any name. */
export type CloudTrailRecord = Record<string, unknown>;

/** Whether the record tells of an error or a failed sign-in (`enrichment/outcome.ts`). */
export type Outcome = 'SUCCESS' | 'FAILURE';

/** What stands in sourceIPAddress. */
export type AddressKind = 'PUBLIC' | 'PRIVATE' | 'AWS_SERVICE' | 'AWS_INTERNAL' | 'UNKNOWN';

/** Names of country, region and subregion as UN M49 has them; a part that is not known is null. */
export interface Geo {
  country: string | null;
  /** ISO 3166-1 alpha-2. */
  countryCode: string | null;
  region: string | null;
  subregion: string | null;
  subdivision: string | null;
  city: string | null;
  latitude: number | null;
  longitude: number | null;
  timeZone: string | null;
}

/**
 * Who announces the address: the number and the name of the autonomous system; null where it is not known.
 */
export interface Network {
  asn: number | null;
  organization: string | null;
}

/** Who acted, normalised over all identity types. */
export interface Actor {
  name: string;
  /** userIdentity.type, or `Unknown`. */
  kind: string;
  arn: string | null;
  accountId: string | null;
  root: boolean;
  mfa: boolean;
  /** The role or user that issued the session. */
  issuerArn: string | null;
}

/** What TrailGraph adds to a record. */
export interface Enrichment {
  addressKind: AddressKind;
  geo: Geo | null;
  network: Network | null;
  actor: Actor;
  outcome: Outcome;
}

/**
 * CloudTrail's record fields that are kept at the top level of a stored event under their own names. Whatever else
 * a record holds goes under `extra`, so that no record can forge a field of ours.
 */
export const RECORD_FIELDS = [
  'eventVersion',
  'userIdentity',
  'eventTime',
  'eventSource',
  'eventName',
  'awsRegion',
  'sourceIPAddress',
  'userAgent',
  'errorCode',
  'errorMessage',
  'requestParameters',
  'responseElements',
  'additionalEventData',
  'requestID',
  'eventID',
  'readOnly',
  'resources',
  'eventType',
  'apiVersion',
  'managementEvent',
  'recipientAccountId',
  'sharedEventID',
  'serviceEventDetails',
  'vpcEndpointId',
  'vpcEndpointAccountId',
  'eventCategory',
  'addendum',
  'sessionCredentialFromConsole',
  'edgeDeviceDetails',
  'tlsDetails',
  'insightDetails',
  'eventContext',
] as const;

export type RecordField = (typeof RECORD_FIELDS)[number];

/** An event as it is stored in `enriched_events` and travels on the bus. */
export interface StoredEvent extends Partial<Record<Exclude<RecordField, 'eventTime'>, unknown>> {
  /** The event's identity: its eventID in lower case where that is a UUID, else a hash of the record. */
  _id: string;
  eventTime: Date;
  /** The text of eventTime where it is not what `eventTime` would print. */
  eventTimeText?: string;
  /** Fields of the record beyond RECORD_FIELDS. */
  extra?: Record<string, unknown>;
  /** The record's JSON text, where doubles and BSON would have changed it. */
  exact?: string;
  enrichment: Enrichment;
  /** The address as 16 bytes, v4 mapped into v6, for ranges. */
  address?: Uint8Array;
  /** The run of the batch that stored it: the batch owns the events that carry its run. */
  run: string;
  /** Place in the batch: slice * SLICE_STRIDE + index within the slice. */
  pos: number;
  sourceId: string;
  ingestedAt: Date;
  /** Stored by a backfill that must not alert. */
  silent?: true;
  /** The silent run that stored it, before the live run that it carries now took it over. */
  takenFrom?: string;
  /** Its place in that run's batch. */
  takenPos?: number;
}

/** A slice holds at most this many records; `pos` counts slices in steps of it. */
export const SLICE_STRIDE = 1000;
