import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { Batch, NewBatch } from '../src/domain/batch';
import { Permanent, Retryable } from '../src/domain/errors';
import { NO_COUNTS, type S3BucketConfig, type Source } from '../src/domain/source';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import type { SourceClient } from '../src/pipeline/source-client';
import { AwsClients, type StaticKeys } from '../src/sources/aws/aws-clients';
import { S3BucketClient } from '../src/sources/s3/s3-bucket-client';
import { type Trail, trail, trailKind } from './support/demo-trail';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';

const ACCOUNT = '111122223333';
/** An account of its own at the server, which may not read what others own. */
const OTHER_ACCOUNT = '444455556666';
const HOUR = 3_600_000;

let server: S3Server;
let data: Trail;
/** When the last object of the trail was delivered. */
let trailEnd: Date;
let buckets = 0;

const cleanups: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  [server, data] = await Promise.all([startS3Server(), trail()]);
  trailEnd = new Date(Math.max(...data.objects.map(({ key }) => timeOf(key).getTime())));
}, 600_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await server?.close();
  await data?.remove();
});

describe(`walking a bucket (${trailKind()} trail)`, () => {
  it('finds every object of a trail once, under ids that a second look gives again', async () => {
    const bucket = await trailBucket();
    const first = collector({ bucket });
    const found = await first.poll(later(trailEnd, HOUR));
    expect(found.keys.sort()).toEqual(data.objects.map(({ key }) => key));
    expect(found.keys).toHaveLength(55);
    expect(found.note).toBeNull();

    const [sample] = found.batches;
    const head = await server.client.send(
      new HeadObjectCommand({ Bucket: bucket, Key: sample!.object!.key }),
    );
    expect(sample).toEqual({
      _id: expect.stringMatching(/^obj_[0-9a-f]{40}$/),
      sourceId: 'src_test',
      sourceKind: 'S3_BUCKET',
      reference: `s3://${bucket}/${sample!.object!.key}`,
      object: {
        bucket,
        key: sample!.object!.key,
        etag: head.ETag!.replaceAll('"', ''),
        size: head.ContentLength,
        lastModified: expect.any(Date),
      },
    });
    const again = await collector({ bucket }).poll(later(trailEnd, HOUR));
    expect(byId(again.batches)).toEqual(byId(found.batches));
  });

  it('lists only the last two hours once everything is read, and hands out nothing unknown', async () => {
    const it = collector({ bucket: await trailBucket() });
    await it.poll(later(trailEnd, HOUR));
    const second = await it.poll(later(trailEnd, HOUR + 60_000));
    expect(second.keys).toEqual([]);
    const oldest = Math.min(...second.listed.map((key) => timeOf(key).getTime()));
    expect(second.listed.length).toBeGreaterThan(0);
    expect(oldest).toBeGreaterThanOrEqual(Math.min(...lastOfEachPartition()) - 2 * HOUR);
  });

  it('takes a changed bucket, prefix or queue (another epoch) for other batches, and a changed object as well', async () => {
    const { bucket, put } = await emptyBucket();
    const key = logKey('2024-03-05T10:00Z');
    await put(key, 'one');
    const [before] = (await collector({ bucket }).poll(date('2024-03-05T11:00Z'))).batches;
    const [otherEpoch] = (await collector({ bucket }, { epoch: 2 }).poll(date('2024-03-05T11:00Z'))).batches;
    const [otherSource] = (await collector({ bucket }, { _id: 'src_2' }).poll(date('2024-03-05T11:00Z')))
      .batches;
    await put(key, 'two');
    const [changed] = (await collector({ bucket }).poll(date('2024-03-05T11:00Z'))).batches;
    expect(new Set([before, otherEpoch, otherSource, changed].map((batch) => batch?._id)).size).toBe(4);
  });

  it('goes on in the middle of the first walk after a restart', async () => {
    const { bucket, put } = await emptyBucket();
    const keys = tenMinutes('2024-03-01T00:00Z', 1_030).map((time, i) => logKey(time, { name: unique(i) }));
    await inParallel(keys, (key) => put(key, ''));
    const it = collector({ bucket });
    const cut = await it.poll(date('2024-03-09T00:00Z'), { pages: 1 });
    expect(cut.keys).toEqual(keys.slice(0, 1_000));
    const rest = await it.poll(date('2024-03-09T00:00Z'));
    expect(rest.keys).toEqual(keys.slice(1_000));
    expect(rest.listed.length).toBeLessThan(200);
  });

  it('finds what comes late: within two hours at the next poll, of the same day within 15 minutes', async () => {
    const { bucket, put } = await emptyBucket();
    await put(logKey('2024-03-05T12:00Z'), '');
    const it = collector({ bucket });
    await it.poll(date('2024-03-05T12:01Z'));

    const soon = logKey('2024-03-05T10:05Z');
    const late = logKey('2024-03-05T03:00Z');
    await put(soon, '');
    await put(late, '');
    expect((await it.poll(date('2024-03-05T12:02Z'))).keys).toEqual([soon]);
    expect((await it.poll(date('2024-03-05T12:15Z'))).keys).toEqual([]);
    expect((await it.poll(date('2024-03-05T12:16Z'))).keys).toEqual([late]);
  });

  it('lists yesterday again until 06:00 UTC, and the day of the last file however long ago that is', async () => {
    const { bucket, put } = await emptyBucket();
    await put(logKey('2024-03-05T23:55Z'), '');
    await put(logKey('2024-03-06T04:00Z'), '');
    const it = collector({ bucket });
    await it.poll(date('2024-03-06T05:00Z'));
    const night = logKey('2024-03-05T09:00Z', { name: unique(1) });
    await put(night, '');
    expect((await it.poll(date('2024-03-06T05:59Z'))).keys).toEqual([night]);
    const morning = logKey('2024-03-05T09:00Z', { name: unique(2) });
    const today = logKey('2024-03-06T00:10Z', { name: unique(3) });
    await put(morning, '');
    await put(today, '');
    expect((await it.poll(date('2024-03-06T06:30Z'))).keys).toEqual([today]);
    const weeksLater = logKey('2024-03-06T01:00Z', { name: unique(4) });
    await put(weeksLater, '');
    expect((await it.poll(date('2024-04-01T12:00Z'))).keys).toEqual([weeksLater]);
  });

  it('reads on after files that claim to be of the future, or of another year than their folder', async () => {
    const { bucket, put } = await emptyBucket();
    const future = logKey('2099-01-01T00:00Z');
    await put(future, '');
    await put(logKey('2024-03-05T12:00Z').replace('/2024/03/05/', '/2098/03/05/'), '');
    await put(logKey('2024-03-05T12:00Z'), '');
    const it = collector({ bucket });
    expect((await it.poll(date('2024-03-05T12:01Z'))).keys).toEqual([logKey('2024-03-05T12:00Z'), future]);
    const next = logKey('2024-03-05T12:05Z');
    await put(next, '');
    expect((await it.poll(date('2024-03-05T12:06Z'))).keys).toEqual([next]);
  });

  it('starts at the day that is asked for, and walks again when an earlier one is', async () => {
    const { bucket, put } = await emptyBucket();
    const keys = ['2024-03-04T23:55Z', '2024-03-05T00:00Z', '2024-03-06T00:00Z'].map((time) => logKey(time));
    for (const key of keys) await put(key, '');
    const it = collector({ bucket, startAt: date('2024-03-05T18:00Z') });
    const now = date('2024-03-06T01:00Z');
    expect((await it.poll(now)).keys).toEqual(keys.slice(1));
    expect((await it.poll(later(now, HOUR))).listed).toEqual(keys.slice(1));
    it.source.s3!.startAt = null;
    expect((await it.poll(later(now, HOUR))).keys).toEqual(keys.slice(0, 1));
  });

  it('finds accounts under a prefix and under an organization, and keeps to the accounts and Regions asked for', async () => {
    const { bucket, put } = await emptyBucket();
    const org = 'o-exampleorgid';
    const plain = logKey('2024-03-05T10:00Z', { root: 'security/logs/AWSLogs/' });
    const member = logKey('2024-03-05T10:00Z', {
      root: `security/logs/AWSLogs/${org}/`,
      region: 'eu-west-1',
    });
    const other = logKey('2024-03-05T10:00Z', {
      root: `security/logs/AWSLogs/${org}/`,
      account: '444455556666',
    });
    const gov = logKey('2024-03-05T10:00Z', {
      root: `security/logs/AWSLogs/${org}/`,
      region: 'us-gov-west-1',
    });
    const all = [plain, member, other, gov];
    for (const key of all) await put(key, '');
    await put(logKey('2024-03-05T10:00Z'), 'outside of the prefix');
    const keysOf = async (config: Partial<S3BucketConfig>) =>
      (await collector({ bucket, ...config }).poll(date('2024-03-05T11:00Z'))).keys.sort();

    expect(await keysOf({ prefix: 'security/logs' })).toEqual([...all].sort());
    expect(await keysOf({ prefix: 'security/logs/' })).toEqual([...all].sort());
    expect(await keysOf({ prefix: 'security/logs', organizationId: org })).toEqual(
      [member, other, gov].sort(),
    );
    expect(await keysOf({ prefix: 'security/logs', accountIds: ['444455556666'] })).toEqual([other]);
    expect(await keysOf({ prefix: 'security/logs', regions: ['eu-west-1'] })).toEqual([member]);
  });

  it('leaves out digests and whatever else lies about, but neither Insights nor an empty log file', async () => {
    const { bucket, put } = await emptyBucket();
    const log = logKey('2024-03-05T10:00Z');
    const odd = [
      log.replaceAll('CloudTrail', 'CloudTrail-Digest'),
      `AWSLogs/${ACCOUNT}/elasticloadbalancing/us-east-1/2024/03/05/x.log.gz`,
      `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/`,
      `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/2024/03/05/notes & <things> + 100 %\u0001.txt`,
      `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/zzz.json.gz`,
      `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/2024/03/05/${ACCOUNT}_CloudTrail_us-east-1_20240305T1000Z_x.json.gz.tmp`,
    ];
    for (const key of odd) await put(key, 'x');
    await put(log, '');
    const insight = log.replaceAll('CloudTrail', 'CloudTrail-Insight');
    await put(insight, '');
    const it = collector({ bucket });
    const { keys, batches, note } = await it.poll(date('2024-03-05T11:00Z'));
    expect(keys.sort()).toEqual([insight, log].sort());
    expect(batches[0]?.object?.size).toBe(0);
    expect(note).toBeNull();
    expect(it.skipped()).toEqual({ folder_marker: 1, unknown_name: 3 });
  });
});

