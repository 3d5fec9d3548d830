import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloudTrailRecord } from '../src/domain/event';
import { demoRecord } from '../src/sources/demo/demo-record';
import { demoDueAt, nextDemoPage } from '../src/sources/demo/demo-source';
import { EC2_NETWORKS, PLACES } from '../src/sources/demo/places';
import { recordsIn, type TrailObject, trail, trailKind, writeDemoTrail } from './support/demo-trail';

type Fields = Record<string, unknown>;

const STARTED = new Date('2025-06-12T09:00:00Z');
const SEED = 20_250_612;
const PACE = { startedAt: STARTED, eventsPerSecond: 5 };

function record(n: number, over: { seed?: number; sourceId?: string } = {}): CloudTrailRecord {
  const timeOf = (other: number) => demoDueAt(PACE, other);
  return demoRecord({ seed: SEED, sourceId: 'source-a', n, eventTime: timeOf(n), timeOf, ...over });
}

const many = Array.from({ length: 20_000 }, (_, n) => record(n));
const fields = (value: unknown) => value as Fields;
const at = (value: unknown, ...path: (string | number)[]) =>
  path.reduce<unknown>((inner, name) => (inner == null ? undefined : (inner as Fields)[name]), value);
const distinct = (values: unknown[]) => new Set(values.filter((value) => value !== undefined));

/** The first successful record of an event. */
function example(eventName: string, test: (r: CloudTrailRecord) => boolean = () => true): CloudTrailRecord {
  const found = many.find((r) => r.eventName === eventName && !r.errorCode && !r.errorMessage && test(r));
  if (!found) throw new Error(`no ${eventName} among ${many.length} records`);
  return found;
}

