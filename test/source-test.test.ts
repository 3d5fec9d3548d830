import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { PolicyDocument } from '../src/sources/aws/least-policy';
import type { GraphqlClient } from './support/graphql-client';
import { makeRole, putRolePolicy, SERVER_ACCOUNT } from './support/iam';
import { ledger } from './support/ledger';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Check {
  name: string;
  status: string;
  message: string;
  remedy: string | null;
  awsAction: string | null;
}

interface SourceTest {
  ok: boolean;
  callerArn: string | null;
  checks: Check[];
  sampleRecords: { eventID: string }[];
  policyDocument: PolicyDocument | null;
}

const TEST = `mutation ($id: ID, $input: CreateSourceInput) { testSource(id: $id, input: $input) {
  ok callerArn checks { name status message remedy awsAction } sampleRecords policyDocument } }`;
const CREATE =
  'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id aws { externalId } } } }';
const UPDATE =
  'mutation ($id: ID!, $input: UpdateSourceInput!) { updateSource(id: $id, input: $input) { id } }';
const ROOT = `arn:aws:iam::${SERVER_ACCOUNT}:root`;
const NOTHING: PolicyDocument = { Version: '2012-10-17', Statement: [] };

let app: TestTrailGraph;
let admin: GraphqlClient;
let operator: GraphqlClient;
let server: S3Server;
let sqs: SQSClient;
let names = 0;

const cleanups: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  // Whoever runs this may have credentials of AWS.
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  [server, app] = await Promise.all([startS3Server(), startTrailGraph()]);
  admin = await app.admin();
  await app.api.accounts.createUser(OPERATOR, 'OPERATOR');
  const { login } = await app.anonymous.run<{ login: { accessToken: string } }>(
    'mutation ($input: CredentialsInput!) { login(input: $input) { accessToken } }',
    { input: OPERATOR },
  );
  operator = app.anonymous.as(login.accessToken);
  sqs = new SQSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials: SERVER_KEYS });
}, 600_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  sqs?.destroy();
  await app?.stop();
  await server?.close();
});

const OPERATOR = { email: 'operator@example.com', password: 'correct horse battery 2' };

