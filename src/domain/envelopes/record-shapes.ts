import type { ObjectScan } from './json-values';
import { stringIn } from './json-values';

/** What a JSON object is, by its members: a record, or what records come wrapped in. */
export type RecordShape =
  | 'trail-file'
  | 'event-bridge'
  | 'log-subscription'
  | 'lambda-logs'
  | 'firehose'
  | 'sns'
  | 'record';

/** What is taken, for whoever sent something else. */
export const ACCEPTED_SHAPES =
  'Expected CloudTrail records as {"Records":[...]}, a JSON list, NDJSON or one record, or an EventBridge event, ' +
  'a Firehose request, a CloudWatch Logs subscription or an SNS notification that holds them; gzip or plain.';

/** Recognises an object by the names of its members; null where it is none of ours. */
export function shapeOf({ members }: ObjectScan): RecordShape | null {
  const has = (...names: string[]): boolean => names.every((name) => members.has(name));
  if (has('Records')) return 'trail-file';
  if (has('detail-type', 'detail')) return 'event-bridge';
  if (has('messageType', 'logEvents')) return 'log-subscription';
  if (has('requestId', 'timestamp', 'records')) return 'firehose';
  if (has('Type', 'TopicArn', 'Message')) return 'sns';
  // After the envelopes: every record has one of these, and what has none can not be kept anyway.
  if (has('eventTime') || has('eventVersion') || has('eventID')) return 'record';
  return has('awslogs') ? 'lambda-logs' : null;
}

/** Whether the object tells of a file in S3 and holds no record of CloudTrail itself. */
export function isS3Notice(bytes: Buffer, { members }: ObjectScan): boolean {
  const source = stringIn(bytes, members.get('eventSource'));
  return members.has('s3') && source !== null && /^[a-z]+:s3$/.test(source);
}
