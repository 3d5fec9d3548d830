/**
 * Events per second of the whole way: objects of a trail in a bucket, read by an S3_BUCKET source, enriched, stored,
 * and delivered to one webhook with batchSize 100. Beside it, in the same run and on the same servers, the simplest
 * alternative: one loop that reads the same objects and inserts the parsed records, without ledger, enrichment,
 * indexes, exactness or delivery.
 *
 * node build/bench/bench/pipeline.js [records] [--profile DIR]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { MongoClient } from 'mongodb';
import { writeDemoTrail } from '../test/support/demo-trail';
import { SERVER_KEYS, startS3Server } from '../test/support/s3-server';

const RECORDS = Number(process.argv[2] ?? 100_000);
const PROFILE = process.argv[3] === '--profile' ? process.argv[4] : undefined;
const RECORDS_AN_OBJECT = 500;
const BUCKET = 'bench-trail';
const ROOT = join(__dirname, '../../..');

interface Answer<T> {
  data?: T | null;
  errors?: unknown;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trailgraph-bench-'));
  const s3 = await startS3Server();
  const receiver = await startReceiver();
  let product: Product | null = null;
  try {
    const objects = await writeDemoTrail(join(folder, 'trail'), {
      seed: 5,
      records: RECORDS,
      objects: Math.ceil(RECORDS / RECORDS_AN_OBJECT),
    });
    await s3.makeBucket(BUCKET);
    for (const { key, path } of objects) await s3.put(BUCKET, key, readFileSync(path));
    product = await startProduct(join(folder, 'data'));
    const bare = await bareLoop(
      product,
      s3.client,
      objects.map(({ key }) => key),
    );
    report('bare loop: get, gunzip, JSON.parse, insertMany', bare);
    const whole = await wholeWay(product, s3.endpoint, receiver);
    report('TrailGraph: until stored', whole.stored);
    report('TrailGraph: until delivered', whole.delivered);
  } finally {
    await product?.stop();
    await receiver.stop();
    await s3.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(what: string, seconds: number): void {
  process.stdout.write(`${what}: ${seconds.toFixed(1)} s, ${Math.round(RECORDS / seconds)} events/s\n`);
}

/** Reads all objects one after the other and inserts their records as they are. */
async function bareLoop(product: Product, client: S3Client, keys: string[]): Promise<number> {
  const mongo = await MongoClient.connect(product.mongodbUri);
  const collection = mongo.db('bare').collection('events');
  const started = performance.now();
  for (const key of keys) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    const bytes = Buffer.from(await Body!.transformToByteArray());
    const { Records } = JSON.parse(gunzipSync(bytes).toString('utf8')) as { Records: object[] };
    await collection.insertMany(Records, { ordered: false, writeConcern: { w: 'majority', j: true } });
  }
  const seconds = (performance.now() - started) / 1000;
  await mongo.db('bare').dropDatabase();
  await mongo.close();
  return seconds;
}

async function wholeWay(
  product: Product,
  endpointUrl: string,
  receiver: Receiver,
): Promise<{ stored: number; delivered: number }> {
  const login = await product.graphql<{ signUp: { accessToken: string } }>(
    'mutation { signUp(input: { email: "bench@example.com", password: "correct horse battery" }) { accessToken } }',
  );
  const token = login.signUp.accessToken;
  await product.graphql(
    'mutation ($url: String!) { createWebhook(input: { name: "bench", url: $url, batchSize: 100 }) { secret } }',
    { url: receiver.url },
    token,
  );
  // Stored means that the worker has loaded its geo data: the start is not what is measured.
  await product.graphql(
    'mutation { ingestEvents(recordsText: "[{\\"eventTime\\":\\"2026-01-01T00:00:00Z\\"}]") { stored } }',
    {},
    token,
  );
  const { accessKeyId, secretAccessKey } = SERVER_KEYS;
  const started = performance.now();
  const { createSource } = await product.graphql<{ createSource: { source: { id: string } } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
    {
      input: {
        name: 'bench',
        aws: { region: 'us-east-1', endpointUrl, accessKeyId, secretAccessKey },
        s3: { bucket: BUCKET },
      },
    },
    token,
  );
  let stored = 0;
  while (stored === 0 || receiver.events() <= RECORDS) {
    await setTimeout(100);
    if (stored > 0) continue;
    const { source } = await product.graphql<{ source: { status: { stored: number } } }>(
      'query ($id: ID!) { source(id: $id) { status { stored } } }',
      { id: createSource.source.id },
      token,
    );
    if (source.status.stored >= RECORDS) stored = (performance.now() - started) / 1000;
  }
  return { stored, delivered: (performance.now() - started) / 1000 };
}

interface Product {
  mongodbUri: string;
  graphql<T>(query: string, variables?: object, token?: string): Promise<T>;
  stop(): Promise<void>;
}

async function startProduct(dataDir: string): Promise<Product> {
  // Worker processes inherit the flags of their parent.
  const flags = PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${PROFILE}`] : [];
  const child = spawn(process.execPath, [...flags, join(ROOT, 'dist/main.js')], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: '0', DEMO_SOURCE: 'off', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const note = await serverNote(child, join(dataDir, 'server.json'));
  return {
    mongodbUri: note.mongodbUri,
    graphql: async <T>(query: string, variables: object = {}, token?: string): Promise<T> => {
      const response = await fetch(`${note.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = (await response.json()) as Answer<T>;
      if (errors || !data) throw new Error(`GraphQL said: ${JSON.stringify(errors)}`);
      return data;
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

async function serverNote(child: ChildProcess, file: string): Promise<{ url: string; mongodbUri: string }> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (child.exitCode !== null) throw new Error('the product did not start');
    await setTimeout(100);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as { url: string; mongodbUri: string };
    } catch {
      // Not written yet.
    }
  }
  throw new Error('the product did not say where it listens');
}

interface Receiver {
  url: string;
  events(): number;
  stop(): Promise<void>;
}

/** Counts the events that arrive; verifies nothing, so that it is not what is measured. */
async function startReceiver(): Promise<Receiver> {
  let events = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      events += (JSON.parse(Buffer.concat(chunks).toString('utf8')) as { data: unknown[] }).data.length;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    events: () => events,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

void main();