describe('a bucket with nothing to read', () => {
  const now = date('2024-03-05T11:00Z');

  it('is told with what is there instead, so that a wrong prefix is obvious', async () => {
    const { bucket, put } = await emptyBucket();
    const noteFor = async (config: Partial<S3BucketConfig>) =>
      (await collector({ bucket, ...config }).poll(now)).note;
    expect(await noteFor({})).toEqual({
      warning: `nothing under s3://${bucket}/AWSLogs/: no account has log files there`,
      remedy: expect.stringContaining('The bucket is empty.'),
    });
    await put('unrelated/file.txt', '');
    expect((await noteFor({}))?.remedy).toContain('At the top of the bucket there are unrelated/.');
    await put(logKey('2024-03-05T10:00Z', { root: 'trails/AWSLogs/' }), '');
    expect((await noteFor({}))?.remedy).toBe('There is an AWSLogs/ under trails/: set the prefix to trails.');
    expect((await noteFor({ prefix: 'trails/AWSLogs' }))?.remedy).toContain('Leave AWSLogs');
    expect(await noteFor({ prefix: 'trails', organizationId: 'o-exampleorgid' })).toEqual({
      warning: `nothing under s3://${bucket}/trails/AWSLogs/o-exampleorgid/: no account has log files there`,
      remedy: expect.stringContaining(`there are ${ACCOUNT}. Check the organization's id.`),
    });
    expect(await noteFor({ prefix: 'trails', accountIds: ['444455556666'] })).toEqual({
      warning: `nothing under s3://${bucket}/trails/AWSLogs/ is of the accounts 444455556666`,
      remedy: expect.stringContaining(ACCOUNT),
    });
    expect(await noteFor({ prefix: 'trails', regions: ['eu-west-1'] })).toEqual({
      warning: `nothing under s3://${bucket}/trails/AWSLogs/ is of the Regions eu-west-1`,
      remedy: expect.stringContaining('us-east-1'),
    });
    await put(`AWSLogs/${ACCOUNT}/Config/us-east-1/x`, '');
    expect(await noteFor({})).toEqual({
      warning: `nothing under s3://${bucket}/AWSLogs/${ACCOUNT}/CloudTrail/: the account has no log files of a trail there`,
      remedy: expect.stringContaining('There are Config/.'),
    });
  });
});

