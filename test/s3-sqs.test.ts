import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Batch } from '../src/domain/batch';
import { NO_COUNTS, type Source } from '../src/domain/source';
import { AddressGuard, parseCidrs } from '../src/net/address-guard';
import { AwsClients, type StaticKeys } from '../src/sources/aws/aws-clients';
import { readQueueUrl } from '../src/sources/aws/queue-url';
import { S3SqsClient } from '../src/sources/sqs/s3-sqs-client';
import { eventually } from './support/eventually';
import { countersOf, demoRecords, expectConsistent, idsOf, ledger, storedIds } from './support/ledger';
import { type S3Server, SERVER_KEYS, startS3Server } from './support/s3-server';
import { makeQueueSource, QueueServer, s3Event, type TrailQueue } from './support/trail-queue';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const ACCOUNT = '111122223333';
/** An account of its own at the server, whose buckets others may not read. */
const OTHER_ACCOUNT = '444455556666';
const EMPTY = { waiting: 0, held: 0 };

let server: S3Server;
let queues: QueueServer;
let made = 0;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  server = await startS3Server();
  queues = new QueueServer(server);
}, 600_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  queues?.close();
  await server?.close();
});

describe('a queue that is told of log files', () => {
  let app: TestTrailGraph;
  beforeEach(async () => {
    app = await startTrailGraph();
    cleanups.push(() => app.stop());
  });

  test('by S3: each is stored once, siblings are left out, duplicates add nothing, and the queue is empty', async () => {
    const { bucket, queue } = await toldQueue();
    const source = await makeQueueSource(app, server, queue.url);
    const files = [filesOf(1, 3), filesOf(2, 2, 'CloudTrail-Insight')].flat();
    for (const { key, body } of files) await server.put(bucket, key, body);
    await server.put(bucket, logKey(9, 'CloudTrail-Digest'), gzipSync('{}'));
    await server.put(bucket, `AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/a note + more.txt`, 'x');
    await settled(app, queue, files.length);
    expect(await storedIds(app)).toEqual(idsOf(files.flatMap(({ records }) => records)).sort());
    const objects = await ledger(app).batches.find().toArray();
    for (const { key } of files) {
      const known = objects.find(({ object }) => object?.key === key);
      // With the ETag, as a listing of the bucket gives it: the same id, the same version.
      expect(known).toMatchObject({
        state: 'DONE',
        sourceKind: 'S3_SQS',
        reference: `s3://${bucket}/${key}`,
      });
      expect(known?.object?.etag).toMatch(/^[0-9a-f]{32}$/);
      await queue.send(s3Event({ bucket, key, etag: known!.object!.etag! }));
      await queue.send(s3Event({ bucket, key, etag: known!.object!.etag! }));
    }
    await server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: files[0]!.key }));
    await settled(app, queue, files.length);
    expect(await countersOf(app, source)).toEqual({ ...NO_COUNTS, received: 25, stored: 25 });
    await expectConsistent(app);
    expect(await statusOf(app, source)).toMatchObject({ health: 'HEALTHY', lastError: null });
  });

  test('by SNS, by CloudTrail itself, by EventBridge: the same files, each once', async () => {
    const { bucket, queue } = await toldQueue({ direct: false });
    const topic = await queues.makeTopic(bucket, queue);
    await queues.notifyTopic(bucket, topic);
    const source = await makeQueueSource(app, server, queue.url);
    const files = filesOf(3, 6);
    const [bySns, ...others] = files;
    await server.put(bucket, bySns!.key, bySns!.body);
    await settled(app, queue, 1);
    await queues.notifyTopic(bucket, topic);
    const quiet = await toldQueue({ direct: false });
    for (const { key, body } of others) await server.put(quiet.bucket, key, body);
    const keys = others.map(({ key }) => key);
    await queues.publish(topic, 'CloudTrail validation message.');
    await queues.publish(topic, { s3Bucket: quiet.bucket, s3ObjectKey: keys.slice(0, 3) });
    for (const key of keys.slice(3))
      await queue.send({
        version: '0',
        'detail-type': 'Object Created',
        source: 'aws.s3',
        time: '2026-01-02T03:04:05Z',
        detail: { bucket: { name: quiet.bucket }, object: { key, size: 1 } },
      });
    await settled(app, queue, files.length);
    expect(await storedIds(app)).toEqual(idsOf(files.flatMap(({ records }) => records)).sort());
    expect(await countersOf(app, source)).toMatchObject({ received: 30, stored: 30, rejected: 0 });
    const bare = await ledger(app).batches.findOne({ 'object.key': keys[0] });
    expect(bare?.object).toMatchObject({ etag: null, size: null });
  });

  test('in one message of ten, of which one is unknown, one is gone and one is denied: the others are stored', async () => {
    const { bucket, queue } = await toldQueue({ direct: false });
    const files = filesOf(4, 7);
    for (const { key, body } of files) await server.put(bucket, key, body);
    const theirs = await foreignObject();
    const gone = { bucket, key: logKey(99) };
    const event = s3Event(...files.map(({ key }) => ({ bucket, key })), gone, theirs);
    (event.Records as object[]).push({ eventName: 'ObjectCreated:Put', not: 'of S3' });
    const source = await makeQueueSource(app, server, queue.url);
    await queue.send(event);

    const { batches, db } = ledger(app);
    await eventually(async () => (await batches.countDocuments({ state: 'DONE' })) === 7, 'seven are stored');
    await eventually(
      async () => (await batches.countDocuments({ state: { $in: ['FAILED', 'QUARANTINED'] } })) === 2,
      'what can not be read is settled',
    );
    await eventually(
      async () => (await batches.findOne({ 'object.key': theirs.key }))?.error != null,
      'the denied one was tried',
    );
    expect(await queue.depth()).toEqual(EMPTY);
    expect(await storedIds(app)).toEqual(idsOf(files.flatMap(({ records }) => records)).sort());
    expect(await batches.findOne({ 'object.key': gone.key })).toMatchObject({
      state: 'FAILED',
      error: 'the object is gone',
    });
    expect(await batches.findOne({ 'object.key': theirs.key })).toMatchObject({
      state: 'PENDING',
      error: expect.stringContaining(`reading from s3://${theirs.bucket} is denied`),
    });
    const [kept, ...more] = await db.collection('quarantine').find().toArray();
    expect(more).toEqual([]);
    expect(kept).toMatchObject({ reason: 'record 10 of 10 is no notification of S3', sourceId: source });
    expect(JSON.parse(String(kept?.text))).toEqual(event);
    expect(await countersOf(app, source)).toMatchObject({ received: 36, stored: 35, rejected: 1 });
    await expectConsistent(app);
  });

  test('keeps a message of no known shape in quarantine, once, and goes on', async () => {
    const { bucket, queue } = await toldQueue();
    const source = await makeQueueSource(app, server, queue.url);
    const odd = [
      'hello',
      '{"a":1}',
      `{"Records":[{"eventVersion":"9.0","eventSource":"aws:s3","eventName":"x"}]}`,
    ];
    for (const body of odd) await queue.send(body);
    const [file] = filesOf(5, 1);
    await server.put(bucket, file!.key, file!.body);
    await settled(app, queue, 1);
    await eventually(
      async () => (await ledger(app).batches.countDocuments({ state: 'QUARANTINED' })) === 3,
      'the odd ones are quarantined',
    );
    const kept = await ledger(app).db.collection('quarantine').find().toArray();
    expect(kept.map((one) => one.text).sort()).toEqual([...odd].sort());
    expect(kept.map((one) => one.reason)).toContain('the message is not JSON');
    expect(await countersOf(app, source)).toEqual({ ...NO_COUNTS, received: 8, stored: 5, rejected: 3 });
    await expectConsistent(app);
    const admin = await app.admin();
    const { source: read } = await admin.run<{ source: { batches: { nodes: object[] } } }>(
      'query ($id: ID!) { source(id: $id) { batches(states: [QUARANTINED]) { nodes { reference received rejected error } } } }',
      { id: source },
    );
    expect(read.batches.nodes).toHaveLength(3);
    expect(read.batches.nodes).toContainEqual({
      reference: expect.stringMatching(/^message /),
      received: 1,
      rejected: 1,
      error: 'the message is not JSON',
    });
  });

  test('and whose messages went to a dead-letter queue and back: each is stored once', async () => {
    const dead = await queues.makeQueue(unique('dead'));
    const { bucket, queue } = await toldQueue({
      attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: '2' }) },
    });
    const files = filesOf(6, 4);
    for (const { key, body } of files) await server.put(bucket, key, body);
    // Somebody receives them again and again, and deletes none.
    await eventually(async () => {
      await queue.receive();
      return (await queue.depth()).waiting === 0;
    }, 'the messages are given up');
    expect((await dead.depth()).waiting).toBeGreaterThanOrEqual(4);
    const source = await makeQueueSource(app, server, queue.url);
    await dead.moveTo(queue);
    await settled(app, queue, 4);
    expect(await countersOf(app, source)).toEqual({ ...NO_COUNTS, received: 20, stored: 20 });
    expect(await dead.depth()).toEqual(EMPTY);
  });

  test('and whose source is deleted while it waits leaves what comes then to others', async () => {
    const { bucket, queue } = await toldQueue({ direct: false });
    const deleted = await makeQueueSource(app, server, queue.url);
    await eventually(
      async () => (await app.core.sources.get(deleted))?.token != null,
      'the fetch is under way',
    );
    const admin = await app.admin();
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: deleted });
    const [file] = filesOf(10, 1);
    await server.put(bucket, file!.key, file!.body);
    await queue.send(s3Event({ bucket, key: file!.key }));
    const other = await makeQueueSource(app, server, queue.url);
    await settled(app, queue, 1);
    expect(await countersOf(app, other)).toMatchObject({ received: 5, stored: 5 });
    expect(await ledger(app).batches.countDocuments({ sourceId: deleted })).toBe(0);
  });

  test('and stops at once while it waits for messages', async () => {
    const { queue } = await toldQueue();
    const source = await makeQueueSource(app, server, queue.url);
    await eventually(
      async () => (await app.core.sources.get(source))?.token != null,
      'the fetch is under way',
    );
    const began = performance.now();
    await cleanups.pop()!();
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('that fails is told with what to do, and is not asked again at once', async () => {
    const { queue } = await toldQueue();
    const missing = await makeQueueSource(app, server, `${queue.url}-not-there`);
    const stranger = await makeQueueSource(app, server, queue.url, { aws: { accessKeyId: OTHER_ACCOUNT } });
    const statuses = async () => [await statusOf(app, missing), await statusOf(app, stranger)] as const;
    await eventually(
      async () => (await statuses()).every(({ health }) => health === 'FAILING'),
      'both are known to fail',
    );
    const [one, other] = await statuses();
    expect(one.lastError).toMatch(/the queue ".*-not-there" does not exist at http/);
    expect(one.remedy).toContain("Check the queue's URL");
    expect(other.lastError).toMatch(/sqs:ReceiveMessage on the queue ".*" is denied|does not exist/);
    expect(other.remedy).toMatch(/"sqs:ReceiveMessage","sqs:DeleteMessage"|Check the queue's URL/);
    const { nextRunAt } = (await app.core.sources.get(missing))!;
    expect(nextRunAt!.getTime() - new Date(one.lastErrorAt).getTime()).toBeGreaterThanOrEqual(4_000);
  });
});

describe('messages', () => {
  test.each(['page-fetched', 'page-in-ledger'] as const)(
    'come again where a worker is killed at %s, and everything is stored once',
    async (point) => {
      const app = await startTrailGraph({ settings: { ROLE: 'api' } });
      cleanups.push(() => app.stop());
      const crew = new WorkerCrew(app.environment);
      cleanups.push(() => crew.killAll());
      const { bucket, queue } = await toldQueue();
      const files = filesOf(7, 5);
      for (const { key, body } of files) await server.put(bucket, key, body);
      const source = await makeQueueSource(app, server, queue.url);
      expect(await crew.start(point).ended(40_000)).toEqual({ code: null, signal: 'SIGKILL' });
      // None was deleted: the ledger may not have it.
      const { waiting, held } = await queue.depth();
      expect(waiting + held).toBeGreaterThanOrEqual(5);
      expect(await ledger(app).batches.countDocuments()).toBe(point === 'page-fetched' ? 0 : 5);
      crew.start();
      await settled(app, queue, 5, 60_000);
      expect(await countersOf(app, source)).toEqual({ ...NO_COUNTS, received: 25, stored: 25 });
      await expectConsistent(app);
    },
    120_000,
  );

  test('of one queue are shared by two servers, each of which stores what it gets, together everything once', async () => {
    const apps = await Promise.all([startTrailGraph(), startTrailGraph()]);
    for (const app of apps) cleanups.push(() => app.stop());
    const { bucket, queue } = await toldQueue();
    for (const app of apps) await makeQueueSource(app, server, queue.url, { maxInFlight: 3 });
    const files = filesOf(8, 40);
    for (const { key, body } of files) await server.put(bucket, key, body);
    await eventually(async () => {
      const done = await Promise.all(
        apps.map((app) => ledger(app).batches.countDocuments({ state: 'DONE' })),
      );
      return done[0]! + done[1]! >= 40;
    }, 'everything is stored somewhere');
    await eventually(async () => same(await queue.depth(), EMPTY), 'the queue is empty');
    const [here, there] = await Promise.all(apps.map((app) => storedIds(app)));
    expect([...here!, ...there!].sort()).toEqual(idsOf(files.flatMap(({ records }) => records)).sort());
  });

  test('of one queue are read by two workers of one server, and stored once', async () => {
    const app = await startTrailGraph();
    cleanups.push(() => app.stop());
    const second = await startTrailGraph({ database: app.database });
    cleanups.push(() => second.stop());
    const { bucket, queue } = await toldQueue();
    const source = await makeQueueSource(app, server, queue.url);
    const files = filesOf(9, 30);
    for (const { key, body } of files) await server.put(bucket, key, body);
    await settled(app, queue, 30);
    expect(await countersOf(app, source)).toEqual({ ...NO_COUNTS, received: 150, stored: 150 });
    await expectConsistent(app);
  });

  test('are kept from others as long as the ledger takes, and come again where it never has them', async () => {
    const { queue } = await toldQueue({ direct: false, attributes: { VisibilityTimeout: '1' } });
    await queue.send(s3Event({ bucket: 'b', key: logKey(1) }));
    const { client, source } = directClient(queue.url);
    const fetch = () =>
      client.fetch({ source, now: new Date(), signal: new AbortController().signal, ...NOTHING_KEPT });
    const slow = fetch();
    const page = await slow.next();
    if (page.done) throw new Error('no page came');
    expect(page.value.batches).toHaveLength(1);
    // Longer than the visibility that we ask for (2 s), and than the queue's own.
    expect(await queue.receive({ waitS: 5 })).toEqual([]);
    await slow.return(null);
    await eventually(async () => (await queue.receive()).length === 1, 'it comes again');
    const again = fetch();
    const same = await again.next();
    if (same.done) throw new Error('no page came');
    expect(same.value.batches[0]?._id).toBe(page.value.batches[0]?._id);
    await same.value.kept?.();
    await again.return(null);
    expect(await queue.depth()).toEqual(EMPTY);
  });

  test('that are given back as the worker stops are there for others at once', async () => {
    const { queue } = await toldQueue({ direct: false });
    await queue.send(s3Event({ bucket: 'b', key: logKey(1) }));
    const { client, source } = directClient(queue.url, { visibilityS: 600 });
    const stop = new AbortController();
    const pages = client.fetch({ source, now: new Date(), signal: stop.signal, ...NOTHING_KEPT });
    expect((await pages.next()).done).toBe(false);
    expect(await queue.depth()).toEqual({ waiting: 0, held: 1 });
    stop.abort();
    await pages.return(null);
    expect(await queue.depth()).toEqual({ waiting: 1, held: 0 });
  });
});

describe('a call to the queue that fails', () => {
  /** A server of the SQS protocol that answers each action as it is told. */
  const queueThat = async (answers: Record<string, (body: string) => { status: number; body: object }>) => {
    const endpoint = await answering((request, response) => {
      const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      void text(request).then((body) => {
        const answer = answers[action]?.(body) ?? { status: 200, body: {} };
        response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(answer.body));
      });
    });
    const { client, source } = directClient(`${endpoint}/${ACCOUNT}/trail`);
    return client.fetch({ source, now: new Date(), signal: new AbortController().signal, ...NOTHING_KEPT });
  };
  const fault = (type: string, status = 400) => ({ status, body: { __type: type, message: 'no' } });
  const notice = '{"Event":"s3:TestEvent"}';
  const MD5OfBody = createHash('md5').update(notice).digest('hex');
  const message = {
    status: 200,
    body: { Messages: [{ MessageId: 'm-1', ReceiptHandle: 'r-1', Body: notice, MD5OfBody }] },
  };

  test.each([
    [
      'com.amazonaws.sqs#QueueDoesNotExist',
      'Permanent',
      /"trail" does not exist at http/,
      /Region, account and name/,
    ],
    [
      'com.amazonaws.sqs#AccessDeniedException',
      'Permanent',
      /sqs:ReceiveMessage on the queue "trail" is denied/,
      /arn:aws:sqs:us-east-1:111122223333:trail/,
    ],
    ['com.amazonaws.sqs#KmsAccessDenied', 'Permanent', /KMS key of the queue "trail"/, /kms:Decrypt/],
    [
      'com.amazonaws.sqs#InvalidAddress',
      'Permanent',
      /"trail" is not in us-east-1/,
      /Region stands in the host name/,
    ],
    ['com.amazonaws.sqs#InvalidClientTokenId', 'Permanent', /access key id is not known/, /keys that exist/],
    ['com.amazonaws.sqs#Something', 'Retryable', /answered 400 Something/, /speaks the SQS protocol/],
  ])('%s is told with what to do', async (type, name, said, remedy) => {
    const pages = await queueThat({ ReceiveMessage: () => fault(type) });
    await expect(pages.next()).rejects.toMatchObject({
      name,
      message: expect.stringMatching(said),
      options: { remedy: expect.stringMatching(remedy) },
    });
  });

  test('to delete is made again for those that failed by the fault of SQS, and told where it is denied', async () => {
    const asked: string[][] = [];
    const failed = (Id: string, SenderFault: boolean) => ({ Id, SenderFault, Code: 'x', Message: 'x' });
    const three = ['r-1', 'r-2', 'r-3'].map((ReceiptHandle) => ({
      ...message.body.Messages[0],
      ReceiptHandle,
    }));
    const pages = await queueThat({
      ReceiveMessage: () =>
        asked.length > 0 ? { status: 200, body: {} } : { status: 200, body: { Messages: three } },
      DeleteMessageBatch: (body) => {
        const { Entries } = JSON.parse(body) as { Entries: { ReceiptHandle: string }[] };
        asked.push(Entries.map(({ ReceiptHandle }) => ReceiptHandle));
        const Failed = asked.length === 1 ? [failed('1', false), failed('2', true)] : [];
        return { status: 200, body: { Successful: [], Failed } };
      },
    });
    const page = await pages.next();
    if (page.done) throw new Error('no page came');
    await page.value.kept?.();
    expect(asked).toEqual([['r-1', 'r-2', 'r-3'], ['r-2']]);
    expect(await pages.next()).toEqual({ done: true, value: null });

    const denied = await queueThat({
      ReceiveMessage: () => message,
      DeleteMessageBatch: () => fault('com.amazonaws.sqs#AccessDeniedException', 403),
    });
    const taken = await denied.next();
    if (taken.done) throw new Error('no page came');
    await expect(taken.value.kept?.()).rejects.toMatchObject({
      name: 'Permanent',
      message: 'sqs:DeleteMessage on the queue "trail" is denied (AccessDeniedException)',
    });
    await denied.return(null);
  });
});