describe('testing an S3_BUCKET source', () => {
  it('goes from no right to the one after, until the policy that it prints lets it through', async () => {
    const bucket = await bucketWithTrail();
    const { input, role } = await behindRole({ s3: { bucket } });

    const none = await test(input);
    expect(none.ok).toBe(false);
    expect(none.callerArn).toBe(`arn:aws:sts::${SERVER_ACCOUNT}:assumed-role/${role.name}/trailgraph`);
    expect(outline(none)).toEqual([
      'credentials sts:AssumeRole WARN',
      'identity sts:GetCallerIdentity PASS',
      'permission s3:ListBucket FAIL',
      'settings s3:ListBucket SKIPPED',
      'sample s3:ListBucket SKIPPED',
      'permission s3:GetObject SKIPPED',
      'permission kms:Decrypt SKIPPED',
      'sample SKIPPED',
    ]);
    expect(none.checks[0]).toMatchObject({ message: expect.stringContaining('long-lived') });
    expect(none.checks[2]).toMatchObject({
      message: expect.stringContaining(`s3:ListBucket on arn:aws:s3:::${bucket}`),
      remedy: expect.stringContaining(
        `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::${bucket}"}`,
      ),
    });

    const [list, ...rest] = none.policyDocument!.Statement;
    await putRolePolicy(server, role, { ...NOTHING, Statement: [list] });
    const listed = await test(input);
    expect(outline(listed)).toEqual([
      'credentials sts:AssumeRole WARN',
      'identity sts:GetCallerIdentity PASS',
      'permission s3:ListBucket PASS',
      'settings s3:ListBucket PASS',
      'sample s3:ListBucket PASS',
      'permission s3:GetObject FAIL',
      'permission kms:Decrypt SKIPPED',
      'sample SKIPPED',
    ]);
    expect(listed.checks[5]).toMatchObject({
      message: expect.stringContaining(`s3:GetObject on arn:aws:s3:::${bucket}/AWSLogs/*`),
      remedy: expect.stringContaining('"Action":"s3:GetObject"'),
    });

    await putRolePolicy(server, role, { ...NOTHING, Statement: [list, ...rest] });
    const all = await test(input);
    expect(all.checks.filter(({ status }) => status !== 'PASS').map(({ name }) => name)).toEqual([
      'credentials',
    ]);
    expect(all.ok).toBe(true);
    expect(all.checks[4]?.message).toContain('20240306T1200Z');
    expect(all.sampleRecords).toEqual([
      { eventID: 'newest-0' },
      { eventID: 'newest-1' },
      { eventID: 'newest-2' },
    ]);
    expect(all.policyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [
        { Sid: 'ListLogFiles', Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` },
        {
          Sid: 'ReadLogFiles',
          Effect: 'Allow',
          Action: 's3:GetObject',
          Resource: `arn:aws:s3:::${bucket}/AWSLogs/*`,
        },
      ],
    });
  });

  it('says where the external id comes from where a role refuses a source that is yet to be saved', async () => {
    const kind = { s3: { bucket: await bucketWithTrail() } };
    const name = `role-${++names}`;
    const roleArn = `arn:aws:iam::${SERVER_ACCOUNT}:role/${name}`;
    const { id, aws } = await create(own(kind, { roleArn }));
    const { externalId } = aws;
    const policy = (await test(null, id)).policyDocument;
    await makeRole(server, { account: SERVER_ACCOUNT, name, trusts: ROOT, externalId, policy });
    expect((await test(own(kind, { roleArn }))).checks[0]).toMatchObject({
      status: 'FAIL',
      remedy: expect.stringContaining('save the source, write its externalId into the trust policy'),
    });
    expect(await test(null, id)).toMatchObject({ ok: true });
  });

  it.each<[string, object, object, string, RegExp]>([
    ['unknown keys', { accessKeyId: 'AKIANOBODY' }, {}, 'identity', /access key id is not known/],
    [
      'a role that is not there',
      { roleArn: `arn:aws:iam::${SERVER_ACCOUNT}:role/nobody` },
      {},
      'credentials',
      /sts:AssumeRole on .*nobody is denied/,
    ],
    ['a bucket that is not there', {}, { bucket: 'no-such-bucket' }, 'permission', /does not exist/],
    ['a closed port', { endpointUrl: 'http://127.0.0.1:1' }, {}, 'identity', /does not take connections/],
  ])('tells of %s by the step that fails, with a remedy', async (_, aws, s3, name, message) => {
    const result = await test(own({ s3: { bucket: 'b-1', ...s3 } }, aws));
    const failed = result.checks.filter(({ status }) => status === 'FAIL');
    expect(failed).toEqual([
      {
        name,
        status: 'FAIL',
        message: expect.stringMatching(message),
        remedy: expect.stringMatching(/./),
        awsAction:
          name === 'credentials'
            ? 'sts:AssumeRole'
            : name === 'identity'
              ? 'sts:GetCallerIdentity'
              : 's3:ListBucket',
      },
    ]);
    const after = result.checks.slice(
      result.checks.indexOf(result.checks.find(({ status }) => status === 'FAIL')!) + 1,
    );
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set(['SKIPPED']));
    expect(result).toMatchObject({ ok: false, sampleRecords: [], policyDocument: { Version: '2012-10-17' } });
  });

  it('warns of an empty bucket and of a wrong prefix, and says what is there instead', async () => {
    const bucket = await bucketWithTrail('team-a/');
    const wrong = await test(own({ s3: { bucket } }));
    expect(wrong.ok).toBe(true);
    expect(wrong.checks.find(({ name }) => name === 'settings')).toMatchObject({
      status: 'WARN',
      remedy: expect.stringContaining('set the prefix to team-a'),
    });
    expect((await test(own({ s3: { bucket, prefix: 'team-a' } }))).sampleRecords).toHaveLength(3);

    await server.makeBucket('quite-empty');
    expect((await test(own({ s3: { bucket: 'quite-empty' } }))).checks[3]).toMatchObject({
      status: 'WARN',
      remedy: expect.stringContaining('The bucket is empty'),
    });
  });

  it('names the key where the file may be read but not be decrypted', async () => {
    const key = 'arn:aws:kms:us-east-1:111122223333:key/11112222-3333';
    const endpointUrl = await s3Answering((response) => {
      response.statusCode = 403;
      response.end(
        `<Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: kms:Decrypt on resource: ${key} because no policy allows it</Message></Error>`,
      );
    });
    const result = await test(own({ s3: { bucket: 'b-1' } }, { endpointUrl }));
    expect(result.checks.filter(({ status }) => status === 'FAIL')).toEqual([
      {
        name: 'permission',
        status: 'FAIL',
        message: `kms:Decrypt on ${key} is denied (AccessDenied)`,
        remedy: expect.stringContaining(`"Action":"kms:Decrypt","Resource":"${key}"`),
        awsAction: 'kms:Decrypt',
      },
    ]);
    expect(result.policyDocument?.Statement.at(-1)).toEqual({
      Sid: 'DecryptLogFiles',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: key,
    });
  });

  it('says of a file that is none of a trail, and of an endpoint that does not tell who calls, what they are', async () => {
    const endpointUrl = await s3Answering((response) => response.end('no gzip'));
    const result = await test(own({ s3: { bucket: 'b-1' } }, { endpointUrl }));
    expect(result.callerArn).toBeNull();
    expect(result.checks[1]).toMatchObject({
      status: 'WARN',
      message: expect.stringContaining('does not tell who calls'),
    });
    expect(result.checks.at(-1)).toMatchObject({ name: 'sample', status: 'FAIL' });
  });

  it('comes to its end in time where nothing answers', async () => {
    const endpointUrl = await listening(() => undefined);
    const start = Date.now();
    const result = await test(own({ s3: { bucket: 'b-1' } }, { endpointUrl }));
    expect(Date.now() - start).toBeLessThan(30_000);
    expect(result.checks.filter(({ status }) => status === 'FAIL')).toMatchObject([
      { name: 'identity', message: expect.stringContaining('No answer in time') },
    ]);
  }, 240_000);
});

describe('testing an S3_SQS source', () => {
  it('goes through under the policy that it prints, and leaves the message where it is', async () => {
    const bucket = await bucketWithTrail();
    const queueUrl = await queueTelling(bucket);
    const { input, role } = await behindRole({ sqs: { queueUrl } });

    const none = await test(input);
    expect(none.checks.filter(({ status }) => status === 'FAIL')).toEqual([
      {
        name: 'permission',
        status: 'FAIL',
        message: expect.stringMatching(
          /^sqs:GetQueueAttributes on arn:aws:sqs:us-east-1:000000000000:queue-\d+ is denied/,
        ),
        remedy: expect.stringContaining('"Action":"sqs:GetQueueAttributes"'),
        awsAction: 'sqs:GetQueueAttributes',
      },
    ]);
    await putRolePolicy(server, role, none.policyDocument!);
    const all = await test(input);
    expect(outline(all)).toEqual([
      'credentials sts:AssumeRole WARN',
      'identity sts:GetCallerIdentity PASS',
      'permission sqs:GetQueueAttributes PASS',
      'permission sqs:ReceiveMessage PASS',
      'permission sqs:ChangeMessageVisibility PASS',
      'permission sqs:DeleteMessage PASS',
      'settings PASS',
      'sample PASS',
      'permission s3:GetObject PASS',
      'permission kms:Decrypt PASS',
      'sample PASS',
    ]);
    expect(all.checks[2]?.message).toContain('1 messages wait');
    expect(all.sampleRecords).toHaveLength(3);
    expect(all.policyDocument?.Statement).toEqual([
      {
        Sid: 'ReadQueue',
        Effect: 'Allow',
        Action: [
          'sqs:GetQueueAttributes',
          'sqs:ReceiveMessage',
          'sqs:ChangeMessageVisibility',
          'sqs:DeleteMessage',
        ],
        Resource: `arn:aws:sqs:us-east-1:${SERVER_ACCOUNT}:${queueUrl.split('/').at(-1)}`,
      },
      {
        Sid: 'ReadLogFiles',
        Effect: 'Allow',
        Action: 's3:GetObject',
        Resource: `arn:aws:s3:::${bucket}/*AWSLogs/*`,
      },
    ]);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    expect(Messages).toHaveLength(1);
  });

  it.each(['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:DeleteMessage'])(
    'tells that %s is denied, and which statement is missing',
    async (action) => {
      const bucket = await bucketWithTrail();
      const { input, role } = await behindRole({ sqs: { queueUrl: await queueTelling(bucket) } });
      const { policyDocument } = await test(input);
      const [queue, ...rest] = policyDocument!.Statement;
      const Action = [queue!.Action].flat().filter((each) => each !== action);
      await putRolePolicy(server, role, { ...NOTHING, Statement: [{ ...queue!, Action }, ...rest] });
      const failed = (await test(input)).checks.filter(({ status }) => status === 'FAIL');
      expect(failed).toEqual([
        {
          name: 'permission',
          status: 'FAIL',
          message: expect.stringMatching(
            `^${action} on arn:aws:sqs:us-east-1:000000000000:queue-\\d+ is denied`,
          ),
          remedy: expect.stringContaining(`"Action":"${action}"`),
          awsAction: action,
        },
      ]);
    },
  );

  it('tells of a queue that is not there', async () => {
    const queueUrl = `${server.endpoint}/${SERVER_ACCOUNT}/nowhere`;
    expect((await test(own({ sqs: { queueUrl } }))).checks[2]).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining('there is no queue'),
      remedy: expect.stringContaining("queue's URL"),
    });
  });

  it('warns of messages that are kept too short or come again too soon, and of an empty queue', async () => {
    const short = await test(own({ sqs: { queueUrl: await makeQueue({ MessageRetentionPeriod: '3600' }) } }));
    expect(byName(short, 'settings')).toMatchObject({
      status: 'WARN',
      remedy: expect.stringContaining('MessageRetentionPeriod'),
    });
    expect(byName(short, 'sample')).toMatchObject({
      status: 'WARN',
      message: expect.stringContaining('No message waits'),
    });
    expect(short.ok).toBe(true);
    const soon = await test(own({ sqs: { queueUrl: await makeQueue({ VisibilityTimeout: '5' }) } }));
    expect(byName(soon, 'settings')).toMatchObject({
      status: 'WARN',
      remedy: expect.stringContaining('VisibilityTimeout'),
    });
  });

  it('receives nothing where a message has few tries', async () => {
    const dead = await makeQueue({});
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:us-east-1:${SERVER_ACCOUNT}:${dead.split('/').at(-1)}`,
      maxReceiveCount: 1,
    });
    const queueUrl = await makeQueue({ RedrivePolicy });
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'x' }));
    const result = await test(own({ sqs: { queueUrl } }));
    expect(result.checks[3]).toMatchObject({
      awsAction: 'sqs:ReceiveMessage',
      status: 'SKIPPED',
      remedy: expect.stringContaining('maxReceiveCount'),
    });
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    expect(Messages).toHaveLength(1);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    expect(Attributes?.ApproximateNumberOfMessages).toBe('0');
  });
});

describe('testing a LOOKUP_EVENTS source', () => {
  it('asks the first Region in the account of the role, and shows records', async () => {
    const recording = await fetch(`${server.endpoint}/_ministack/config`, {
      method: 'POST',
      body: '{"cloudtrail._recording_enabled":"true"}',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${SERVER_KEYS.accessKeyId}/20260101/us-east-1/s3/aws4_request`,
      },
    });
    expect(recording.status).toBe(200);
    for (let n = 0; n < 4; n++) await server.makeBucket(`recorded-${n}`);
    const { input, role } = await behindRole({ lookupEvents: { regions: ['us-east-1', 'eu-west-1'] } });
    const none = await test(input);
    expect(none.checks[2]).toMatchObject({
      status: 'FAIL',
      awsAction: 'cloudtrail:LookupEvents',
      message: expect.stringMatching(/^cloudtrail:LookupEvents on \* is denied/),
      remedy: expect.stringContaining(
        '{"Sid":"LookUpEvents","Effect":"Allow","Action":"cloudtrail:LookupEvents","Resource":"*"}',
      ),
    });
    await putRolePolicy(server, role, none.policyDocument!);
    const all = await test(input);
    expect(outline(all)).toEqual([
      'credentials sts:AssumeRole WARN',
      'identity sts:GetCallerIdentity PASS',
      'permission cloudtrail:LookupEvents PASS',
      'sample PASS',
    ]);
    expect(all.checks[2]?.message).toContain('us-east-1');
    expect(all.sampleRecords).toHaveLength(3);
  });

  it('takes being throttled for the right, not for its lack', async () => {
    const endpointUrl = await listening(async (request, response) => {
      const body = await text(request);
      if (body.includes('GetCallerIdentity')) response.end(IDENTITY);
      else {
        response.statusCode = 400;
        response.setHeader('content-type', 'application/x-amz-json-1.1');
        response.end('{"__type":"ThrottlingException","message":"Rate exceeded"}');
      }
    });
    const result = await test(own({ lookupEvents: {} }, { endpointUrl }));
    expect(result.ok).toBe(true);
    expect(result.checks[2]).toMatchObject({ status: 'WARN', message: expect.stringContaining('throttled') });
  });
});

describe('testing a source', () => {
  it('says of what is pushed or made up that there is nothing to reach', async () => {
    for (const input of [{ httpPush: {} }, { demo: {} }]) {
      expect(await test({ name: 'x', ...input })).toEqual({
        ok: true,
        callerArn: null,
        checks: [
          {
            name: 'credentials',
            status: 'PASS',
            message: expect.stringContaining('Nothing needs to be reached'),
            remedy: null,
            awsAction: null,
          },
        ],
        sampleRecords: [],
        policyDocument: null,
      });
    }
  });

  it('tries what would change on top of what is saved, keeps the secrets, and stores nothing', async () => {
    const bucket = await bucketWithTrail();
    const { id } = await create(own({ s3: { bucket: 'quite-gone' } }));
    const before = await app.core.sources.getAny(id);
    const count = await app.core.sources.count({});
    const saved = await test(null, id);
    expect(saved.checks.find(({ status }) => status === 'FAIL')?.message).toContain(
      '"quite-gone" does not exist',
    );
    const { testSource: changed } = await admin.run<{ testSource: SourceTest }>(TEST, {
      id,
      input: { name: 'other', s3: { bucket } },
    });
    expect(changed.sampleRecords).toHaveLength(3);
    expect(JSON.stringify([saved, changed])).not.toContain(SERVER_KEYS.secretAccessKey);
    const after = await app.core.sources.getAny(id);
    // The worker reads the source meanwhile, and notes how that went.
    const polled = { status: null, nextRunAt: null, token: null, changedAt: null };
    expect({ ...after, ...polled }).toEqual({ ...before, ...polled });
    expect(await app.core.sources.count({})).toBe(count);
    expect(await ledger(app).batches.countDocuments({ sourceId: id })).toBe(0);
  });

  it('wants an id or an input, and refuses what making the source would refuse', async () => {
    expect((await admin.raw(TEST)).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect((await admin.raw(TEST, { id: 'src_nobody' })).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    for (const roleArn of [
      'arn:aws:iam::1:role/x',
      'arn:aws:iam::111122223333:user/x',
      'role',
      'arn:aws:iam::{account}:role/x',
    ]) {
      const { errors } = await admin.raw(TEST, { input: own({ s3: { bucket: 'b-1' } }, { roleArn }) });
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        fields: [{ path: ['input', 'aws', 'roleArn'] }],
      });
    }
    const pattern = { roleArn: 'arn:aws-us-gov:iam::{accountId}:role/path/reader' };
    const withoutAccounts = await admin.raw(TEST, { input: own({ lookupEvents: {} }, pattern) });
    expect(withoutAccounts.errors?.[0]?.message).toContain('accountIds');
  });

  it('warns of every source that reads the same', async () => {
    const bucket = await bucketWithTrail();
    const other = await create(own({ s3: { bucket, accountIds: ['111122223333'] } }, {}, 'the other one'));
    const overlaps = async (input: object) =>
      (await test(input)).checks.filter(({ name }) => name === 'overlap');
    expect(await overlaps(own({ s3: { bucket } }))).toEqual([
      {
        name: 'overlap',
        status: 'WARN',
        message: `The source "the other one" (${other.id}) reads the same: s3://${bucket}/.`,
        remedy: expect.stringContaining('stored once'),
        awsAction: null,
      },
    ]);
    expect(await overlaps(own({ s3: { bucket, accountIds: ['444455556666'] } }))).toEqual([]);
    expect(await overlaps(own({ s3: { bucket, prefix: 'other' } }))).toEqual([]);

    const queueUrl = await makeQueue({});
    const queue = await create(own({ sqs: { queueUrl } }));
    expect(await overlaps(own({ sqs: { queueUrl } }))).toMatchObject([
      { message: expect.stringContaining(`(${queue.id}) reads the same: the queue ${queueUrl}`) },
    ]);
    const lookup = own({ lookupEvents: { accountIds: ['111122223333'] } });
    const beside = (await overlaps(lookup)).filter(({ message }) => message.includes(other.id));
    expect(beside).toMatchObject([{ message: expect.stringContaining('account 111122223333') }]);
    expect(await test(null, other.id)).toMatchObject({ ok: true });
    expect((await test(null, other.id)).checks.filter(({ name }) => name === 'overlap')).toEqual([]);
  });
});

describe("the server's own credentials", () => {
  const s3 = { bucket: 'b-1' };

  it.each<[string, object]>([
    ['no keys at all', {}],
    ['a role on top of them', { roleArn: 'arn:aws:iam::111122223333:role/reader' }],
    ['a profile', { profile: 'default' }],
  ])("are an ADMIN's to use: %s", async (_, aws) => {
    const input = { name: 'ambient', s3, aws };
    for (const mutation of [CREATE, TEST]) {
      const { errors } = await operator.raw(mutation, { input });
      expect(errors?.[0]).toMatchObject({
        message: expect.stringMatching(/only an ADMIN/i),
        extensions: { code: 'FORBIDDEN' },
      });
    }
    expect((await admin.raw(CREATE, { input })).errors).toBeUndefined();
  });

  it("are an ADMIN's to switch to, and to point elsewhere", async () => {
    const { id } = await create(own({ s3 }), operator);
    const dropped = { aws: { accessKeyId: null, secretAccessKey: null, endpointUrl: null } };
    expect((await operator.raw(UPDATE, { id, input: dropped })).errors?.[0]?.extensions.code).toBe(
      'FORBIDDEN',
    );
    expect(
      (await operator.raw(TEST, { id, input: { name: 'x', ...dropped } })).errors?.[0]?.extensions.code,
    ).toBe('FORBIDDEN');
    await admin.run(UPDATE, { id, input: dropped });
    for (const input of [{ s3: { bucket: 'another' } }, { aws: { region: 'eu-west-1' } }])
      expect((await operator.raw(UPDATE, { id, input })).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    await operator.run(UPDATE, { id, input: { name: 'a new name' } });
  });

  it('are not needed where a source has keys of its own, also for a role', async () => {
    const roleArn = 'arn:aws:iam::111122223333:role/reader';
    const made = await create(own({ s3 }, { roleArn }), operator);
    expect(made.aws.externalId).toMatch(/^[0-9a-f]{32}$/);
    await operator.run(UPDATE, { id: made.id, input: { aws: { roleArn: null } } });
    const { source } = await admin.run<{ source: { aws: object } }>(
      'query ($id: ID!) { source(id: $id) { aws { roleArn externalId hasStaticKeys } } }',
      { id: made.id },
    );
    expect(source.aws).toEqual({ roleArn: null, externalId: made.aws.externalId, hasStaticKeys: true });
  });
});

const IDENTITY =
  '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/x</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>';

async function test(input: object | null, id: string | null = null): Promise<SourceTest> {
  const { testSource } = await admin.run<{ testSource: SourceTest }>(TEST, { id, input });
  return testSource;
}

async function create(
  input: object,
  client: GraphqlClient = admin,
): Promise<{ id: string; aws: { externalId: string } }> {
  const { createSource } = await client.run<{
    createSource: { source: { id: string; aws: { externalId: string } } };
  }>(CREATE, { input });
  return createSource.source;
}

/** Each step as `name action status`. */
function outline({ checks }: SourceTest): string[] {
  return checks
    .filter(({ name }) => name !== 'overlap')
    .map(({ name, awsAction, status }) => `${name} ${awsAction ? `${awsAction} ` : ''}${status}`);
}

function byName({ checks }: SourceTest, name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}

/** The AWS SDK marks the object that it is given. */
function ownKeys(): object {
  const { accessKeyId, secretAccessKey } = SERVER_KEYS;
  return { accessKeyId, secretAccessKey };
}

/** A source with its own keys at the server. */
function own(kind: object, aws: object = {}, name = 'tested'): object {
  return {
    name,
    ...kind,
    aws: { region: 'us-east-1', endpointUrl: server.endpoint, ...ownKeys(), ...aws },
  };
}

/** A source that reads as a role of its own, which may do nothing yet. */
async function behindRole(kind: object) {
  const role = { account: SERVER_ACCOUNT, name: `role-${++names}` };
  const roleArn = await makeRole(server, { ...role, trusts: ROOT });
  return { input: own(kind, { roleArn }), role };
}

async function bucketWithTrail(prefix = ''): Promise<string> {
  const bucket = `trail-${++names}`;
  await server.makeBucket(bucket);
  await server.put(bucket, `${prefix}${logKey('2024-02-29', '2300')}`, logFile('older', 1));
  await server.put(bucket, `${prefix}${logKey('2024-03-06', '1155')}`, logFile('old', 1));
  await server.put(bucket, `${prefix}${NEWEST}`, logFile('newest', 5));
  return bucket;
}

const NEWEST = logKey('2024-03-06', '1200');

function logKey(day: string, time: string): string {
  const stamp = `${day.replaceAll('-', '')}T${time}Z`;
  return `AWSLogs/111122223333/CloudTrail/us-east-1/${day.replaceAll('-', '/')}/111122223333_CloudTrail_us-east-1_${stamp}_0123456789abcdef.json.gz`;
}

function logFile(name: string, records: number): Uint8Array {
  const Records = Array.from({ length: records }, (_, n) => ({ eventID: `${name}-${n}` }));
  return gzipSync(JSON.stringify({ Records }));
}

async function makeQueue(Attributes: Record<string, string>): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `queue-${++names}`, Attributes }));
  return `${server.endpoint}${new URL(QueueUrl!).pathname}`;
}

/** A queue with one message, which tells of the newest log file. */
async function queueTelling(bucket: string): Promise<string> {
  const QueueUrl = await makeQueue({});
  const s3 = { bucket: { name: bucket }, object: { key: NEWEST } };
  const record = { eventVersion: '2.1', eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ Records: [record] }) }));
  return QueueUrl;
}

/** A server of the S3 protocol with one log file, which knows no STS. */
function s3Answering(answerObject: (response: ServerResponse) => void): Promise<string> {
  const folders = NEWEST.split('/');
  return listening((request, response) => {
    const url = new URL(request.url!, 'http://x');
    if (request.method === 'POST') {
      response.statusCode = 400;
      response.end('<Error><Code>InvalidArgument</Code><Message>no such action</Message></Error>');
      return;
    }
    if (!url.searchParams.has('list-type')) {
      answerObject(response);
      return;
    }
    const prefix = url.searchParams.get('prefix') ?? '';
    const below = folders[prefix.split('/').length - 1];
    const entry = url.searchParams.has('delimiter')
      ? `<CommonPrefixes><Prefix>${prefix}${below}/</Prefix></CommonPrefixes>`
      : `<Contents><Key>${NEWEST}</Key><ETag>"e"</ETag><Size>1</Size><LastModified>2024-03-06T12:00:00Z</LastModified></Contents>`;
    response.end(`<ListBucketResult><Name>b-1</Name><KeyCount>1</KeyCount>${entry}</ListBucketResult>`);
  });
}

async function listening(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const http = createServer(answer).listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanups.push(async () => {
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