describe('a bucket that can not be listed', () => {
  const failure = async (it: Collector) => {
    const error = await it.poll(date('2024-03-05T11:00Z')).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof Permanent || error instanceof Retryable))
      throw error ?? new Error('the poll went through');
    return { name: error.name, message: error.message, remedy: error.options.remedy ?? '' };
  };

  it('is missing, forbidden or asked with wrong keys: each is told with what to do', async () => {
    expect(await failure(collector({ bucket: 'no-such-bucket-here' }))).toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('"no-such-bucket-here" does not exist'),
      remedy: expect.stringContaining("Check the bucket's name"),
    });

    const { bucket } = await emptyBucket();
    const stranger = { ...SERVER_KEYS, accessKeyId: OTHER_ACCOUNT };
    expect(await failure(collector({ bucket }, {}, stranger))).toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining(`listing s3://${bucket} is denied`),
      remedy: expect.stringContaining(
        `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::${bucket}"}`,
      ),
    });

    const unknown = { ...SERVER_KEYS, accessKeyId: 'AKIAQQQQQQQQQQQQQQQQ' };
    const refused = await failure(collector({ bucket }, {}, unknown));
    expect(refused).toMatchObject({
      name: 'Permanent',
      message: 'the access key id is not known there (InvalidAccessKeyId)',
    });
    expect(JSON.stringify(refused)).not.toContain(unknown.secretAccessKey);
  });

  it.each([
    {
      when: 'it is in another Region (301)',
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'eu-central-1' },
      name: 'Permanent',
      message: 'is in eu-central-1, but the source asks in us-east-1',
      remedy: "Set the source's Region to eu-central-1.",
    },
    {
      when: 'it is in another Region (400)',
      status: 400,
      code: 'AuthorizationHeaderMalformed',
      extra: '<Region>eu-west-3</Region>',
      text: "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-3'",
      name: 'Permanent',
      message: 'is in eu-west-3',
      remedy: "Set the source's Region to eu-west-3.",
    },
    {
      when: 'the Region that it is in is not told',
      status: 400,
      code: 'IllegalLocationConstraintException',
      name: 'Permanent',
      message: 'is not in us-east-1',
      remedy: 'get-bucket-location',
    },
    {
      when: 'the secret is wrong',
      status: 403,
      code: 'SignatureDoesNotMatch',
      name: 'Permanent',
      message: 'secret access key does not fit',
      remedy: 'again',
    },
    {
      when: 'the session is over',
      status: 400,
      code: 'ExpiredToken',
      name: 'Permanent',
      message: 'have expired',
      remedy: 'new session credentials',
    },
    {
      when: 'it asks to slow down',
      status: 503,
      code: 'SlowDown',
      name: 'Retryable',
      message: 'asks to slow down',
      remedy: '',
    },
    {
      when: 'it fails by itself',
      status: 500,
      code: 'InternalError',
      name: 'Retryable',
      message: '500 InternalError',
      remedy: '',
    },
  ])('$when', async ({ status, code, headers = {}, extra = '', text = 'no', name, message, remedy }) => {
    const endpoint = await answering((_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml', ...headers });
      response.end(errorXml(code, text, extra));
    });
    const told = await failure(collector({ bucket: 'some-bucket' }, { endpoint }));
    expect(told).toMatchObject({
      name,
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
  });

  it('says so when the endpoint is no S3 server, lists in circles, or is not there', async () => {
    const page = await answering((_, response) => void response.end('<html><body>It works!</body></html>'));
    expect((await failure(collector({ bucket: 'b-1' }, { endpoint: page }))).remedy).toContain('S3 protocol');

    const circle = await answering((request, response) => {
      const delimited = new URL(request.url!, 'http://x').searchParams.has('delimiter');
      const folder = new URL(request.url!, 'http://x').searchParams.get('prefix');
      const next = folder === 'AWSLogs/' ? `${folder}${ACCOUNT}/` : `${folder}us-east-1/`;
      response.end(
        delimited
          ? listXml(`<CommonPrefixes><Prefix>${next}</Prefix></CommonPrefixes>`)
          : listXml(
              `<IsTruncated>true</IsTruncated><NextContinuationToken>${Math.random()}</NextContinuationToken>` +
                `<Contents><Key>${logKey('2024-03-05T10:00Z')}</Key><ETag>"e"</ETag><Size>1</Size><LastModified>2024-03-05T10:00:00.000Z</LastModified></Contents>`,
            ),
      );
    });
    expect((await failure(collector({ bucket: 'b-1' }, { endpoint: circle }))).message).toContain(
      'lists keys out of order',
    );

    const gone = await answering(() => undefined);
    await cleanups.pop()?.();
    expect(await failure(collector({ bucket: 'b-1' }, { endpoint: gone }))).toEqual({
      name: 'Retryable',
      message: `${gone} does not take connections (ECONNREFUSED)`,
      remedy: expect.stringContaining('Check host and port of the endpoint'),
    });
    expect(
      (await failure(collector({ bucket: 'b-1' }, { endpoint: 'http://nowhere.invalid:9000' }))).message,
    ).toMatch(/^http:\/\/nowhere\.invalid:9000 has no address \(E/);
  });

  it('gives up at once when the fetch is ended', async () => {
    let asked = 0;
    const endpoint = await answering(() => {
      asked += 1;
      stop.abort(new Error('the lease was lost'));
    });
    const stop = new AbortController();
    const it = collector({ bucket: 'b-1' }, { endpoint });
    await expect(it.poll(date('2024-03-05T11:00Z'), { signal: stop.signal })).rejects.toThrow(
      'the lease was lost',
    );
    expect(asked).toBe(1);
  });
});

describe('access to AWS', () => {
  const ambient = [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_EC2_METADATA_DISABLED',
    'AWS_SHARED_CREDENTIALS_FILE',
    'AWS_CONFIG_FILE',
  ] as const;
  const saved = ambient.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const remedyOf = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (error instanceof Permanent) return `${error.message} ${error.options.remedy}`;
      throw error;
    }
    throw new Error('nothing was refused');
  };

  it("never sends the server's own credentials or a profile's to a source's own endpoint", async () => {
    process.env.AWS_ACCESS_KEY_ID = 'SERVERSOWNKEY';
    process.env.AWS_SECRET_ACCESS_KEY = 'servers-own-secret';
    const seen: string[] = [];
    const endpoint = await answering((request, response) => {
      seen.push(JSON.stringify(request.headers));
      response.end(listXml(''));
    });
    const clients = awsClients(null);
    const source = sourceOf({ bucket: 'b-1' }, { endpoint });
    expect(remedyOf(() => clients.s3(source))).toContain('Give access keys for this endpoint');
    source.aws!.profile = 'default';
    expect(remedyOf(() => clients.s3(source))).toContain('Give access keys for this endpoint');
    expect(seen).toEqual([]);

    await collector({ bucket: 'b-1' }, { endpoint }).poll(date('2024-03-05T11:00Z'));
    expect(seen.join()).toContain(SERVER_KEYS.accessKeyId);
    expect(seen.join()).not.toContain('SERVERSOWNKEY');
  });

  it('reaches own endpoints only where the guard lets it, by address and by name', async () => {
    const closed = new AddressGuard({ allow: [] });
    const clients = awsClients(SERVER_KEYS, closed);
    expect(remedyOf(() => clients.s3(sourceOf({ bucket: 'b-1' })))).toContain('AWS_ENDPOINT_ALLOW_CIDRS');
    expect(
      remedyOf(() => clients.s3(sourceOf({ bucket: 'b-1' }, { endpoint: 'http://2130706433:1' }))),
    ).toContain('loopback');
    expect(
      remedyOf(() => clients.s3(sourceOf({ bucket: 'b-1' }, { endpoint: 'file:///etc/passwd' }))),
    ).toContain('only http');

    let reached = false;
    const endpoint = await answering((_, response) => {
      reached = true;
      response.end(listXml(''));
    });
    const byName = sourceOf({ bucket: 'b-1' }, { endpoint: endpoint.replace('127.0.0.1', 'localhost') });
    const client = new S3BucketClient({
      connect: (source) => clients.s3(source),
      log: { debug: () => undefined },
    });
    const pages = client.fetch({
      source: byName,
      checkpoint: async () => null,
      unsettled: async () => 0,
      now: new Date(),
      signal: new AbortController().signal,
    });
    await expect(pages.next()).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('may not be called'),
      options: { remedy: expect.stringContaining('AWS_ENDPOINT_ALLOW_CIDRS') },
    });
    expect(reached).toBe(false);
  });

  it('tells where it looked for credentials when there are none', async () => {
    for (const name of ambient) delete process.env[name];
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null';
    process.env.AWS_CONFIG_FILE = '/dev/null';
    const source = sourceOf({ bucket: 'b-1' });
    source.aws!.endpointUrl = null;
    const clients = awsClients(null);
    const client = new S3BucketClient({ connect: (of) => clients.s3(of), log: { debug: () => undefined } });
    const pages = client.fetch({
      source,
      checkpoint: async () => null,
      unsettled: async () => 0,
      now: new Date(),
      signal: new AbortController().signal,
    });
    await expect(pages.next()).rejects.toMatchObject({
      message: expect.stringContaining('no AWS credentials were found'),
      options: { remedy: expect.stringContaining('AWS_ACCESS_KEY_ID') },
    });
  });

  it('keeps a client while its source is unchanged, few at a time, and lets what is being read end in peace', async () => {
    const { bucket, put } = await emptyBucket();
    const body = randomText(4_000_000);
    await put(logKey('2024-03-05T10:00Z'), body);
    const clients = awsClients(SERVER_KEYS, undefined, 2);
    const source = sourceOf({ bucket });
    const client = clients.s3(source);
    expect(clients.s3({ ...source })).toBe(client);

    const reader = new S3BucketClient({ connect: (of) => clients.s3(of), log: { debug: () => undefined } });
    const [batch] = (await collector({ bucket }).poll(date('2024-03-05T11:00Z'))).batches;
    const stream = await reader.open(source, asBatch(batch!), new AbortController().signal);
    const changed = clients.s3({ ...source, updatedAt: new Date(1) });
    expect(changed).not.toBe(client);
    for (const id of ['src_2', 'src_3']) clients.s3({ ...source, _id: id });
    expect(clients.s3({ ...source, updatedAt: new Date(1) })).not.toBe(changed);
    expect((await buffer(stream)).equals(Buffer.from(body))).toBe(true);
  });
});