describe('an object that a message names', () => {
  test('is followed into the Region of its bucket, once, which is remembered', async () => {
    const asked: string[] = [];
    const endpoint = await answering((request, response) => {
      const region = /Credential=[^/]+\/\d+\/([a-z0-9-]+)\/s3/.exec(request.headers.authorization ?? '')?.[1];
      asked.push(String(region));
      if (request.url?.startsWith('/lost/') || region !== 'eu-central-1') {
        const told =
          request.url?.startsWith('/lost/') && region === 'eu-central-1' ? 'eu-west-1' : 'eu-central-1';
        response.writeHead(301, { 'content-type': 'application/xml', 'x-amz-bucket-region': told });
        response.end(
          '<?xml version="1.0"?><Error><Code>PermanentRedirect</Code><Message>no</Message></Error>',
        );
        return;
      }
      response.end('found');
    });
    const { client, source } = directClient(`${endpoint}/${ACCOUNT}/trail`, { endpointUrl: endpoint });
    const open = async (bucket: string) => {
      const object = { bucket, key: logKey(1), etag: null, size: null, lastModified: new Date() };
      return text(await client.open(source, { object } as Batch, new AbortController().signal));
    };
    expect(await open('b-1')).toBe('found');
    expect(await open('b-1')).toBe('found');
    expect(asked).toEqual(['us-east-1', 'eu-central-1', 'eu-central-1']);
    await expect(open('lost')).rejects.toMatchObject({ name: 'Retryable' });
    expect(asked).toHaveLength(5);
  });
});

