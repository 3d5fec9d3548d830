import type { Source, SourceKind } from '../../domain/source';
import { trailRoot } from '../s3/log-key';
import { DEFAULT_REGION, partitionOf } from './aws-defaults';
import { queueArn, readQueueUrl } from './queue-url';

export type AwsAction =
  | 'cloudtrail:LookupEvents'
  | 's3:ListBucket'
  | 's3:GetObject'
  | 'kms:Decrypt'
  | 'sqs:GetQueueAttributes'
  | 'sqs:ReceiveMessage'
  | 'sqs:ChangeMessageVisibility'
  | 'sqs:DeleteMessage';

export interface PolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Action: AwsAction | AwsAction[];
  Resource: string;
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: PolicyStatement[];
}

/** What the settings of a source do not say, and its test may find out. */
export interface Learned {
  /** Where the files of a queue lie; any bucket unless told. */
  bucket?: string;
  /** The key that log files are encrypted with; null: with none of KMS. Unless told, any key that S3 uses. */
  kmsKeyArn?: string | null;
}

interface Need {
  sid: string;
  action: AwsAction;
}

const READ_FILES: readonly Need[] = [
  { sid: 'ReadLogFiles', action: 's3:GetObject' },
  { sid: 'DecryptLogFiles', action: 'kms:Decrypt' },
];

/** Every action that a kind of source takes, in the order in which its test tries them. */
const NEEDS: Readonly<Record<SourceKind, readonly Need[]>> = {
  LOOKUP_EVENTS: [{ sid: 'LookUpEvents', action: 'cloudtrail:LookupEvents' }],
  S3_BUCKET: [{ sid: 'ListLogFiles', action: 's3:ListBucket' }, ...READ_FILES],
  S3_SQS: [
    { sid: 'ReadQueue', action: 'sqs:GetQueueAttributes' },
    { sid: 'ReadQueue', action: 'sqs:ReceiveMessage' },
    { sid: 'ReadQueue', action: 'sqs:ChangeMessageVisibility' },
    { sid: 'ReadQueue', action: 'sqs:DeleteMessage' },
    ...READ_FILES,
  ],
  HTTP_PUSH: [],
  DEMO: [],
};

/** The least policy under which a source can be read; null for kinds that need none. */
export function leastPolicy(source: Source, learned: Learned = {}): PolicyDocument | null {
  const statements = new Map<string, PolicyStatement>();
  for (const { sid, action } of NEEDS[source.kind]) {
    const known = statements.get(sid);
    if (known) known.Action = [known.Action, action].flat();
    else if (!(action === 'kms:Decrypt' && learned.kmsKeyArn === null)) {
      statements.set(sid, statementFor(action, source, learned));
    }
  }
  if (statements.size === 0) return null;
  return { Version: '2012-10-17', Statement: [...statements.values()] };
}

/** The statement that allows one action on what a source needs it for. */
export function statementFor(action: AwsAction, source: Source, learned: Learned = {}): PolicyStatement {
  const need = NEEDS[source.kind].find((each) => each.action === action);
  const condition = action === 'kms:Decrypt' && !learned.kmsKeyArn ? throughS3(source) : null;
  return {
    Sid: need?.sid ?? 'TrailGraph',
    Effect: 'Allow',
    Action: action,
    Resource: resourceOf(action, source, learned),
    ...(condition ? { Condition: condition } : {}),
  };
}

/** What an action is taken on, as an ARN or a pattern of ARNs. */
export function resourceOf(action: AwsAction, source: Source, learned: Learned = {}): string {
  const region = source.aws?.region ?? DEFAULT_REGION;
  const partition = partitionOf(region);
  const bucket = source.s3?.bucket ?? learned.bucket ?? '*';
  switch (action) {
    case 'cloudtrail:LookupEvents':
      return '*'; // It knows no other.
    case 's3:ListBucket':
      return `arn:${partition}:s3:::${bucket}`;
    case 's3:GetObject':
      // The prefix of a queue's files is not told by its settings.
      return `arn:${partition}:s3:::${bucket}/${source.s3 ? trailRoot(source.s3.prefix) : '*AWSLogs/'}*`;
    case 'kms:Decrypt':
      return learned.kmsKeyArn ?? `arn:${partition}:kms:${region}:*:key/*`;
    default:
      return queueResource(source, region);
  }
}

function queueResource({ sqs }: Source, region: string): string {
  const queue = readQueueUrl(sqs?.queueUrl ?? '');
  return queue ? queueArn(queue, region) : `arn:${partitionOf(region)}:sqs:${region}:*:*`;
}

function throughS3(source: Source): PolicyStatement['Condition'] {
  const region = source.aws?.region ?? DEFAULT_REGION;
  const suffix = partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return { StringEquals: { 'kms:ViaService': `s3.${region}.${suffix}` } };
}