describe('opening an object', () => {
  const signal = () => new AbortController().signal;

  it('gives its exact bytes', async () => {
    const it = collector({ bucket: await trailBucket() });
    const { batches } = await it.poll(later(trailEnd, HOUR));
    for (const batch of batches.slice(0, 5)) {
      const bytes = await buffer(await it.client.open(it.source, asBatch(batch), signal()));
      const file = data.objects.find(({ key }) => key === batch.object?.key);
      expect(bytes.equals(await readFile(file!.path))).toBe(true);
    }
  });

  it('is final where the object is gone or was replaced', async () => {
    const { bucket, put } = await emptyBucket();
    const [gone, replaced] = [logKey('2024-03-05T10:00Z'), logKey('2024-03-05T10:05Z')];
    await put(gone, 'x');
    await put(replaced, 'x');
    const it = collector({ bucket });
    const { batches } = await it.poll(date('2024-03-05T11:00Z'));
    await server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: gone }));
    await put(replaced, 'y');
    await expect(it.client.open(it.source, asBatch(batches[0]!), signal())).rejects.toMatchObject({
      name: 'Permanent',
      message: 'the object is gone',
    });
    await expect(it.client.open(it.source, asBatch(batches[1]!), signal())).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('the object was replaced'),
    });
  });

  it('may pass: only an object that is denied is ever given up, by its remedy', async () => {
    const open = (endpoint: string, signal = new AbortController().signal) => {
      const it = collector({ bucket: 'b-1' }, { endpoint });
      return it.client.open(it.source, asBatch(madeUpBatch()), signal);
    };
    const refusing = (status: number, code: string) =>
      answering((_, response) => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(errorXml(code, 'no'));
      });
    await expect(open(await refusing(403, 'AccessDenied'))).rejects.toMatchObject({
      name: 'Retryable',
      options: {
        remedy: expect.stringMatching(
          /"s3:GetObject","Resource":"arn:aws:s3:::b-1\/AWSLogs\/\*".*kms:Decrypt/,
        ),
      },
    });
    await expect(open(await refusing(403, 'InvalidObjectState'))).rejects.toMatchObject({
      name: 'Retryable',
      options: { remedy: expect.stringContaining('Restore') },
    });
    for (const [status, code] of [
      [503, 'SlowDown'],
      [500, 'InternalError'],
      [403, 'InvalidAccessKeyId'],
      [404, 'NotFound'],
    ] as const) {
      const error = await open(await refusing(status, code)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Retryable);
      expect((error as Retryable).options.remedy).toBeUndefined();
    }
    const it = collector({ bucket: 'b-1' });
    it.source.aws!.roleArn = 'arn:aws:iam::111122223333:role/reader';
    await expect(it.client.open(it.source, asBatch(madeUpBatch()), signal())).rejects.toMatchObject({
      name: 'Retryable',
    });
  });

  it('breaks off with an error where the body is cut in the middle, and when the reader gives up', async () => {
    const body = Buffer.alloc(200_000, 'x');
    const cut = await answering((_, response) => {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
    });
    const it = collector({ bucket: 'b-1' }, { endpoint: cut });
    const stream = await it.client.open(it.source, asBatch(madeUpBatch()), signal());
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'ECONNRESET' });

    const endless = await answering((_, response) => {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 1_000));
    });
    const stop = new AbortController();
    const waiting = collector({ bucket: 'b-1' }, { endpoint: endless });
    const silent = await waiting.client.open(waiting.source, asBatch(madeUpBatch()), stop.signal);
    const read = async () => {
      for await (const _ of silent) stop.abort();
    };
    await expect(read()).rejects.toThrow('the reading was given up');
    expect(silent.destroyed).toBe(true);
  });
});