describe('the URL of a queue', () => {
  test.each([
    ['https://sqs.eu-west-1.amazonaws.com/111122223333/trail', true, 'eu-west-1'],
    ['https://sqs.cn-north-1.amazonaws.com.cn/111122223333/trail', true, 'cn-north-1'],
    ['https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/trail', true, 'us-gov-west-1'],
    ['https://sqs.eu-west-1.api.aws/111122223333/trail', true, 'eu-west-1'],
    ['https://vpce-0a1b-x9.sqs.eu-west-1.vpce.amazonaws.com/111122223333/trail', true, 'eu-west-1'],
    ['https://eu-west-1.queue.amazonaws.com/111122223333/trail', true, 'eu-west-1'],
    ['https://queue.amazonaws.com/111122223333/trail', true, 'us-east-1'],
    ['http://sqs.eu-west-1.amazonaws.com/111122223333/trail', false, 'eu-west-1'],
    ['https://sqs.eu-west-1.amazonaws.com:8443/111122223333/trail', false, 'eu-west-1'],
    ['https://ec2-1-2-3-4.compute.amazonaws.com/111122223333/trail', false, null],
    ['https://sqs.eu-west-1.amazonaws.com.evil.example/111122223333/trail', false, 'eu-west-1'],
    ['https://vpce-1.vpce-svc-2.eu-west-1.vpce.amazonaws.com/111122223333/trail', false, null],
    ['http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/trail', false, 'eu-west-1'],
    ['http://127.0.0.1:4566/000000000000/trail', false, null],
  ])('%s: AWS itself? %s', (url, aws, region) => {
    expect(readQueueUrl(url)).toMatchObject({ aws, region, name: 'trail', origin: new URL(url).origin });
  });

  test('that is no queue is told', () => {
    for (const url of ['x', 'ftp://a/b', 'https://sqs.eu-west-1.amazonaws.com/'])
      expect(readQueueUrl(url)).toBeNull();
  });

  test("that is not AWS's never gets the server's own credentials, and passes the address guard", async () => {
    const seen: string[] = [];
    const endpoint = await answering((request, response) => {
      seen.push(JSON.stringify(request.headers));
      response.end('{}');
    });
    const url = `${endpoint}/${ACCOUNT}/trail`;
    const saved = process.env.AWS_ACCESS_KEY_ID;
    process.env.AWS_ACCESS_KEY_ID = 'SERVERSOWNKEY';
    cleanups.push(() => {
      if (saved === undefined) delete process.env.AWS_ACCESS_KEY_ID;
      else process.env.AWS_ACCESS_KEY_ID = saved;
    });
    const first = (options: DirectOptions) => {
      const { client, source } = directClient(url, { endpointUrl: null, ...options });
      return client
        .fetch({ source, now: new Date(), signal: new AbortController().signal, ...NOTHING_KEPT })
        .next();
    };
    await expect(first({ keys: null })).rejects.toMatchObject({
      name: 'Permanent',
      options: { remedy: expect.stringContaining('never sent to it') },
    });
    await expect(first({ guard: new AddressGuard({ allow: [] }) })).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('may not be called'),
    });
    expect(seen).toEqual([]);
    await first({});
    expect(seen.join()).toContain(SERVER_KEYS.accessKeyId);
    expect(seen.join()).not.toContain('SERVERSOWNKEY');
  });
});

