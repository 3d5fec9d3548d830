import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { AwsAccess, Source } from '../src/domain/source';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import { AwsClients, type StaticKeys } from '../src/sources/aws/aws-clients';
import { commonFault } from '../src/sources/aws/aws-fault';
import { RenewedCredentials, type SigningKeys } from '../src/sources/aws/renewed-credentials';
import { eventually } from './support/eventually';
import { makeRole, SERVER_ACCOUNT } from './support/iam';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { BUCKET_CONFIG, sourceOf } from './support/source-of';

const ROOT = `arn:aws:iam::${SERVER_ACCOUNT}:root`;
const signal = new AbortController().signal;

const cleanups: (() => Promise<void> | void)[] = [];
const variables: NodeJS.ProcessEnv = {};
beforeEach(() => {
  Object.assign(variables, process.env);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  for (const name of Object.keys(process.env)) if (!(name in variables)) delete process.env[name];
  Object.assign(process.env, variables);
});

describe('a role, at a server that keeps to trust policies', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
  }, 600_000);
  afterAll(() => server?.close());

  const source = (changes: Partial<AwsAccess>): Source =>
    sourceOf(
      { kind: 'LOOKUP_EVENTS' },
      { endpointUrl: server.endpoint, externalId: 'the-external-id', ...changes },
    );

  it('is assumed with the external id of the source, and all calls are made as it', async () => {
    const roleArn = await makeRole(server, {
      account: '111122223333',
      name: 'reader',
      trusts: ROOT,
      externalId: 'the-external-id',
    });
    const clients = awsClients(SERVER_KEYS);
    expect(await clients.identity(source({ roleArn }), {}, signal)).toEqual({
      account: '111122223333',
      arn: 'arn:aws:sts::111122223333:assumed-role/reader/trailgraph',
    });
    expect(
      await clients.identity(sourceOf({ _id: 'src_2' }, { endpointUrl: server.endpoint }), {}, signal),
    ).toEqual({
      account: SERVER_ACCOUNT,
      arn: ROOT,
    });
  });

  it('is refused with another external id, and the remedy names the right one', async () => {
    const roleArn = await makeRole(server, {
      account: '111122223333',
      name: 'strict',
      trusts: ROOT,
      externalId: 'the-external-id',
    });
    const stranger = source({ roleArn, externalId: 'a-guess' });
    const error = await failureOf(awsClients(SERVER_KEYS).identity(stranger, {}, signal));
    const fault = commonFault(error, stranger);
    expect(fault).toMatchObject({
      kind: 'access',
      message: `sts:AssumeRole on ${roleArn} is denied (AccessDenied)`,
    });
    expect(fault?.remedy).toContain('{"StringEquals":{"sts:ExternalId":"a-guess"}}');
    expect(fault?.remedy).toContain(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"${roleArn}"}`);
  });

  it('is a pattern over accounts, each with credentials of its own', async () => {
    const accounts = ['222233334444', '333344445555'];
    for (const account of accounts)
      await makeRole(server, { account, name: 'trail', trusts: ROOT, externalId: 'the-external-id' });
    const clients = awsClients(SERVER_KEYS);
    const pattern = source({ roleArn: 'arn:aws:iam::{accountId}:role/trail' });
    const arns = accounts.map(async (accountId) => clients.identity(pattern, { accountId }, signal));
    expect(await Promise.all(arns)).toEqual(
      accounts.map((account) => ({ account, arn: `arn:aws:sts::${account}:assumed-role/trail/trailgraph` })),
    );
    await expect(clients.identity(pattern, {}, signal)).rejects.toMatchObject({
      name: 'Permanent',
      options: { remedy: expect.stringContaining('accountIds') },
    });
    expect(() => clients.s3(pattern)).toThrow('nothing says for which account');
  });

  it('that is not there is told as one that is denied, as STS does', async () => {
    const missing = source({ roleArn: 'arn:aws:iam::111122223333:role/nobody' });
    const error = await failureOf(awsClients(SERVER_KEYS).identity(missing, {}, signal));
    expect(commonFault(error, missing)?.remedy).toContain('Check that the role exists');
  });
});

describe('temporary credentials', () => {
  it('are asked for once by all who need them, and again as their end comes near', async () => {
    const sts = await startSts({ lifeMs: 1_500 });
    const clients = awsClients(SERVER_KEYS);
    const source = bucketSource(sts.url, { roleArn: ROLE });
    const list = () => clients.s3(source).send(new ListObjectsV2Command({ Bucket: 'b-1' }));
    await Promise.all([list(), list(), clients.identity(source, {}, signal), list()]);
    expect(sts.assumed()).toBe(1);
    expect(sts.form('AssumeRole')).toMatchObject({
      RoleArn: ROLE,
      ExternalId: 'external-id',
      RoleSessionName: 'trailgraph',
    });
    const seen = sts.signedWith.length;
    await eventually(async () => {
      await list();
      return sts.assumed() === 2;
    }, 'the role is assumed again');
    await list();
    expect(sts.signedWith.slice(0, seen)).toEqual([SERVER_KEYS.accessKeyId, ...Array(4).fill('SESSION1')]);
    expect(sts.signedWith.at(-1)).toBe('SESSION2');
    expect(sts.late).toBe(0);
  });

  it('that a service calls expired are asked for anew by the next call, whatever was said of their end', async () => {
    const sts = await startSts({ lifeMs: 3_600_000 });
    const clients = awsClients(SERVER_KEYS);
    const source = bucketSource(sts.url, { roleArn: ROLE });
    const list = () => clients.s3(source).send(new ListObjectsV2Command({ Bucket: 'b-1' }));
    await list();
    sts.expire('SESSION1');
    await expect(list()).rejects.toMatchObject({ name: 'ExpiredToken' });
    await list();
    await list();
    expect(sts.assumed()).toBe(2);
    expect(sts.signedWith.slice(-2)).toEqual(['SESSION2', 'SESSION2']);
  });

  it('serve to their end where they can not be renewed, and then the failure is told', async () => {
    let fails = false;
    let asked = 0;
    const credentials = new RenewedCredentials(async () => {
      asked++;
      if (fails) throw new Error('no answer');
      return keys('A', 400);
    });
    expect((await credentials.get()).accessKeyId).toBe('A');
    fails = true;
    await eventually(async () => {
      expect((await credentials.get()).accessKeyId).toBe('A');
      return asked === 2;
    }, 'a renewal is tried');
    // Tried once, not at each call.
    expect((await credentials.get()).accessKeyId).toBe('A');
    expect(asked).toBe(2);
    await eventually(
      async () => (await failureOf(credentials.get())).message === 'no answer',
      'the old ones come to their end',
    );
  });
});

describe("the server's own credentials", () => {
  it('come from the environment, and are the ones that assume a role', async () => {
    const sts = await startSts({ lifeMs: 3_600_000 });
    ambient({ AWS_ACCESS_KEY_ID: 'SERVERSOWN', AWS_SECRET_ACCESS_KEY: 'secret', AWS_ENDPOINT_URL: sts.url });
    const clients = awsClients(null);
    await clients.identity(bucketSource(null, { roleArn: ROLE }), {}, signal);
    expect(sts.signedWith).toEqual(['SERVERSOWN', 'SESSION1']);
  });

  it('come from the profile that is named and from no other, read anew when it has changed', async () => {
    const sts = await startSts({ lifeMs: 3_600_000 });
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-aws-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'credentials');
    const write = (key: string) =>
      writeFile(file, `[trail]\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`);
    await write('FROMFILE1');
    ambient({
      AWS_ACCESS_KEY_ID: 'SERVERSOWN',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_ENDPOINT_URL: sts.url,
    });
    const clients = awsClients(null);
    const source = bucketSource(null, { profile: 'trail' });
    const list = () => clients.s3(source).send(new ListObjectsV2Command({ Bucket: 'b-1' }));
    await list();
    await write('FROMFILE2');
    sts.expire('FROMFILE1');
    await expect(list()).rejects.toMatchObject({ name: 'ExpiredToken' });
    await list();
    expect(sts.signedWith).toEqual(['FROMFILE1', 'FROMFILE1', 'FROMFILE2']);

    const absent = { ...bucketSource(null, { profile: 'nobody' }), _id: 'src_2' };
    const error = await failureOf(clients.identity(absent, {}, signal));
    expect(commonFault(error, absent)?.message).toContain('for the profile "nobody"');
    expect(sts.signedWith).toHaveLength(3);
  });

  it("never go to a source's own endpoint, also not to have a role assumed there", async () => {
    const sts = await startSts({ lifeMs: 3_600_000 });
    ambient({ AWS_ACCESS_KEY_ID: 'SERVERSOWN', AWS_SECRET_ACCESS_KEY: 'secret' });
    for (const changes of [{}, { profile: 'default' }, { roleArn: ROLE }, { roleArn: ROLE, profile: 'x' }]) {
      const source = bucketSource(sts.url, changes);
      await expect(awsClients(null).identity(source, {}, signal)).rejects.toMatchObject({
        name: 'Permanent',
        options: { remedy: expect.stringContaining('Give access keys for this endpoint') },
      });
    }
    expect(sts.requests).toEqual([]);

    const own = bucketSource(sts.url, { roleArn: ROLE, profile: 'default' });
    await awsClients(SERVER_KEYS).identity(own, {}, signal);
    expect(sts.signedWith).toEqual([SERVER_KEYS.accessKeyId, 'SESSION1']);
    expect(sts.requests.join()).not.toContain('SERVERSOWN');
  });

  it("reach STS at a source's own endpoint only where the guard lets them", async () => {
    const sts = await startSts({ lifeMs: 3_600_000 });
    const closed = awsClients(SERVER_KEYS, new AddressGuard({ allow: [] }));
    const byName = sts.url.replace('127.0.0.1', 'localhost');
    const error = await failureOf(closed.identity(bucketSource(byName, { roleArn: ROLE }), {}, signal));
    expect(commonFault(error, bucketSource(byName, {}))?.remedy).toContain('AWS_ENDPOINT_ALLOW_CIDRS');
    expect(sts.requests).toEqual([]);
  });
});

const ROLE = 'arn:aws:iam::111122223333:role/reader';

function bucketSource(endpointUrl: string | null, changes: Partial<AwsAccess>): Source {
  return sourceOf({ s3: { ...BUCKET_CONFIG } }, { endpointUrl, region: 'eu-west-1', ...changes });
}

function awsClients(keys: StaticKeys | null, guard?: AddressGuard): AwsClients {
  const clients = new AwsClients({
    guard: guard ?? new AddressGuard({ allow: parseCidrs('127.0.0.0/8, ::1') }),
    openKeys: () => keys,
  });
  cleanups.push(() => clients.close());
  return clients;
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('it went well');
    },
    (error: Error) => error,
  );
}

function keys(accessKeyId: string, lifeMs: number): SigningKeys {
  return { accessKeyId, secretAccessKey: 's', expiration: new Date(Date.now() + lifeMs) };
}

/** This process with these variables of AWS and no others, until the test ends. */
function ambient(given: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...given,
  });
}

/** STS and a listing of S3 at one endpoint, with sessions as short as they are told to be. */
async function startSts({ lifeMs }: { lifeMs: number }) {
  const requests: string[] = [];
  const signedWith: string[] = [];
  const forms: Record<string, string>[] = [];
  const ends = new Map<string, number>();
  const expired = new Set<string>();
  let assumed = 0;
  let late = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    requests.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
    const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    signedWith.push(key);
    if (Date.now() > (ends.get(key) ?? Number.POSITIVE_INFINITY)) late++;
    response.setHeader('content-type', 'text/xml');
    if (expired.has(key)) {
      response.statusCode = 400;
      response.end('<Error><Code>ExpiredToken</Code><Message>it is over</Message></Error>');
      return;
    }
    if (request.method === 'GET') {
      response.end('<ListBucketResult><Name>b-1</Name><KeyCount>0</KeyCount></ListBucketResult>');
      return;
    }
    const form = Object.fromEntries(new URLSearchParams(body));
    forms.push(form);
    if (form.Action === 'GetCallerIdentity') {
      response.end(
        `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:${key}</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
      );
      return;
    }
    const session = `SESSION${++assumed}`;
    const end = Date.now() + lifeMs;
    ends.set(session, end);
    response.end(
      `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${session}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${new Date(end).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  };
  const http = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanups.push(async () => {
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    await closed;
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    signedWith,
    assumed: () => assumed,
    form: (action: string) => forms.find((form) => form.Action === action),
    expire: (key: string) => expired.add(key),
    /** Calls signed by what had come to its end. */
    get late() {
      return late;
    },
  };
}