interface SourceOverrides {
  _id?: string;
  epoch?: number;
  endpoint?: string;
}

function sourceOf(config: Partial<S3BucketConfig>, { endpoint, ...overrides }: SourceOverrides = {}): Source {
  return {
    _id: 'src_test',
    name: 'the trail',
    kind: 'S3_BUCKET',
    state: 'ACTIVE',
    epoch: 1,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    deletedAt: null,
    aws: {
      region: null,
      profile: null,
      roleArn: null,
      externalId: 'x',
      endpointUrl: endpoint ?? server.endpoint,
      staticKeys: null,
    },
    lookupEvents: null,
    sqs: null,
    s3: {
      bucket: '',
      prefix: null,
      accountIds: null,
      regions: null,
      organizationId: null,
      pollIntervalSeconds: 60,
      startAt: null,
      ...config,
    },
    httpPush: null,
    demo: null,
    dropFilter: null,
    status: { health: 'UNKNOWN', lastError: null, lastErrorAt: null, remedy: null, lastSuccessAt: null },
    counters: NO_COUNTS,
    through: 0,
    nextRunAt: null,
    token: null,
    ...overrides,
  };
}

function awsClients(keys: StaticKeys | null, guard?: AddressGuard, maxClients?: number): AwsClients {
  const clients = new AwsClients({
    guard: guard ?? new AddressGuard({ allow: parseCidrs('127.0.0.0/8, ::1') }),
    openKeys: () => keys,
    ...(maxClients === undefined ? {} : { maxClients }),
  });
  cleanups.push(() => clients.close());
  return clients;
}

