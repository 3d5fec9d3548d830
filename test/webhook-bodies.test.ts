import { ecsCategory } from '../src/delivery/formats/ecs-category';
import { bodyOf, EVENT_ID, eventOf, RECORD, type SlackMessage, timestamp } from './support/body-events';

describe('a SLACK message', () => {
  test('tells what, who, where, when and the outcome, and links to the console', () => {
    const message = bodyOf('SLACK', [eventOf()]) as SlackMessage;
    expect(message.text).toBe(
      '*CreateUser* (iam.amazonaws.com) by Admin/alice@example.com (AssumedRole): failure: AccessDenied',
    );
    expect(message.blocks[1]!.fields!.map(({ text }) => text)).toEqual([
      '*Who*\nAdmin/alice@example.com (AssumedRole)',
      '*Outcome*\nfailure: AccessDenied',
      '*Where*\nFrankfurt am Main, Germany',
      '*Address*\n205.251.233.176',
      '*Network*\nAS16509 Amazon.com, Inc.',
      '*When*\n2026-01-02T03:04:05Z',
      '*Account*\n123456789012, us-east-1',
    ]);
    expect(message.blocks[2]!.elements![0]!.text).toBe(
      `<https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/events/${EVENT_ID}|Open in CloudTrail>`,
    );
  });

  test.each([
    [
      'us-gov-west-1',
      'https://us-gov-west-1.console.amazonaws-us-gov.com/cloudtrailv2/home?region=us-gov-west-1',
    ],
    ['cn-north-1', 'https://cn-north-1.console.amazonaws.cn/cloudtrailv2/home?region=cn-north-1'],
    [
      'ap-southeast-2',
      'https://ap-southeast-2.console.aws.amazon.com/cloudtrailv2/home?region=ap-southeast-2',
    ],
  ])('links to the console of the partition of %s', (awsRegion, url) => {
    const { blocks } = bodyOf('SLACK', [eventOf({ ...RECORD, awsRegion })]) as SlackMessage;
    expect(blocks.at(-1)!.elements![0]!.text).toBe(`<${url}#/events/${EVENT_ID}|Open in CloudTrail>`);
  });

  test.each(['evil.example/', 'us-east-1.evil', ''])('has no link for the Region %j', (awsRegion) => {
    const message = bodyOf('SLACK', [eventOf({ ...RECORD, awsRegion })]) as SlackMessage;
    expect(JSON.stringify(message)).not.toContain('https://');
  });

  test('of a batch shows ten events and says how many more there are', () => {
    const events = Array.from({ length: 37 }, () => eventOf());
    const { text, blocks } = bodyOf('SLACK', events, true) as SlackMessage;
    expect(text).toBe('37 CloudTrail events');
    expect(blocks.filter((block) => block.text?.text.includes('CreateUser'))).toHaveLength(10);
    expect(blocks.at(-1)!.elements![0]!.text).toBe('and 27 more');
  });
});

describe('an ECS document', () => {
  test('names the actor, the place, the error and the parameters as the integration of Elastic does', () => {
    expect(bodyOf('ECS', [eventOf()])).toMatchObject({
      '@timestamp': '2026-01-02T03:04:05.000Z',
      ecs: { version: '8.11.0' },
      event: {
        kind: 'event',
        action: 'CreateUser',
        provider: 'iam.amazonaws.com',
        category: ['iam'],
        type: ['user', 'creation'],
        outcome: 'failure',
        id: EVENT_ID,
        ingested: timestamp.toISOString(),
        original: JSON.stringify(RECORD),
      },
      user: { name: 'Admin', id: 'AROAEXAMPLE:alice@example.com' },
      cloud: {
        provider: 'aws',
        account: { id: '123456789012' },
        region: 'us-east-1',
        service: { name: 'iam' },
      },
      source: {
        ip: '205.251.233.176',
        geo: { country_iso_code: 'DE', location: { lat: 50.1, lon: 8.7 } },
        as: { number: 16_509, organization: { name: 'Amazon.com, Inc.' } },
      },
      error: { code: 'AccessDenied' },
      related: { user: ['Admin', 'Admin/alice@example.com', 'bob'], ip: ['205.251.233.176'] },
      aws: {
        cloudtrail: {
          request_parameters: '{"userName":"bob"}',
          read_only: false,
          user_identity: { session_context: { creation_date: '2026-01-02T01:06:28.000Z' } },
          resources: [{ arn: 'arn:aws:iam::123456789012:user/bob', type: 'AWS::IAM::User' }],
        },
      },
    });
  });

  test('leaves out the record and a parameter that Elasticsearch could not take, and keeps the rest', () => {
    const { event, aws } = bodyOf('ECS', [eventOf({ ...RECORD, responseElements: 'x'.repeat(40_000) })]) as {
      event: object;
      aws: { cloudtrail: object };
    };
    expect(event).not.toHaveProperty('original');
    expect(aws.cloudtrail).not.toHaveProperty('response_elements');
    expect(aws.cloudtrail).toHaveProperty('request_parameters');
  });

  test.each([
    ['iam', 'ListUsers', 'iam', ['user', 'info']],
    ['iam', 'AttachGroupPolicy', 'iam', ['group', 'change']],
    ['iam', 'DeleteRole', 'iam', ['admin', 'deletion']],
    ['sts', 'AssumeRole', 'authentication', ['info']],
    ['signin', 'ConsoleLogin', 'authentication', ['info']],
    ['s3', 'GetObject', 'file', ['access']],
    ['s3', 'GetBucketAcl', 'file', ['info']],
    ['s3', 'DeleteBucket', 'file', ['deletion']],
    ['rds', 'DeleteDBInstance', 'database', ['change']],
    ['ec2', 'RunInstances', 'configuration', ['creation']],
    ['secretsmanager', 'GetSecretValue', 'configuration', ['access']],
    ['unheardof', 'Frobnicate', 'configuration', ['change']],
    ['__proto__', '', 'configuration', ['change']],
  ])('%s %s is of category %s', (service, eventName, category, type) => {
    expect(ecsCategory(service, eventName, false)).toEqual({ category: [category], type });
  });
});

test('a FORWARDER_V1 body has the members of an event of LookupEvents, and when it was forwarded', () => {
  const expected = {
    eventId: EVENT_ID,
    eventName: 'CreateUser',
    eventSource: 'iam.amazonaws.com',
    eventTime: '2026-01-02T03:04:05Z',
    username: 'alice@example.com',
    readOnly: 'false',
    resources: [{ ResourceType: 'AWS::IAM::User', ResourceName: 'arn:aws:iam::123456789012:user/bob' }],
    cloudTrailEvent: JSON.stringify(RECORD),
    forwardedAt: timestamp.toISOString(),
  };
  expect(bodyOf('FORWARDER_V1', [eventOf()])).toEqual(expected);
  expect(bodyOf('FORWARDER_V1', [eventOf()], true)).toEqual([expected]);
});
