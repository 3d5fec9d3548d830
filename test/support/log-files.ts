import { gzipSync } from 'node:zlib';
import type { GraphqlClient } from './graphql-client';
import { type S3Server, SERVER_KEYS } from './s3-server';

export const ACCOUNT = '111122223333';

export interface LogKeyParts {
  /** What stands before the account. */
  root?: string;
  account?: string;
  region?: string;
  folder?: 'CloudTrail' | 'CloudTrail-Insight' | 'CloudTrail-Digest';
  /** The number of the file within its minute. */
  n?: number;
}

/** The key of a log file that was delivered in this minute, like 2024-03-05T10:00Z. */
export function logKey(
  time: string,
  {
    root = 'AWSLogs/',
    account = ACCOUNT,
    region = 'us-east-1',
    folder = 'CloudTrail',
    n = 0,
  }: LogKeyParts = {},
): string {
  const day = time.slice(0, 10).replaceAll('-', '/');
  const name = `${account}_${folder}_${region}_${time.replace(/[-:]/g, '')}_${String(n).padStart(16, '0')}.json.gz`;
  return `${root}${account}/${folder}/${region}/${day}/${name}`;
}

export function logFile(records: unknown[]): Buffer {
  return gzipSync(JSON.stringify({ Records: records }), { level: 1 });
}

/** A source that reads a bucket of the server. What was delivered before startAt is not read unless by a backfill. */
export async function makeBucketSource(
  admin: GraphqlClient,
  server: Pick<S3Server, 'endpoint'>,
  s3: Record<string, unknown>,
): Promise<string> {
  const { accessKeyId, secretAccessKey } = SERVER_KEYS; // The SDK adds members of its own to the object.
  const { createSource } = await admin.run<{ createSource: { source: { id: string } } }>(
    'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
    {
      input: {
        name: 'trail',
        s3: { pollIntervalSeconds: 86_400, ...s3 },
        aws: { accessKeyId, secretAccessKey, endpointUrl: server.endpoint },
      },
    },
  );
  return createSource.source.id;
}