type Collector = ReturnType<typeof collector>;

/** A source with what the pipeline keeps for it: its checkpoints, and the batches that its ledger knows. */
function collector(
  config: Partial<S3BucketConfig>,
  overrides: SourceOverrides = {},
  keys: StaticKeys = SERVER_KEYS,
) {
  const source = sourceOf(config, overrides);
  const clients = awsClients(keys);
  let skipped: unknown = null;
  const debug = (fields: object) => {
    if ('skipped' in fields) skipped = fields.skipped;
  };
  const client = new S3BucketClient({
    connect: (of) => clients.s3(of),
    log: { debug },
  }) satisfies SourceClient;
  const checkpoints = new Map<string, Record<string, unknown>>();
  const known = new Set<string>();

  /** One fetch, or its first pages; `listed` are all keys that it gave, `batches` those that were not known. */
  const poll = async (now: Date, options: { pages?: number; signal?: AbortSignal } = {}) => {
    const listed: string[] = [];
    const batches: NewBatch[] = [];
    const pages = client.fetch({
      source,
      checkpoint: async (partition) => checkpoints.get(partition) ?? null,
      unsettled: async () => 0,
      now,
      signal: options.signal ?? new AbortController().signal,
    });
    for (let n = 0; n < (options.pages ?? Number.POSITIVE_INFINITY); n++) {
      const page = await pages.next();
      if (page.done) return { listed, batches, keys: keysOf(batches), note: page.value };
      listed.push(...keysOf(page.value.batches));
      batches.push(...page.value.batches.filter((batch) => !known.has(batch._id)));
      for (const batch of page.value.batches) known.add(batch._id);
      const { checkpoint } = page.value;
      // As the database keeps it.
      if (checkpoint) checkpoints.set(checkpoint.partition, structuredClone(checkpoint.cursor));
    }
    await pages.return(null);
    return { listed, batches, keys: keysOf(batches), note: null };
  };
  return { source, client, poll, skipped: () => skipped };
}

