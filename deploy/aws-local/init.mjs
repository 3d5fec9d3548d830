// Makes a trail on a local S3 and SQS: a bucket, a queue that hears of its new objects, and one log file. May be run
// again. Usage: node init.mjs http://localhost:4566
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

const ACCOUNT = '000000000000';
const REGION = 'us-east-1';
const BUCKET = 'trail';

const [, , endpoint = 'http://localhost:4566'] = process.argv;
// An account's number as key is let in as that account.
const credentials = { accessKeyId: ACCOUNT, secretAccessKey: 'local' };
const common = { endpoint, region: REGION, credentials };
const s3 = new S3Client({ ...common, forcePathStyle: true });
const sqs = new SQSClient(common);

await s3.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error) => {
  if (error.name !== 'BucketAlreadyOwnedByYou' && error.name !== 'BucketAlreadyExists') throw error;
});
const Policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: '*' },
  ],
});
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: BUCKET, Attributes: { Policy } }));
const { Attributes } = await sqs.send(
  new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
);
const QueueConfigurations = [{ QueueArn: Attributes.QueueArn, Events: ['s3:ObjectCreated:*'] }];
await s3.send(
  new PutBucketNotificationConfigurationCommand({
    Bucket: BUCKET,
    NotificationConfiguration: { QueueConfigurations },
  }),
);

const now = new Date();
const record = {
  eventVersion: '1.11',
  userIdentity: {
    type: 'IAMUser',
    arn: `arn:aws:iam::${ACCOUNT}:user/alice`,
    accountId: ACCOUNT,
    userName: 'alice',
  },
  eventTime: `${now.toISOString().slice(0, 19)}Z`,
  eventSource: 's3.amazonaws.com',
  eventName: 'CreateBucket',
  awsRegion: REGION,
  sourceIPAddress: '205.251.233.176',
  userAgent: 'aws-cli/2',
  requestParameters: { bucketName: BUCKET },
  responseElements: null,
  requestID: randomUUID(),
  eventID: randomUUID(),
  eventType: 'AwsApiCall',
  recipientAccountId: ACCOUNT,
};
const day = now.toISOString().slice(0, 10);
const stamp = `${day.replaceAll('-', '')}T${now.toISOString().slice(11, 16).replace(':', '')}Z`;
const Key =
  `AWSLogs/${ACCOUNT}/CloudTrail/${REGION}/${day.replaceAll('-', '/')}/` +
  `${ACCOUNT}_CloudTrail_${REGION}_${stamp}_${randomUUID().replaceAll('-', '').slice(0, 16)}.json.gz`;
await s3.send(
  new PutObjectCommand({ Bucket: BUCKET, Key, Body: gzipSync(JSON.stringify({ Records: [record] })) }),
);
console.log(`bucket ${BUCKET}, queue ${QueueUrl}, log file ${Key}`);
