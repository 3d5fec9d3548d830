/**
 * Events per second of the whole way: objects of a trail in a bucket, read by an S3_BUCKET source, enriched, stored,
 * and delivered to one webhook with batchSize 100. Beside it, in the same run and on the same servers, the simplest
 * alternative: one loop that reads the same objects and inserts the parsed records, without ledger, enrichment,
 * indexes, exactness or delivery.
 *
 * node build/bench/bench/pipeline.js [records] [--profile DIR]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { MongoClient } from 'mongodb';
import { writeDemoTrail } from '../test/support/demo-trail';
import { SERVER_KEYS, startS3Server } from '../test/support/s3-server';
import { type Product, profiling, startProduct } from './product';
import { type Receiver, startReceiver } from './receiver';

const RECORDS = Number(process.argv[2] ?? 100_000);
const PROFILE = process.argv[3] === '--profile' ? process.argv[4] : undefined;
const RECORDS_AN_OBJECT = 500;
const BUCKET = 'bench-trail';

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
    product = await startProduct(join(folder, 'data'), profiling(PROFILE));
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
  const token = await product.signUp();
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

void main();