function keysOf(batches: NewBatch[]): string[] {
  return batches.map((batch) => batch.object?.key ?? '');
}

function byId(batches: NewBatch[]): NewBatch[] {
  return batches.toSorted((a, b) => (a._id < b._id ? -1 : 1));
}

function asBatch(batch: NewBatch): Batch {
  return {
    ...NO_COUNTS,
    ...batch,
    run: 'r',
    state: 'PENDING',
    attempts: 1,
    crashes: 0,
    token: 't',
    dueAt: null,
    error: null,
    createdAt: new Date(),
    doneAt: null,
  };
}

function madeUpBatch(): NewBatch {
  const object = {
    bucket: 'b-1',
    key: logKey('2024-03-05T10:00Z'),
    etag: 'e',
    size: 1,
    lastModified: new Date(0),
  };
  return { _id: 'obj_1', sourceId: 'src_test', sourceKind: 'S3_BUCKET', reference: 'x', object };
}

async function trailBucket(): Promise<string> {
  const bucket = `bucket-${++buckets}`;
  await server.putTrail(bucket, data);
  return bucket;
}

async function emptyBucket() {
  const bucket = `bucket-${++buckets}`;
  await server.makeBucket(bucket);
  return { bucket, put: (key: string, body: string) => server.put(bucket, key, body) };
}

