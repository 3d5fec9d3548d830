import type { Scene } from '../scene';
import { type Call, fault, read, type ServiceTemplate, write } from '../template';

const queueName = (s: Scene) => `${s.team()}-events`;
const queueUrl = (s: Scene, name = queueName(s)) =>
  `https://sqs.${s.region}.amazonaws.com/${s.account.id}/${name}`;
const noQueue = [fault('AWS.SimpleQueueService.NonExistentQueue', 'The specified queue does not exist.')];

function queueCall(s: Scene, more: Record<string, unknown>, response?: unknown): Call {
  const name = queueName(s);
  return {
    request: { queueUrl: queueUrl(s, name), ...more },
    response: response ?? null,
    resources: [{ accountId: s.account.id, type: 'AWS::SQS::Queue', ARN: s.arn('sqs', name) }],
  };
}

export const SQS: ServiceTemplate = {
  source: 'sqs.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    write(
      'SendMessage',
      9,
      (s) =>
        queueCall(
          s,
          { messageBody: 'HIDDEN_DUE_TO_SECURITY_REASONS' },
          { messageId: s.dice.uuid(), mD5OfMessageBody: s.dice.hex(32) },
        ),
      {
        data: true,
        by: ['workload', 'workload', 'endpoint', 'service'],
        service: 'events.amazonaws.com',
        errors: noQueue,
      },
    ),
    write('ReceiveMessage', 9, (s) => queueCall(s, { maxNumberOfMessages: 10, waitTimeSeconds: 20 }), {
      data: true,
      by: ['workload', 'endpoint'],
      errors: noQueue,
    }),
    read('GetQueueAttributes', 5, (s) => ({ queueUrl: queueUrl(s), attributeNames: ['All'] }), {
      errors: noQueue,
    }),
    read('ListQueues', 2, (s) => ({ queueNamePrefix: s.team(), maxResults: 100 })),
    write('CreateQueue', 1, (s) => {
      const name = queueName(s);
      return {
        request: { queueName: name, attributes: { VisibilityTimeout: '60', SqsManagedSseEnabled: 'true' } },
        response: { queueUrl: queueUrl(s, name) },
      };
    }),
    write('PurgeQueue', 1, (s) => ({ request: { queueUrl: queueUrl(s) } }), {
      errors: [
        fault(
          'AWS.SimpleQueueService.PurgeQueueInProgress',
          'Only one PurgeQueue operation on each queue is allowed every 60 seconds.',
        ),
      ],
    }),
  ],
};

const topic = (s: Scene) => s.arn('sns', `${s.team()}-alerts`);
const noTopic = [fault('NotFoundException', 'Topic does not exist')];

export const SNS: ServiceTemplate = {
  source: 'sns.amazonaws.com',
  eventVersion: '1.10',
  errors: 'query',
  events: [
    write(
      'Publish',
      6,
      (s) => {
        const topicArn = topic(s);
        return {
          request: {
            topicArn,
            message: 'HIDDEN_DUE_TO_SECURITY_REASONS',
            subject: 'HIDDEN_DUE_TO_SECURITY_REASONS',
          },
          response: { messageId: s.dice.uuid() },
          resources: [{ accountId: s.account.id, type: 'AWS::SNS::Topic', ARN: topicArn }],
        };
      },
      {
        data: true,
        by: ['workload', 'workload', 'service'],
        service: 'cloudwatch.amazonaws.com',
        errors: noTopic,
      },
    ),
    read('ListTopics', 2),
    read('GetTopicAttributes', 3, (s) => ({ topicArn: topic(s) }), { errors: noTopic }),
    write(
      'Subscribe',
      1,
      (s) => {
        const topicArn = topic(s);
        return {
          request: {
            topicArn,
            protocol: 'email',
            endpoint: 'HIDDEN_DUE_TO_SECURITY_REASONS',
            returnSubscriptionArn: false,
          },
          response: { subscriptionArn: 'pending confirmation' },
        };
      },
      { errors: noTopic },
    ),
  ],
};

const rule = (s: Scene) => `${s.team()}-nightly`;

export const EVENTS: ServiceTemplate = {
  source: 'events.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  apiVersion: '2015-10-07',
  events: [
    read('ListRules', 3, () => ({ limit: 100 })),
    read('DescribeRule', 2, (s) => ({ name: rule(s), eventBusName: 'default' }), {
      errors: [
        fault('ResourceNotFoundException', (s) => `Rule ${rule(s)} does not exist on EventBus default.`),
      ],
    }),
    write('PutRule', 1, (s) => {
      const name = rule(s);
      return {
        request: { name, scheduleExpression: 'cron(0 3 * * ? *)', state: 'ENABLED' },
        response: { ruleArn: s.arn('events', `rule/${name}`) },
      };
    }),
    write('PutTargets', 1, (s) => ({
      request: {
        rule: rule(s),
        targets: [{ id: 'function', arn: s.arn('lambda', `function:${s.functionName()}`) }],
      },
      response: { failedEntryCount: 0, failedEntries: [] },
    })),
  ],
};

const stream = (s: Scene) => `${s.team()}-clicks`;

export const KINESIS: ServiceTemplate = {
  source: 'kinesis.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('DescribeStreamSummary', 4, (s) => ({ streamName: stream(s) }), {
      errors: [
        fault(
          'ResourceNotFoundException',
          (s) => `Stream ${stream(s)} under account ${s.account.id} not found.`,
        ),
      ],
    }),
    read('ListShards', 3, (s) => ({ streamName: stream(s) }), {
      errors: [fault('LimitExceededException', 'Rate exceeded for stream')],
    }),
    write('UpdateShardCount', 1, (s) => {
      const streamName = stream(s);
      return {
        request: { streamName, targetShardCount: 8, scalingType: 'UNIFORM_SCALING' },
        response: {
          streamName,
          currentShardCount: 4,
          targetShardCount: 8,
          streamARN: s.arn('kinesis', `stream/${streamName}`),
        },
      };
    }),
  ],
};

const machine = (s: Scene) => s.arn('states', `stateMachine:${s.team()}-checkout`);

export const STEP_FUNCTIONS: ServiceTemplate = {
  source: 'states.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    write(
      'StartExecution',
      4,
      (s) => {
        const stateMachineArn = machine(s);
        const name = s.dice.uuid();
        return {
          request: { stateMachineArn, name, input: 'HIDDEN_DUE_TO_SECURITY_REASONS' },
          response: {
            executionArn: `${stateMachineArn.replace('stateMachine', 'execution')}:${name}`,
            startDate: s.time.getTime() / 1000,
          },
        };
      },
      { errors: [fault('StateMachineDoesNotExist', (s) => `State Machine Does Not Exist: '${machine(s)}'`)] },
    ),
    read('DescribeExecution', 4, (s) => ({
      executionArn: `${machine(s).replace('stateMachine', 'execution')}:${s.dice.uuid()}`,
    })),
  ],
};
