import { webhookBody } from '../../src/delivery/body';
import type { BodyEvent } from '../../src/delivery/formats/body-format';
import type { Enrichment, Geo } from '../../src/domain/event';
import type { WebhookFormat } from '../../src/domain/webhook';

/** When the delivery was made. */
export const timestamp = new Date('2026-01-02T03:04:05.678Z');
export const EVENT_ID = '3fcfb182-98f8-4744-bd45-10aa3fcfb182';

const GEO: Geo = {
  country: 'Germany',
  countryCode: 'DE',
  region: 'Europe',
  subregion: 'Western Europe',
  subdivision: 'Hesse',
  city: 'Frankfurt am Main',
  latitude: 50.1,
  longitude: 8.7,
  timeZone: 'Europe/Berlin',
};

export const ENRICHMENT: Enrichment = {
  addressKind: 'PUBLIC',
  geo: GEO,
  network: { asn: 16_509, organization: 'Amazon.com, Inc.' },
  actor: {
    name: 'Admin/alice@example.com',
    kind: 'AssumedRole',
    arn: 'arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com',
    accountId: '123456789012',
    root: false,
    mfa: true,
    issuerArn: 'arn:aws:iam::123456789012:role/Admin',
  },
  outcome: 'FAILURE',
};

export const RECORD = {
  eventVersion: '1.11',
  userIdentity: {
    type: 'AssumedRole',
    principalId: 'AROAEXAMPLE:alice@example.com',
    arn: 'arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com',
    accountId: '123456789012',
    sessionContext: {
      attributes: { creationDate: '20260102T010628Z', mfaAuthenticated: 'true' },
      sessionIssuer: { type: 'Role', userName: 'Admin', arn: 'arn:aws:iam::123456789012:role/Admin' },
    },
  },
  eventTime: '2026-01-02T03:04:05Z',
  eventSource: 'iam.amazonaws.com',
  eventName: 'CreateUser',
  awsRegion: 'us-east-1',
  sourceIPAddress: '205.251.233.176',
  errorCode: 'AccessDenied',
  requestParameters: { userName: 'bob' },
  eventID: EVENT_ID,
  readOnly: false,
  recipientAccountId: '123456789012',
  resources: [
    { ARN: 'arn:aws:iam::123456789012:user/bob', type: 'AWS::IAM::User', accountId: '123456789012' },
  ],
};

/** An event as a body needs it. */
export function eventOf(record: object = RECORD, enrichment: Enrichment = ENRICHMENT): BodyEvent {
  return {
    id: EVENT_ID,
    recordText: JSON.stringify(record),
    enrichmentJson: JSON.stringify(enrichment),
    ingestedAt: timestamp,
  };
}

/** The body as its receiver reads it. */
export function bodyOf(format: WebhookFormat, events: BodyEvent[], batch = false): unknown {
  return JSON.parse(webhookBody({ format, events, batch, timestamp }).toString());
}

/** What is sent to Slack. */
export interface SlackMessage {
  text: string;
  blocks: {
    type: string;
    text?: { text: string };
    fields?: { text: string }[];
    elements?: { text: string }[];
  }[];
}
