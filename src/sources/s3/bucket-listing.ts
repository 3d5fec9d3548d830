import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3';
import type { BatchObject } from '../../domain/batch';
import { Permanent } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { endpointOf } from '../aws/aws-fault';
import { callWithin } from '../aws/call-deadline';
import { listingError, listingFault, s3ConfigOf } from './s3-fault';

/** A page of ListObjectsV2. */
export interface ListedPage {
  objects: BatchObject[];
  last: boolean;
}

/** One request, its retries included. */
const LIST_WITHIN_MS = 60_000;
/** A bucket has an account in each, or a Region: no real one has as many. */
const MAX_FOLDERS = 20_000;

/** Lists the bucket of a source. Failures come as Permanent or Retryable with a remedy. */
export class BucketListing {
  readonly bucket: string;

  constructor(
    private readonly client: S3Client,
    private readonly source: Source,
    private readonly signal: AbortSignal,
  ) {
    this.bucket = s3ConfigOf(source).bucket;
  }

  /** The objects whose keys begin with `prefix` and come after `startAfter`, in the order of their keys. */
  async *pages(prefix: string, startAfter: string | null): AsyncGenerator<ListedPage, void> {
    let after = startAfter ?? '';
    for await (const output of this.outputs({
      Prefix: prefix,
      ...(startAfter ? { StartAfter: startAfter } : {}),
    })) {
      const objects = (output.Contents ?? []).map((entry) =>
        this.objectOf(entry, output.EncodingType === 'url'),
      );
      const lastKey = objects.at(-1)?.key;
      if (lastKey !== undefined && lastKey <= after) throw this.notS3('lists keys out of order');
      after = lastKey ?? after;
      yield { objects, last: output.IsTruncated !== true };
    }
  }

  /** The names of the folders right under `prefix`, without slashes. */
  async folders(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const output of this.outputs({ Prefix: prefix, Delimiter: '/' })) {
      for (const { Prefix } of output.CommonPrefixes ?? []) {
        names.push(decoded(Prefix ?? '', output.EncodingType === 'url').slice(prefix.length, -1));
      }
      if (names.length > MAX_FOLDERS) {
        throw new Permanent(
          `there are more than ${MAX_FOLDERS} folders under s3://${this.bucket}/${prefix}`,
          {
            remedy: 'Set the prefix or the organization so that a trail begins right there.',
          },
        );
      }
    }
    return names;
  }

  /** The first key that begins with `prefix` and comes after `startAfter`; null where there is none. */
  async firstKey(prefix: string, startAfter: string): Promise<string | null> {
    const output = await this.request({ Prefix: prefix, StartAfter: startAfter, MaxKeys: 1 });
    const key = output.Contents?.[0]?.Key;
    return key === undefined ? null : decoded(key, output.EncodingType === 'url');
  }

  /** Up to `max` names right under `prefix`, folders with a slash, to show to people. */
  async glimpse(prefix: string, max: number): Promise<string[]> {
    const output = await this.request({ Prefix: prefix, Delimiter: '/', MaxKeys: max });
    const url = output.EncodingType === 'url';
    const names = [
      ...(output.CommonPrefixes ?? []).map((entry) => entry.Prefix),
      ...(output.Contents ?? []).map((entry) => entry.Key),
    ];
    return names.map((name) => decoded(name ?? '', url).slice(prefix.length)).slice(0, max);
  }

  private async *outputs(input: ListInput): AsyncGenerator<ListObjectsV2CommandOutput, void> {
    let token: string | undefined;
    do {
      const output = await this.request({
        ...input,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      yield output;
      const next = output.IsTruncated ? output.NextContinuationToken : undefined;
      if (output.IsTruncated && (next === undefined || next === token))
        throw this.notS3('does not go on with a listing');
      token = next;
    } while (token !== undefined);
  }

  private async request(input: ListInput): Promise<ListObjectsV2CommandOutput> {
    // Keys may hold what XML can't.
    const command = new ListObjectsV2Command({ Bucket: this.bucket, EncodingType: 'url', ...input });
    let output: ListObjectsV2CommandOutput;
    try {
      output = await callWithin(LIST_WITHIN_MS, this.signal, (abortSignal) =>
        this.client.send(command, { abortSignal }),
      );
    } catch (error) {
      this.signal.throwIfAborted();
      throw listingError(listingFault(error, this.source), error);
    }
    if (output.Name === undefined && output.KeyCount === undefined)
      throw this.notS3('answers something else than a listing');
    return output;
  }

  private objectOf(
    entry: NonNullable<ListObjectsV2CommandOutput['Contents']>[number],
    url: boolean,
  ): BatchObject {
    const { Key, ETag, Size, LastModified } = entry;
    if (Key === undefined || ETag === undefined || Size === undefined || LastModified === undefined) {
      throw this.notS3('lists objects without key, ETag, size or time');
    }
    const etag = ETag.replace(/^"|"$/g, '');
    return { bucket: this.bucket, key: decoded(Key, url), etag, size: Size, lastModified: LastModified };
  }

  private notS3(what: string): Permanent {
    return new Permanent(`${endpointOf(this.source)} ${what}`, {
      remedy: 'Use an endpoint that speaks the S3 protocol (ListObjectsV2).',
    });
  }
}

interface ListInput {
  Prefix: string;
  Delimiter?: string;
  StartAfter?: string;
  ContinuationToken?: string;
  MaxKeys?: number;
}

function decoded(text: string, url: boolean): string {
  return url ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
}
