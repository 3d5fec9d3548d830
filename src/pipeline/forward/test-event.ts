import type { Enrichment, StoredEvent } from '../../domain/event';
import { readRecord } from '../../domain/records/record';
import { RecordSplitter } from '../../domain/records/splitter';
import { toStoredEvent } from '../../domain/records/stored-event';

/** A record of the shape that receivers will get. Its address is one of those set aside for documentation. */
const RECORD = {
  eventVersion: '1.11',
  userIdentity: { type: 'AWSService', invokedBy: 'trailgraph.test' },
  eventTime: '2026-01-01T00:00:00Z',
  eventSource: 'trailgraph.test',
  eventName: 'TestDelivery',
  awsRegion: 'us-east-1',
  sourceIPAddress: '192.0.2.1',
  userAgent: 'TrailGraph',
  requestParameters: null,
  responseElements: null,
  eventID: '00000000-0000-4000-8000-000000000000',
  readOnly: true,
  eventType: 'AwsServiceEvent',
  managementEvent: true,
  recipientAccountId: '000000000000',
  eventCategory: 'Management',
};

const ENRICHMENT: Enrichment = {
  addressKind: 'UNKNOWN',
  geo: null,
  network: null,
  actor: {
    name: 'trailgraph.test',
    kind: 'AWSService',
    arn: null,
    accountId: null,
    root: false,
    mfa: false,
    issuerArn: null,
  },
  outcome: 'SUCCESS',
};

/** What a test delivery carries: an event that never was, and that no store holds. */
export function testEvent(): StoredEvent {
  const [raw] = new RecordSplitter().push(Buffer.from(JSON.stringify({ Records: [RECORD] })));
  const read = raw ? readRecord(raw) : null;
  if (!read || 'rejected' in read) throw new Error('the test event is not a record');
  const origin = { run: 'test', pos: 0, sourceId: 'test', ingestedAt: new Date(0) };
  return toStoredEvent(read.ok, { enrichment: ENRICHMENT, address: null }, origin);
}
