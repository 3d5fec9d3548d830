import type { ActorKind } from '../actors';
import type { Scene } from '../scene';
import { type Call, fault, readFull, type ServiceTemplate, write } from '../template';

const ANYBODY: readonly ActorKind[] = [
  'user',
  'workload',
  'workload',
  'workload',
  'endpoint',
  'console',
  'foreign',
];

const noKey = [fault('NoSuchKey', 'The specified key does not exist.')];
const noBucket = [fault('NoSuchBucket', 'The specified bucket does not exist')];
/** What S3 answers when a bucket has no such configuration, as many tools find out by asking. */
const none = (code: string, message: string) => ({ errors: [fault(code, message)] });

/** S3 records the request's query (`acl`, `policy`, ...) as an empty parameter. */
function bucketCall(s: Scene, parameters: Record<string, unknown>, bytesIn = 0, bytesOut = 0): Call {
  const bucketName = s.bucket();
  const host = `${bucketName}.s3.${s.region}.amazonaws.com`;
  return {
    request: { bucketName, Host: host, ...parameters },
    additional: {
      SignatureVersion: 'SigV4',
      CipherSuite: s.cipherSuite,
      bytesTransferredIn: bytesIn,
      AuthenticationMethod: 'AuthHeader',
      'x-amz-id-2': `${s.dice.base64(75)}=`,
      bytesTransferredOut: bytesOut,
    },
    resources: [{ accountId: s.account.id, type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::${bucketName}` }],
    host,
  };
}

function objectCall(s: Scene, parameters: Record<string, unknown>, bytesIn: number, bytesOut: number): Call {
  const key = s.objectKey();
  const call = bucketCall(s, { key, ...parameters }, bytesIn, bytesOut);
  const bucket = call.resources?.[0];
  return {
    ...call,
    resources: [{ type: 'AWS::S3::Object', ARN: `${bucket?.ARN}/${key}` }, ...(bucket ? [bucket] : [])],
  };
}

function putBucketPolicy(s: Scene): Call {
  const call = bucketCall(s, {}, 494, 0);
  const arn = call.resources?.[0]?.ARN;
  const bucketPolicy = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AWSCloudTrailAclCheck',
        Effect: 'Allow',
        Principal: { Service: 'cloudtrail.amazonaws.com' },
        Action: 's3:GetBucketAcl',
        Resource: arn,
      },
    ],
  };
  return { ...call, request: { bucketPolicy, ...(call.request as Record<string, unknown>), policy: '' } };
}

const publicAccessBlock = {
  PublicAccessBlockConfiguration: {
    xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/',
    RestrictPublicBuckets: true,
    BlockPublicPolicy: true,
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
  },
};

const size = (s: Scene) => s.dice.between(180, 4_000_000);
const data = { data: true, by: ANYBODY } as const;

export const S3: ServiceTemplate = {
  source: 's3.amazonaws.com',
  eventVersion: '1.11',
  errors: 's3',
  events: [
    readFull('ListBuckets', 8, (s) => {
      const { resources: _, ...call } = bucketCall(s, {}, 0, 6322);
      const host = `s3.${s.region}.amazonaws.com`;
      return { ...call, request: { Host: host }, host };
    }),
    readFull('GetBucketAcl', 10, (s) => bucketCall(s, { acl: '' }, 0, 552), {
      by: ['service', 'service', 'user', 'console'],
      service: 'cloudtrail.amazonaws.com',
      errors: noBucket,
    }),
    readFull(
      'GetBucketPolicy',
      6,
      (s) => bucketCall(s, { policy: '' }, 0, 1815),
      none('NoSuchBucketPolicy', 'The bucket policy does not exist'),
    ),
    readFull('GetBucketLocation', 6, (s) => bucketCall(s, { location: '' }, 0, 137), { errors: noBucket }),
    readFull(
      'GetBucketEncryption',
      4,
      (s) => bucketCall(s, { encryption: '' }, 0, 321),
      none(
        'ServerSideEncryptionConfigurationNotFoundError',
        'The server side encryption configuration was not found',
      ),
    ),
    readFull(
      'GetBucketPublicAccessBlock',
      5,
      (s) => bucketCall(s, { publicAccessBlock: '' }, 0, 346),
      none('NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'),
    ),
    readFull('GetBucketVersioning', 3, (s) => bucketCall(s, { versioning: '' }, 0, 113), {
      errors: noBucket,
    }),
    readFull(
      'GetBucketTagging',
      3,
      (s) => bucketCall(s, { tagging: '' }, 0, 284),
      none('NoSuchTagSet', 'The TagSet does not exist'),
    ),
    write(
      'CreateBucket',
      1,
      (s) => {
        const { resources: _, ...call } = bucketCall(s, {
          CreateBucketConfiguration: {
            LocationConstraint: s.region,
            xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/',
          },
        });
        return call;
      },
      none(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
      ),
    ),
    write(
      'DeleteBucket',
      1,
      (s) => bucketCall(s, {}),
      none('BucketNotEmpty', 'The bucket you tried to delete is not empty'),
    ),
    write('PutBucketPolicy', 1, putBucketPolicy, none('MalformedPolicy', 'Invalid principal in policy')),
    write('PutBucketPublicAccessBlock', 1, (s) =>
      bucketCall(s, { publicAccessBlock: '', ...publicAccessBlock }, 336),
    ),
    write('PutBucketVersioning', 1, (s) =>
      bucketCall(
        s,
        {
          versioning: '',
          VersioningConfiguration: { Status: 'Enabled', xmlns: 'http://s3.amazonaws.com/doc/2006-03-01/' },
        },
        124,
      ),
    ),
    readFull('GetObject', 42, (s) => objectCall(s, {}, 0, size(s)), { ...data, errors: noKey }),
    readFull('HeadObject', 14, (s) => objectCall(s, {}, 0, 0), { ...data, errors: noKey }),
    readFull(
      'ListObjects',
      8,
      (s) =>
        bucketCall(
          s,
          { 'list-type': '2', prefix: 'exports/', 'max-keys': '1000', 'encoding-type': 'url' },
          0,
          4211,
        ),
      { ...data, errors: noBucket },
    ),
    write(
      'PutObject',
      24,
      (s) => {
        const call = objectCall(s, { 'x-amz-server-side-encryption': 'AES256' }, size(s), 0);
        return { ...call, response: { 'x-amz-server-side-encryption': 'AES256' } };
      },
      { ...data, by: [...ANYBODY, 'service'], service: 'delivery.logs.amazonaws.com' },
    ),
    write('DeleteObject', 6, (s) => objectCall(s, {}, 0, 0), data),
    write(
      'CopyObject',
      3,
      (s) => {
        const source = `${s.bucket()}/${s.objectKey()}`;
        return objectCall(s, { 'x-amz-copy-source': source }, 0, 234);
      },
      { ...data, errors: noKey },
    ),
  ],
};