const NOTHING_KEPT = { checkpoint: async () => null, unsettled: async () => 0 };

interface DirectOptions {
  visibilityS?: number;
  endpointUrl?: string | null;
  keys?: StaticKeys | null;
  guard?: AddressGuard;
}

/** The client alone, without the application around it. */
function directClient(queueUrl: string, options: DirectOptions = {}) {
  const { visibilityS = 2, endpointUrl = server.endpoint, keys = SERVER_KEYS } = options;
  const aws = new AwsClients({
    guard: options.guard ?? new AddressGuard({ allow: parseCidrs('127.0.0.0/8') }),
    openKeys: () => keys,
  });
  cleanups.push(() => aws.close());
  const client = new S3SqsClient({
    connectQueue: (source) => aws.sqs(source),
    connectBucket: (source, region) => aws.s3(source, region ? { region } : {}),
    visibilityS,
    log: { debug: () => undefined, warn: () => undefined },
  });
  const source: Source = {
    _id: 'src_test',
    name: 'the queue',
    kind: 'S3_SQS',
    state: 'ACTIVE',
    epoch: 1,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    deletedAt: null,
    aws: { region: null, profile: null, roleArn: null, externalId: 'x', endpointUrl, staticKeys: null },
    lookupEvents: null,
    s3: null,
    sqs: { queueUrl, maxInFlight: 10 },
    httpPush: null,
    demo: null,
    dropFilter: null,
    status: { health: 'UNKNOWN', lastError: null, lastErrorAt: null, remedy: null, lastSuccessAt: null },
    counters: NO_COUNTS,
    through: 0,
    nextRunAt: null,
    token: null,
  };
  return { client, source };
}

