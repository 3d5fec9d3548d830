import { Permanent, type Retryable } from '../../domain/errors';
import type { S3SqsConfig, Source } from '../../domain/source';
import { DEFAULT_REGION } from '../aws/aws-defaults';
import { type AwsFault, commonFault, endpointOf, serviceErrorOf } from '../aws/aws-fault';
import { type QueueUrl, readQueueUrl } from '../aws/queue-url';
import { listingError } from '../s3/s3-fault';

export type QueueAction = 'ReceiveMessage' | 'DeleteMessage' | 'ChangeMessageVisibility';

/** The settings that a source of this kind has. @throws Permanent where it has none */
export function sqsConfigOf(source: Source): S3SqsConfig {
  if (!source.sqs) throw new Permanent(`the source "${source.name}" names no queue`);
  return source.sqs;
}

/** What the source's queue URL says. @throws Permanent where it is none */
export function queueOf(source: Source): QueueUrl {
  const queue = readQueueUrl(sqsConfigOf(source).queueUrl);
  if (queue) return queue;
  throw new Permanent('the queueUrl is not the URL of a queue', {
    remedy: 'Write it like https://sqs.eu-west-1.amazonaws.com/111122223333/trail',
  });
}

/** A call to the queue that failed, with what the operator can do. */
export function queueError(error: unknown, source: Source, action: QueueAction): Permanent | Retryable {
  return listingError(queueFault(error, source, action), error);
}

const MISSING = /NonExistentQueue|QueueDoesNotExist/;
const DENIED = /^AccessDenied/;
const KMS = /^(AWS\.SimpleQueueService\.)?K(ms|MS)/;
const ELSEWHERE = /InvalidAddress|should be scoped to a valid region|is not valid for this endpoint/i;

function queueFault(error: unknown, source: Source, action: QueueAction): AwsFault {
  const { code, status, message } = serviceErrorOf(error);
  const { name, origin } = queueOf(source);
  if (MISSING.test(code)) {
    return {
      kind: 'missing',
      message: `the queue "${name}" does not exist at ${origin}`,
      remedy: "Check the queue's URL: its Region, account and name, as `aws sqs get-queue-url` shows them.",
    };
  }
  if (ELSEWHERE.test(code) || ELSEWHERE.test(message)) {
    return {
      kind: 'access',
      message: `the queue "${name}" is not in ${regionOf(source)} (${code})`,
      remedy: 'Give the URL as the queue has it: its Region stands in the host name.',
    };
  }
  if (KMS.test(code)) return keyFault(code, source);
  const common = commonFault(error, source);
  if (common) return at(origin, common, source);
  if (DENIED.test(code) || status === 403) return denied(code, source, action);
  const answer = status === null ? code : `${status} ${code}`;
  return {
    kind: 'other',
    message: `${origin} answered ${answer}: ${message}`,
    remedy: 'Check the URL of the queue, and that the endpoint speaks the SQS protocol.',
  };
}

/** The endpoint that failed is the queue's, not the one of the buckets. */
function at(origin: string, fault: AwsFault, source: Source): AwsFault {
  return { ...fault, message: fault.message.replace(endpointOf(source), origin) };
}

function denied(code: string, source: Source, action: QueueAction): AwsFault {
  const { name } = queueOf(source);
  return {
    kind: 'denied',
    message: `sqs:${action} on the queue "${name}" is denied (${code})`,
    remedy: `Allow it by this statement, and look for a queue policy that denies it: ${statement(source)}`,
  };
}

function keyFault(code: string, source: Source): AwsFault {
  const { name } = queueOf(source);
  if (/Throttl/.test(code)) return { kind: 'busy', message: `KMS asks to slow down (${code})` };
  return {
    kind: 'denied',
    message: `the KMS key of the queue "${name}" can't be used (${code})`,
    remedy: 'Allow kms:Decrypt on the key that the queue is encrypted with, and see that the key is enabled.',
  };
}

function regionOf(source: Source): string {
  return queueOf(source).region ?? source.aws?.region ?? DEFAULT_REGION;
}

function statement(source: Source): string {
  const { accountId, name } = queueOf(source);
  const region = regionOf(source);
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  return JSON.stringify({
    Effect: 'Allow',
    Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
    Resource: `arn:${partition}:sqs:${region}:${accountId ?? '*'}:${name}`,
  });
}