/** A server that answers as it is told, where the real one can't be brought to. */
async function answering(
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

function errorXml(code: string, text: string, extra = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${text}</Message>${extra}<RequestId>1</RequestId></Error>`;
}

function listXml(members: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>b-1</Name><KeyCount>1</KeyCount>${members}</ListBucketResult>`;
}

function date(text: string): Date {
  return new Date(text);
}

function later(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

function tenMinutes(start: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      `${later(date(start), i * 600_000)
        .toISOString()
        .slice(0, 16)}Z`,
  );
}

function unique(n: number): string {
  return String(n).padStart(16, '0');
}

interface KeyParts {
  root?: string;
  account?: string;
  region?: string;
  name?: string;
}

/** The key of a log file of this minute, like 2024-03-05T10:00Z. */
function logKey(
  time: string,
  { root = 'AWSLogs/', account = ACCOUNT, region = 'us-east-1', name = unique(0) }: KeyParts = {},
) {
  const stamp = time.replace(/[-:]/g, '');
  return `${root}${account}/CloudTrail/${region}/${time.slice(0, 10).replaceAll('-', '/')}/${account}_CloudTrail_${region}_${stamp}_${name}.json.gz`;
}

function timeOf(key: string): Date {
  const [, day, hour, minute] = /_(\d{8})T(\d{2})(\d{2})Z_/.exec(key) ?? [];
  return new Date(`${day?.slice(0, 4)}-${day?.slice(4, 6)}-${day?.slice(6)}T${hour}:${minute}:00Z`);
}

function lastOfEachPartition(): number[] {
  const last = new Map<string, number>();
  for (const { key } of data.objects) {
    const partition = key.split('/').slice(0, 4).join('/');
    last.set(partition, Math.max(last.get(partition) ?? 0, timeOf(key).getTime()));
  }
  return [...last.values()];
}

async function inParallel<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Text that does not compress, the same each time. */
function randomText(length: number): string {
  let text = '';
  for (let n = 0; text.length < length; n++) text += createHash('sha256').update(String(n)).digest('hex');
  return text.slice(0, length);
}