describe('a demo record', () => {
  it('is the same for the same seed, source and number, in whatever order it is asked for', () => {
    for (const n of [19_999, 3, 777, 0, 12_345, 64, 3]) expect(record(n)).toEqual(many[n]);
  });

  it('is found at once at numbers beyond 32 bits', () => {
    const far = record(9_000_000_000);
    expect(far).toEqual(record(9_000_000_000));
    expect(far.eventID).not.toBe(record(9_000_000_000 % 2 ** 32).eventID);
  });

  it('differs by seed', () => {
    const same = many.slice(0, 500).filter((r, n) => record(n, { seed: SEED + 1 }).eventName === r.eventName);
    expect(same.length).toBeLessThan(100);
  });

  it('has an eventID of its own among 100,000 of its source and the 20,000 of a second source', () => {
    const ids = new Set<unknown>();
    for (let n = 0; n < 100_000; n++)
      ids.add(record(n).eventID).add(record(n, { sourceId: 'source-b' }).eventID);
    expect(ids.size).toBe(200_000);
    for (const r of many.slice(0, 1000)) {
      expect(r.eventID).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('survives JSON unchanged', () => {
    const some = many.slice(0, 5000);
    expect(JSON.parse(JSON.stringify(some))).toStrictEqual(some);
  });

  it('has the fields that CloudTrail gives each record, in its order', () => {
    const order = [
      'eventVersion',
      'userIdentity',
      'eventTime',
      'eventSource',
      'eventName',
      'awsRegion',
      'sourceIPAddress',
      'userAgent',
      'errorCode',
      'errorMessage',
      'requestParameters',
      'responseElements',
      'additionalEventData',
      'requestID',
      'eventID',
      'readOnly',
      'resources',
      'eventType',
      'apiVersion',
      'managementEvent',
      'recipientAccountId',
      'sharedEventID',
      'serviceEventDetails',
      'vpcEndpointId',
      'vpcEndpointAccountId',
      'eventCategory',
      'tlsDetails',
      'sessionCredentialFromConsole',
    ];
    for (const [n, r] of many.slice(0, 3000).entries()) {
      expect(r.eventTime).toBe(`${demoDueAt(PACE, n).toISOString().slice(0, 19)}Z`);
      expect(r.eventVersion).toMatch(/^1\.(09|10|11)$/);
      if (r.eventCategory === 'Insight') continue;
      expect(Object.keys(r)).toEqual(order.filter((name) => name in r));
      expect(r).toMatchObject({
        eventSource: expect.stringMatching(/^[a-z0-9-]+\.amazonaws\.com$/),
        eventName: expect.any(String),
        awsRegion: expect.stringMatching(/^[a-z]+-[a-z]+-\d$/),
        sourceIPAddress: expect.any(String),
        userAgent: expect.any(String),
        readOnly: expect.any(Boolean),
        recipientAccountId: expect.stringMatching(/^\d{12}$/),
        managementEvent: r.eventCategory === 'Management',
      });
    }
  });
});

describe('the demo as a whole', () => {
  it('covers services, events, accounts and every type of identity', () => {
    expect(distinct(many.map((r) => r.eventSource)).size).toBeGreaterThanOrEqual(25);
    expect(distinct(many.map((r) => r.eventName)).size).toBeGreaterThanOrEqual(80);
    expect(distinct(many.map((r) => r.recipientAccountId)).size).toBe(3);
    const types = distinct(many.map((r) => at(r, 'userIdentity', 'type')));
    expect([...types].sort()).toEqual(
      [
        'AWSAccount',
        'AWSService',
        'AssumedRole',
        'Directory',
        'FederatedUser',
        'IAMUser',
        'IdentityCenterUser',
        'Role',
        'Root',
        'SAMLUser',
        'Unknown',
        'WebIdentityUser',
      ].sort(),
    );
  });

  it('has data and management events, reads and writes, and Insight records that begin and end', () => {
    const share = (test: (r: CloudTrailRecord) => boolean) => many.filter(test).length / many.length;
    expect(share((r) => r.eventCategory === 'Data')).toBeGreaterThan(0.08);
    expect(share((r) => r.readOnly === false)).toBeGreaterThan(0.15);
    expect(share((r) => r.readOnly === true)).toBeGreaterThan(0.5);
    const states = new Map<unknown, unknown[]>();
    for (const r of many.filter((one) => one.eventType === 'AwsCloudTrailInsight')) {
      expect(r).not.toHaveProperty('eventName');
      states.set(r.sharedEventID, [...(states.get(r.sharedEventID) ?? []), at(r, 'insightDetails', 'state')]);
    }
    expect(states.size).toBeGreaterThan(20);
    expect([...states.values()].slice(0, -1).every((pair) => pair.join() === 'Start,End')).toBe(true);
  });

  it('fails in 4 to 6 % of the records, in the words of AWS', () => {
    const failed = many.filter((r) => r.errorCode || r.errorMessage);
    expect(failed.length / many.length).toBeGreaterThan(0.04);
    expect(failed.length / many.length).toBeLessThan(0.06);
    const codes = distinct(failed.map((r) => r.errorCode));
    for (const code of [
      'AccessDenied',
      'AccessDeniedException',
      'Client.UnauthorizedOperation',
      'ThrottlingException',
      'NoSuchBucket',
      'NoSuchKey',
    ]) {
      expect(codes).toContain(code);
    }
    const refused = failed.find((r) => r.errorCode === 'AccessDeniedException');
    expect(refused?.errorMessage).toMatch(
      /^User: \S+ is not authorized to perform: [a-z0-9-]+:\w+ on resource: /,
    );
    for (const r of failed) if (r.errorCode) expect(r.responseElements).toBeNull();
  });

  it('comes from at least 20 countries over IPv4 and IPv6, from AWS services and from within AWS', () => {
    const networks = [...PLACES, ...Object.values(EC2_NETWORKS).map((network) => ({ ...network, v6: null }))];
    const countries = (pick: (network: { v4: string; v6: string | null }) => string | null) => {
      const byPrefix = new Map(networks.map((network) => [pick(network), network.country]));
      return distinct(many.map((r) => byPrefix.get(prefixOf(String(r.sourceIPAddress)))));
    };
    expect(countries(({ v4 }) => v4).size).toBeGreaterThanOrEqual(30);
    expect(countries(({ v6 }) => v6).size).toBeGreaterThanOrEqual(20);
    const addresses = distinct(many.map((r) => r.sourceIPAddress));
    expect(addresses).toContain('AWS Internal');
    expect(addresses).toContain('cloudtrail.amazonaws.com');
    expect([...addresses].some((address) => String(address).startsWith('10.0.'))).toBe(true);
  });

  it('is caused with command lines, SDKs, Terraform and the console', () => {
    const agents = [...distinct(many.map((r) => r.userAgent))].join('\n');
    for (const agent of [
      'aws-cli/2',
      'Boto3/',
      'Terraform/',
      'aws-sdk-java/',
      'aws-sdk-go-v2/',
      'Mozilla/5.0',
      'AWS Internal',
    ]) {
      expect(agents).toContain(agent);
    }
    expect(example('DescribeInstances', (r) => r.sessionCredentialFromConsole === 'true')).toBeDefined();
  });
});

/** The network that an address of the demo lies in: three bytes, or four groups. */
function prefixOf(address: string): string {
  const [separator, length] = address.includes(':') ? [':', 4] : ['.', 3];
  return address
    .split(separator as string)
    .slice(0, length as number)
    .join(separator as string);
}

describe('a session of a role', () => {
  const issues = many
    .slice(0, 19_900)
    .map((r, n) => ({ r, n }))
    .filter(({ r }) => /^AssumeRole/.test(String(r.eventName)));

  it('is used by later records, with the key, name and account that it was issued with', () => {
    expect(issues.length).toBeGreaterThan(400);
    for (const { r, n } of issues) {
      const key = at(r, 'responseElements', 'credentials', 'accessKeyId');
      const arn = at(r, 'responseElements', 'assumedRoleUser', 'arn');
      const account = String(arn).split(':')[4];
      const calls = many
        .slice(n + 1, n + 64)
        .filter((later) => at(later, 'userIdentity', 'accessKeyId') === key);
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) {
        expect(call.userIdentity).toMatchObject({
          type: 'AssumedRole',
          arn,
          accountId: account,
          principalId: at(r, 'responseElements', 'assumedRoleUser', 'assumedRoleId'),
          sessionContext: { sessionIssuer: { arn: at(r, 'requestParameters', 'roleArn') } },
        });
        expect(String(arn)).toContain(`/${at(r, 'requestParameters', 'roleSessionName')}`);
      }
    }
  });

  it('began when it was issued', () => {
    const { r, n } = issues.find(({ r: one }) => at(one, 'userIdentity', 'type') === 'IAMUser')!;
    const key = at(r, 'responseElements', 'credentials', 'accessKeyId');
    const call = many.slice(n + 1).find((later) => at(later, 'userIdentity', 'accessKeyId') === key);
    expect(at(call, 'userIdentity', 'sessionContext', 'attributes', 'creationDate')).toBe(r.eventTime);
  });

  it('may issue another session', () => {
    const keys = new Set(issues.map(({ r }) => at(r, 'responseElements', 'credentials', 'accessKeyId')));
    const chained = issues.filter(({ r }) => keys.has(at(r, 'userIdentity', 'accessKeyId')));
    expect(chained.length).toBeGreaterThan(20);
  });

  it('of another account is told to both accounts under one sharedEventID', () => {
    const twins = issues.filter(({ r }) => at(r, 'userIdentity', 'type') === 'AWSAccount');
    expect(twins.length).toBeGreaterThan(20);
    for (const { r: twin } of twins) {
      const pair = many.filter((r) => r.sharedEventID === twin.sharedEventID);
      expect(pair).toHaveLength(2);
      const [first, second] = pair.map(fields) as [Fields, Fields];
      expect(first.eventID).not.toBe(second.eventID);
      expect(first.recipientAccountId).not.toBe(second.recipientAccountId);
      expect(second).toMatchObject({
        requestParameters: first.requestParameters,
        responseElements: first.responseElements,
        requestID: first.requestID,
        userIdentity: {
          principalId: at(first, 'userIdentity', 'principalId'),
          accountId: at(first, 'userIdentity', 'accountId'),
        },
      });
    }
  });
});

describe('the shape of', () => {
  const text = (pattern: RegExp) => expect.stringMatching(pattern);

  it('RunInstances', () => {
    const r = example('RunInstances');
    expect(r).toMatchObject({
      eventSource: 'ec2.amazonaws.com',
      requestParameters: {
        instancesSet: { items: [{ imageId: text(/^ami-0/), minCount: 1, maxCount: 1 }] },
        instanceType: expect.any(String),
      },
      responseElements: {
        requestId: r.requestID,
        instancesSet: {
          items: [{ instanceId: text(/^i-0[0-9a-f]{16}$/), instanceState: { code: 0, name: 'pending' } }],
        },
      },
    });
  });

  it('AuthorizeSecurityGroupIngress', () => {
    expect(example('AuthorizeSecurityGroupIngress')).toMatchObject({
      requestParameters: {
        groupId: text(/^sg-0/),
        ipPermissions: {
          items: [
            {
              ipProtocol: 'tcp',
              fromPort: expect.any(Number),
              ipRanges: { items: [{ cidrIp: text(/\//) }] },
            },
          ],
        },
      },
      responseElements: { _return: true, securityGroupRuleSet: { items: [{ isEgress: false }] } },
    });
  });

  it('CreateAccessKey and CreateUser', () => {
    const key = example('CreateAccessKey');
    expect(key).toMatchObject({
      awsRegion: 'us-east-1',
      requestParameters: { userName: expect.any(String) },
      responseElements: {
        accessKey: {
          accessKeyId: text(/^AKIA[A-Z2-7]{16}$/),
          status: 'Active',
          userName: at(key, 'requestParameters', 'userName'),
        },
      },
    });
    expect(example('CreateUser').responseElements).toMatchObject({
      user: {
        userId: text(/^AIDA[A-Z2-7]{17}$/),
        arn: text(/^arn:aws:iam::\d{12}:user\//),
        createDate: text(/^\w{3} \d+, 2025, \d+:\d\d:\d\d [AP]M$/),
      },
    });
  });

  it('AssumeRole by a service, by SAML and by web identity', () => {
    expect(example('AssumeRole', (r) => at(r, 'userIdentity', 'type') === 'AWSService')).toMatchObject({
      userIdentity: { invokedBy: text(/\.amazonaws\.com$/) },
      sourceIPAddress: text(/\.amazonaws\.com$/),
      requestParameters: { roleArn: text(/^arn:aws:iam::/), roleSessionName: expect.any(String) },
      responseElements: {
        credentials: { accessKeyId: text(/^ASIA[A-Z2-7]{16}$/), expiration: expect.any(String) },
      },
      resources: [{ type: 'AWS::IAM::Role' }],
      sharedEventID: expect.any(String),
    });
    expect(example('AssumeRoleWithSAML')).toMatchObject({
      userIdentity: { type: 'SAMLUser', identityProvider: expect.any(String) },
      requestParameters: { principalArn: text(/saml-provider/) },
    });
    expect(example('AssumeRoleWithWebIdentity')).toMatchObject({
      userIdentity: { type: 'WebIdentityUser', identityProvider: text(/oidc-provider/) },
      responseElements: { subjectFromWebIdentityToken: text(/^repo:/), audience: 'sts.amazonaws.com' },
    });
  });

  it('ConsoleLogin, that succeeds with MFA and that fails', () => {
    const login = (test: (r: CloudTrailRecord) => boolean) =>
      many.find((r) => r.eventName === 'ConsoleLogin' && test(r));
    expect(login((r) => at(r, 'additionalEventData', 'MFAUsed') === 'Yes')).toMatchObject({
      eventType: 'AwsConsoleSignIn',
      requestParameters: null,
      responseElements: { ConsoleLogin: 'Success' },
      additionalEventData: { LoginTo: text(/^https:/), MobileVersion: 'No', MFAIdentifier: text(/:mfa\//) },
    });
    const failed = login((r) => at(r, 'responseElements', 'ConsoleLogin') === 'Failure');
    expect(failed).toMatchObject({
      errorMessage: expect.any(String),
      additionalEventData: { MFAUsed: 'No' },
    });
    expect(failed).not.toHaveProperty('errorCode');
  });

  it('GetObject and PutObject', () => {
    for (const r of [example('GetObject'), example('PutObject')]) {
      const bucket = at(r, 'requestParameters', 'bucketName');
      expect(r).toMatchObject({
        managementEvent: false,
        eventCategory: 'Data',
        requestID: text(/^[0-9A-Z]{16}$/),
        requestParameters: { bucketName: expect.any(String), Host: text(/\.s3\./), key: expect.any(String) },
        additionalEventData: { AuthenticationMethod: 'AuthHeader', bytesTransferredOut: expect.any(Number) },
        resources: [
          { type: 'AWS::S3::Object', ARN: `arn:aws:s3:::${bucket}/${at(r, 'requestParameters', 'key')}` },
          { type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::${bucket}` },
        ],
      });
    }
  });

  it('Invoke, Decrypt and PutParameter', () => {
    expect(example('Invoke')).toMatchObject({
      eventCategory: 'Data',
      requestParameters: {
        functionName: text(/^arn:aws:lambda:/),
        invocationType: text(/^(Event|RequestResponse)$/),
      },
      resources: [{ type: 'AWS::Lambda::Function' }],
    });
    expect(example('Decrypt')).toMatchObject({
      requestParameters: { encryptionAlgorithm: 'SYMMETRIC_DEFAULT', encryptionContext: expect.any(Object) },
      resources: [{ type: 'AWS::KMS::Key', ARN: text(/^arn:aws:kms:[^:]+:\d{12}:key\//) }],
    });
    expect(example('PutParameter')).toMatchObject({
      requestParameters: { name: text(/^\//), value: 'HIDDEN_DUE_TO_SECURITY_REASONS', type: 'SecureString' },
      responseElements: { version: expect.any(Number) },
    });
  });

  it('CreateDBInstance, PutBucketPolicy and SharedSnapshotVolumeCreated', () => {
    expect(example('CreateDBInstance')).toMatchObject({
      requestParameters: {
        dBInstanceIdentifier: expect.any(String),
        masterUserPassword: 'HIDDEN_DUE_TO_SECURITY_REASONS',
      },
      responseElements: { dBInstanceArn: text(/:db:/), dBInstanceStatus: 'creating' },
    });
    expect(example('PutBucketPolicy')).toMatchObject({
      requestParameters: {
        bucketPolicy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow' }] },
        policy: '',
      },
    });
    expect(example('SharedSnapshotVolumeCreated')).toMatchObject({
      eventType: 'AwsServiceEvent',
      userIdentity: { invokedBy: 'ec2.amazonaws.com' },
      serviceEventDetails: { snapshotId: text(/^snap-0/) },
    });
  });
});

describe('the demo source', () => {
  const source = { seed: SEED, sourceId: 'source-a', ...PACE, maxRecords: 1000 };
  const since = (ms: number) => new Date(STARTED.getTime() + ms);

  it('gives the records that are due, each at its time', () => {
    const page = nextDemoPage({ ...source, position: 0, now: since(1000) });
    expect(page.position).toBe(6);
    expect(page.records).toEqual(many.slice(0, 6));
    expect(nextDemoPage({ ...source, position: 6, now: since(1199) })).toEqual({ records: [], position: 6 });
  });

  it('repeats nothing and leaves nothing out after a restart at its position', () => {
    const records: CloudTrailRecord[] = [];
    let position = 0;
    for (const ms of [130, 900, 901, 5000, 20_000]) {
      const page = nextDemoPage({ ...source, position, now: since(ms) });
      records.push(...page.records);
      position = page.position;
    }
    expect(records).toEqual(many.slice(0, 101));
  });

  it('catches up after a pause, at most maxRecords a call', () => {
    const hour = since(3_600_000);
    const first = nextDemoPage({ ...source, position: 10, now: hour });
    expect([first.records.length, first.position]).toEqual([1000, 1010]);
    let position = first.position;
    for (let page = first; page.records.length === 1000; position = page.position) {
      page = nextDemoPage({ ...source, position, now: hour });
    }
    expect(position).toBe(18_001);
  });

  it('waits when the clock has gone back', () => {
    expect(nextDemoPage({ ...source, position: 50, now: since(-60_000) })).toEqual({
      records: [],
      position: 50,
    });
  });

  it('refuses a pace or a position that makes no sense', () => {
    expect(() => nextDemoPage({ ...source, eventsPerSecond: 0, position: 0, now: STARTED })).toThrow(
      RangeError,
    );
    expect(() => nextDemoPage({ ...source, position: -1, now: STARTED })).toThrow(RangeError);
  });
});

describe('a demo trail', () => {
  let dir: string;
  let objects: TrailObject[];
  const options = { seed: 4, records: 2900, objects: 55 };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'trailgraph-demo-'));
    objects = await writeDemoTrail(join(dir, 'a'), options);
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('has as many objects and records as asked for, each once, in the layout of CloudTrail', async () => {
    expect(objects).toHaveLength(55);
    const ids: unknown[] = [];
    for (const object of objects) {
      const [, account, region, day] =
        /^AWSLogs\/(\d{12})\/CloudTrail\/([a-z0-9-]+)\/(\d{4}\/\d\d\/\d\d)\/\1_CloudTrail_\2_\d{8}T\d{4}Z_[A-Z0-9]{16}\.json\.gz$/.exec(
          object.key,
        ) ?? [];
      expect(day).toBe('2025/06/12');
      for (const r of await recordsIn(object)) {
        expect(r).toMatchObject({ recipientAccountId: account, awsRegion: region });
        ids.push(r.eventID);
      }
    }
    expect(ids).toHaveLength(2900);
    expect(new Set(ids).size).toBe(2900);
  });

  it('is written with the same bytes again', async () => {
    const again = await writeDemoTrail(join(dir, 'b'), options);
    expect(again.map(({ key }) => key)).toEqual(objects.map(({ key }) => key));
    for (const [i, { path }] of again.entries()) {
      expect((await readFile(path)).equals(await readFile(objects[i]!.path))).toBe(true);
    }
  });

  it('can be of one account and one object', async () => {
    const [only, ...others] = await writeDemoTrail(join(dir, 'c'), {
      seed: 4,
      records: 30,
      objects: 1,
      accounts: ['444455556666'],
    });
    expect(others).toHaveLength(0);
    expect(await recordsIn(only!)).toHaveLength(30);
  });

  it(`gives tests 55 objects of 2,900 records (here: the ${trailKind()} trail)`, async () => {
    const given = await trail();
    try {
      expect([given.kind, given.objects.length, given.records]).toEqual([trailKind(), 55, 2900]);
    } finally {
      await given.remove();
    }
  });
});
