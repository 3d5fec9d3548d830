import { PutBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type S3Server, SERVER_KEYS } from './s3-server';
import type { TestTrailGraph } from './trailgraph';

const REGION = 'us-east-1';

/** A queue at the test's server that takes notifications of its buckets and topics. */
export interface TrailQueue {
  url: string;
  arn: string;
  send(body: string | object): Promise<void>;
  /** Receives without deleting, as somebody who dies over it. @returns the bodies */
  receive(options?: { waitS?: number; visibilityS?: number }): Promise<string[]>;
  /** Moves every message there is into another queue, as a redrive does. @returns how many */
  moveTo(other: TrailQueue): Promise<number>;
  /** Messages that wait, and those that somebody holds. */
  depth(): Promise<{ waiting: number; held: number }>;
}

export class QueueServer {
  readonly sqs: SQSClient;
  readonly sns: SNSClient;

  constructor(private readonly server: S3Server) {
    const options = { endpoint: server.endpoint, region: REGION, credentials: serverKeys() };
    this.sqs = new SQSClient(options);
    this.sns = new SNSClient(options);
  }

  close(): void {
    this.sqs.destroy();
    this.sns.destroy();
  }

  async makeQueue(name: string, attributes: Record<string, string> = {}): Promise<TrailQueue> {
    const { QueueUrl: url = '' } = await this.sqs.send(
      new CreateQueueCommand({ QueueName: name, Attributes: { Policy: openPolicy(), ...attributes } }),
    );
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
    );
    return this.queueAt(url, Attributes?.QueueArn ?? '');
  }

  /** Tells the queue of new objects of the bucket, as S3 does. */
  async notifyQueue(bucket: string, queue: TrailQueue): Promise<void> {
    await this.server.client.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: bucket,
        NotificationConfiguration: {
          QueueConfigurations: [
            { QueueArn: queue.arn, Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] },
          ],
        },
      }),
    );
  }

  /** Tells a topic, to which the queue listens. */
  async notifyTopic(bucket: string, topicArn: string): Promise<void> {
    await this.server.client.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: bucket,
        NotificationConfiguration: {
          TopicConfigurations: [{ TopicArn: topicArn, Events: ['s3:ObjectCreated:*'] }],
        },
      }),
    );
  }

  async makeTopic(name: string, queue: TrailQueue): Promise<string> {
    const { TopicArn } = await this.sns.send(
      new CreateTopicCommand({ Name: name, Attributes: { Policy: openPolicy() } }),
    );
    await this.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queue.arn }));
    return TopicArn ?? '';
  }

  async publish(topicArn: string, message: string | object): Promise<void> {
    const Message = typeof message === 'string' ? message : JSON.stringify(message);
    await this.sns.send(new PublishCommand({ TopicArn: topicArn, Message }));
  }

  private queueAt(url: string, arn: string): TrailQueue {
    const send = async (body: string | object) => {
      const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
      await this.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody }));
    };
    const take = async (waitS: number, visibilityS: number) => {
      const { Messages = [] } = await this.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: waitS,
          VisibilityTimeout: visibilityS,
        }),
      );
      return Messages;
    };
    return {
      url,
      arn,
      send,
      receive: async ({ waitS = 0, visibilityS = 0 } = {}) =>
        (await take(waitS, visibilityS)).map(({ Body = '' }) => Body),
      moveTo: async (other) => {
        let moved = 0;
        for (let some = await take(0, 60); some.length > 0; some = await take(0, 60)) {
          for (const { Body = '', ReceiptHandle } of some) {
            await other.send(Body);
            await this.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
            moved++;
          }
        }
        return moved;
      },
      depth: async () => {
        const { Attributes } = await this.sqs.send(
          new GetQueueAttributesCommand({
            QueueUrl: url,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        );
        return {
          waiting: Number(Attributes?.ApproximateNumberOfMessages),
          held: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
        };
      },
    };
  }
}

/** Lets S3 and SNS send. */
function openPolicy(): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: ['s3.amazonaws.com', 'sns.amazonaws.com'] },
        Action: ['sqs:SendMessage', 'sns:Publish'],
        Resource: '*',
      },
    ],
  });
}

/** Makes a source that reads a queue of the test's server, with keys that it knows. @returns its id */
export async function makeQueueSource(
  app: TestTrailGraph,
  server: S3Server,
  queueUrl: string,
  over: { maxInFlight?: number; aws?: object } = {},
): Promise<string> {
  const admin = await app.admin();
  const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
    {
      input: {
        name: 'queue',
        sqs: { queueUrl, ...(over.maxInFlight ? { maxInFlight: over.maxInFlight } : {}) },
        aws: { region: REGION, endpointUrl: server.endpoint, ...serverKeys(), ...over.aws },
      },
    },
  );
  return createSource.source.id;
}

/** One by one: the SDK writes into what it is given. */
function serverKeys() {
  const { accessKeyId, secretAccessKey } = SERVER_KEYS;
  return { accessKeyId, secretAccessKey };
}

/** A notification of S3 as AWS writes it. */
export function s3Event(...objects: { bucket: string; key: string; etag?: string; size?: number }[]) {
  return {
    Records: objects.map(({ bucket, key, etag, size }) => ({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      awsRegion: REGION,
      eventTime: '2026-01-02T03:04:05.678Z',
      eventName: 'ObjectCreated:Put',
      s3: {
        bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
        object: {
          key: encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+'),
          ...(etag ? { eTag: etag } : {}),
          ...(size === undefined ? {} : { size }),
        },
      },
    })),
  };
}
