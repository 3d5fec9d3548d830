import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { BatchObject } from '../../domain/batch';
import { messageOf, Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { serviceErrorOf } from '../aws/aws-fault';
import type { CallPlace } from '../aws/call-place';
import { REGION_NAME } from '../s3/log-key';
import { openObject } from '../s3/object-body';
import { queueOf } from './sqs-fault';
import { trailPrefix } from './trail-key';

/** Buckets whose Region is remembered; a queue tells of one or two. */
const MAX_BUCKETS = 1_000;

/** Opens objects of buckets that only notifications name: they may be in any Region. */
export class ToldObjects {
  /** Where S3 said that a bucket is. */
  private readonly regions = new Map<string, string>();

  constructor(private readonly connect: (source: Source, region: string | null) => S3Client) {}

  /** @throws Permanent where the object is gone or replaced; Retryable else, with a remedy where it is denied */
  async open(source: Source, object: BatchObject, signal: AbortSignal): Promise<Readable> {
    const known = this.regions.get(object.bucket) ?? null;
    try {
      return await this.openIn(source, object, known, signal);
    } catch (error) {
      const region = signal.aborted ? null : toldRegion(error);
      if (region === null || region === known) throw error;
      this.remember(object.bucket, region);
      return await this.openIn(source, object, region, signal);
    }
  }

  private async openIn(
    source: Source,
    object: BatchObject,
    region: string | null,
    signal: AbortSignal,
  ): Promise<Readable> {
    let client: S3Client;
    try {
      client = this.connect(source, region);
    } catch (error) {
      // The settings are at fault, and may be mended: no reason to give up the object.
      throw new Retryable(messageOf(error), { cause: error });
    }
    return openObject(client, asBucketSource(source, object), object, signal);
  }

  private remember(bucket: string, region: string): void {
    this.regions.delete(bucket);
    this.regions.set(bucket, region);
    for (const oldest of this.regions.keys()) {
      if (this.regions.size <= MAX_BUCKETS) return;
      this.regions.delete(oldest);
    }
  }
}

/** Where a bucket is asked for: where it is known to be, else in the source's Region, else in that of its queue. */
export function bucketPlace(source: Source, known: string | null): CallPlace {
  const region = known ?? source.aws?.region ?? queueOf(source).region;
  return region === null ? {} : { region };
}

/** The Region to which S3 points whoever asked in another one; null where the failure is another. */
function toldRegion(error: unknown): string | null {
  if (!(error instanceof Retryable) || !error.options.cause) return null;
  const { status, header, code } = serviceErrorOf(error.options.cause);
  if (status !== 301 && status !== 307 && !/Redirect|IllegalLocation|AuthorizationHeaderMalformed/.test(code))
    return null;
  const region = header('x-amz-bucket-region');
  return region !== null && REGION_NAME.test(region) ? region : null;
}

/** The source as one of the object's bucket: what goes wrong is told of this bucket and the trail in it. */
function asBucketSource(source: Source, { bucket, key }: BatchObject): Source {
  return {
    ...source,
    s3: {
      bucket,
      prefix: trailPrefix(key) || null,
      accountIds: null,
      regions: null,
      organizationId: null,
      pollIntervalSeconds: 0,
      startAt: null,
    },
  };
}