/** A bucket and a queue that is told of its objects. */
async function toldQueue({
  direct = true,
  attributes = {},
}: {
  direct?: boolean;
  attributes?: Record<string, string>;
} = {}): Promise<{ bucket: string; queue: TrailQueue }> {
  const name = unique('trail');
  await server.makeBucket(name);
  const queue = await queues.makeQueue(name, attributes);
  if (direct) await queues.notifyQueue(name, queue);
  return { bucket: name, queue };
}

/** An object in a bucket of another account, which lets nobody else read. */
async function foreignObject(): Promise<{ bucket: string; key: string }> {
  const theirs = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { ...SERVER_KEYS, accessKeyId: OTHER_ACCOUNT },
  });
  cleanups.push(() => theirs.destroy());
  const object = { bucket: unique('theirs'), key: logKey(50) };
  await theirs.send(new CreateBucketCommand({ Bucket: object.bucket }));
  await theirs.send(new PutObjectCommand({ Bucket: object.bucket, Key: object.key, Body: 'x' }));
  return object;
}

/** Waits until so many objects are stored, all that is in the ledger is settled, and the queue is empty. */
async function settled(
  app: TestTrailGraph,
  queue: TrailQueue,
  objects: number,
  withinMs = 20_000,
): Promise<void> {
  await eventually(
    async () => (await ledger(app).batches.countDocuments({ state: 'DONE' })) === objects,
    `${objects} objects are stored`,
    withinMs,
  );
  await eventually(async () => same(await queue.depth(), EMPTY), 'the queue is empty', withinMs);
  await app.drain();
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

async function statusOf(app: TestTrailGraph, id: string) {
  const admin = await app.admin();
  const { source } = await admin.run<{
    source: { status: { health: string; lastError: string; lastErrorAt: string; remedy: string } };
  }>('query ($id: ID!) { source(id: $id) { status { health lastError lastErrorAt remedy } } }', { id });
  return source.status;
}

/** Log files of five records each, no two alike. */
function filesOf(seed: number, count: number, kind?: 'CloudTrail-Insight') {
  return Array.from({ length: count }, (_, index) => {
    const records = demoRecords(seed, index * 5, 5);
    return { key: logKey(index, kind), records, body: gzipSync(JSON.stringify({ Records: records })) };
  });
}

function logKey(minute: number, kind = 'CloudTrail'): string {
  const stamp = `20260102T03${String(minute).padStart(2, '0')}Z`;
  const name = randomBytes(8).toString('hex');
  return `org logs+x/AWSLogs/o-exampleorg12/${ACCOUNT}/${kind}/us-east-1/2026/01/02/${ACCOUNT}_${kind}_us-east-1_${stamp}_${name}.json.gz`;
}

function unique(name: string): string {
  return `${name}-${++made}-${randomBytes(3).toString('hex')}`;
}

async function answering(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const web = createServer(handle).listen(0, '127.0.0.1');
  await once(web, 'listening');
  cleanups.push(() => {
    web.closeAllConnections();
    web.close();
  });
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}
