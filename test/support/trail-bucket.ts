import { gzipSync } from 'node:zlib';
import type { GraphqlClient } from './graphql-client';
import { demoRecords, idsOf } from './ledger';
import { type S3Server, SERVER_KEYS } from './s3-server';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';

/** A bucket of a trail, into which log files are delivered one by one, and the source that reads it. */
export class TrailBucket {
  private files = 0;

  private constructor(
    private readonly server: S3Server,
    private readonly bucket: string,
    private readonly seed: number,
  ) {}

  /** @param endpointUrl the way by which the source reaches the server */
  static async open(
    admin: GraphqlClient,
    server: S3Server,
    { endpointUrl, seed }: { endpointUrl: string; seed: number },
  ): Promise<TrailBucket> {
    const bucket = 'chaos-trail';
    await server.makeBucket(bucket);
    const { accessKeyId, secretAccessKey } = SERVER_KEYS;
    await admin.run(
      'mutation ($input: CreateSourceInput!) { createSource(input: $input) { source { id } } }',
      {
        input: {
          name: 'a bucket',
          s3: { bucket, pollIntervalSeconds: 5 },
          aws: { region: REGION, endpointUrl, accessKeyId, secretAccessKey },
        },
      },
    );
    return new TrailBucket(server, bucket, seed);
  }

  /** Delivers a log file, as CloudTrail does. @returns the ids of its events */
  async deliver(records: number): Promise<string[]> {
    const number = this.files++;
    const list = demoRecords(this.seed, number * records, records);
    const [day, time] = new Date().toISOString().slice(0, 16).split('T') as [string, string];
    const name = `${day.replaceAll('-', '')}T${time.replace(':', '')}Z_${String(number).padStart(16, 'a')}`;
    await this.server.put(
      this.bucket,
      `AWSLogs/${ACCOUNT}/CloudTrail/${REGION}/${day.replaceAll('-', '/')}/${ACCOUNT}_CloudTrail_${REGION}_${name}.json.gz`,
      gzipSync(JSON.stringify({ Records: list })),
    );
    return idsOf(list);
  }
}
