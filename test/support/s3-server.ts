import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Trail } from './demo-trail';
import { pipTool } from './pip-tool';

/** MiniStack, which speaks S3, SQS, SNS, STS, IAM and CloudTrail, with what it rests on. */
export const MINISTACK = {
  name: 'ministack',
  packages: [
    'ministack==1.5.33',
    'botocore==1.43.106',
    'defusedxml==0.7.1',
    'graphql-core==3.2.12',
    'h11==0.16.0',
    'h2==4.4.1',
    'hpack==4.2.0',
    'hypercorn==0.18.0',
    'hyperframe==6.1.0',
    'jmespath==1.1.0',
    'jsonata-python==0.7.1',
    'priority==2.0.0',
    'python-dateutil==2.9.0.post0',
    'pyyaml==6.0.3',
    'six==1.17.0',
    'urllib3==2.8.0',
    'wsproto==1.3.2',
  ],
};

/** Ends with the process that started it, however that ends: then its standard input closes. */
const RUN_WHILE_INPUT_IS_OPEN = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
sys.argv = ['ministack']
from ministack.app import main
main()
`;

const READY_WITHIN_MS = 60_000;

export const SERVER_KEYS = { accessKeyId: 'trailgraphtest', secretAccessKey: 'trailgraph-test-secret' };

export interface S3Server {
  /** Like http://127.0.0.1:12345 */
  endpoint: string;
  /** With SERVER_KEYS. */
  client: S3Client;
  /** Makes a bucket. */
  makeBucket(bucket: string): Promise<void>;
  /** Writes one object. */
  put(bucket: string, key: string, body: string | Uint8Array): Promise<void>;
  /** As a listing and a notification tell it, without quotes. */
  etagOf(bucket: string, key: string): Promise<string>;
  /** Makes a bucket with the objects of a trail in it, under their own keys, after the prefix where one is given. */
  putTrail(bucket: string, trail: Pick<Trail, 'objects'>, prefix?: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a server that speaks the S3 protocol on a free port of this machine; what it holds goes with it.
 * It lets in SERVER_KEYS, refuses unknown keys, and takes an account's number for the key of that account's root user.
 */
export async function startS3Server(): Promise<S3Server> {
  const code = await pipTool(MINISTACK);
  const scratch = await mkdtemp(join(tmpdir(), 'trailgraph-s3-'));
  // Somebody else may take the port before the server does.
  for (let tries = 1; ; tries++) {
    const started = await start(code, scratch).catch((error: unknown) => {
      if (tries === 3) throw error;
      return null;
    });
    if (started) return serverAt(started.endpoint, started.child, scratch);
  }
}

async function start(code: string, scratch: string) {
  const port = await freePort();
  const child = spawn('python3', ['-c', RUN_WHILE_INPUT_IS_OPEN], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: scratch,
      TMPDIR: scratch,
      PYTHONPATH: code,
      PYTHONNOUSERSITE: '1',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      SERVICES: 's3,sqs,sns,sts,iam,cloudtrail',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      LOG_LEVEL: 'WARNING',
      AUTH: 'true',
      AWS_ACCESS_KEY_ID: SERVER_KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SERVER_KEYS.secretAccessKey,
    },
  });
  const said = lastOutputOf(child);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await ready(child, `${endpoint}/_ministack/health`);
  } catch (error) {
    await end(child);
    throw new Error(`the S3 server did not start: ${String(error)}\n${said()}`);
  }
  return { child, endpoint };
}

function serverAt(endpoint: string, child: ChildProcess, scratch: string): S3Server {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: SERVER_KEYS,
  });
  const makeBucket = async (bucket: string) => {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  };
  const put = async (bucket: string, key: string, body: string | Uint8Array) => {
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: Buffer.byteLength(body) }),
    );
  };
  return {
    endpoint,
    client,
    makeBucket,
    put,
    etagOf: async (bucket, key) => {
      const { ETag } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return ETag!.replaceAll('"', '');
    },
    putTrail: async (bucket, trail, prefix = '') => {
      await makeBucket(bucket);
      for (const { key, path } of trail.objects) await put(bucket, `${prefix}${key}`, await readFile(path));
    },
    close: async () => {
      client.destroy();
      await end(child);
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let last: unknown;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch((error: unknown) => {
      last = error;
      return null;
    });
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error(`no answer within ${READY_WITHIN_MS} ms`, { cause: last });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function lastOutputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4_096);
    });
  }
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
