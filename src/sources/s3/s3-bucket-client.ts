import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Batch } from '../../domain/batch';
import { messageOf, Permanent, Retryable } from '../../domain/errors';
import type { FetchedPage, FetchNote, FetchRequest, RangePage, RangeRequest } from '../../domain/fetched';
import type { Source } from '../../domain/source';
import { BucketListing } from './bucket-listing';
import { emptyTrailNote } from './empty-trail';
import type { SkipReason } from './log-key';
import { objectBatch } from './object-batch';
import { openObject } from './object-body';
import { type WalkedPage, walkPartition } from './partition-walk';
import { findPartitions, type Partition } from './partitions';
import { walkRange } from './range-walk';
import { roundRobin } from './round-robin';
import { s3ConfigOf } from './s3-fault';
import { addSkipped, type Skipped } from './skipped';

export interface S3BucketClientOptions {
  /** The client for a source's bucket; whoever gives it closes it. */
  connect: (source: Source) => Promise<S3Client> | S3Client;
  log: { debug(fields: object, message: string): void };
  /** Told of objects that are left out as they are no log files. */
  onSkipped?: (reason: SkipReason, count: number) => void;
}

/** Partitions that are listed at a time. */
const WIDTH = 8;

/**
 * Reads a CloudTrail bucket by listing it. Each account and Region is a partition with a checkpoint of its own; every
 * page of a listing becomes one batch for each log file, known ones included, which the ledger drops by their ids.
 */
export class S3BucketClient {
  constructor(private readonly options: S3BucketClientOptions) {}

  /**
   * Lists what is new, and what may have come late.
   * @returns a note where the bucket holds no trail that the source wants
   * @throws Permanent or Retryable with a remedy where the bucket can't be listed
   */
  async *fetch(request: FetchRequest): AsyncGenerator<FetchedPage, FetchNote | null> {
    const { source } = request;
    const config = s3ConfigOf(source);
    const client = await this.options.connect(source);
    // Ends the requests of the other partitions when one fails.
    const stop = new AbortController();
    const listing = new BucketListing(client, source, AbortSignal.any([request.signal, stop.signal]));
    try {
      const { partitions, survey } = await findPartitions(listing, config);
      if (partitions.length === 0) return await emptyTrailNote(listing, config, survey);
      const walks = partitions.map((partition) => walk(request, listing, partition));
      const skipped: Skipped = {};
      for await (const { page, partition } of roundRobin(walks, WIDTH)) {
        addSkipped(skipped, page.skipped);
        yield {
          batches: page.objects.map((object) => objectBatch(source, object)),
          ...(page.cursor ? { checkpoint: { partition: partition.name, cursor: page.cursor } } : {}),
        };
      }
      this.tellSkipped(source, skipped);
      return null;
    } finally {
      stop.abort();
    }
  }

  /**
   * Opens the bytes of a batch's object, of the version that was listed.
   * @throws Permanent where the object is gone or replaced; Retryable else, with a remedy where it is denied
   */
  async open(source: Source, batch: Batch, signal: AbortSignal): Promise<Readable> {
    if (!batch.object) throw new Permanent('the batch names no object');
    let client: S3Client;
    try {
      client = await this.options.connect(source);
    } catch (error) {
      // The settings are at fault, and may be mended: no reason to give up the object.
      throw new Retryable(messageOf(error), { cause: error });
    }
    return openObject(client, source, batch.object, signal);
  }

  /**
   * Walks what was delivered from the day of `from` to a day after `to`, as `walkRange` says.
   * @throws Permanent or Retryable with a remedy where the bucket can't be listed, or holds no trail
   */
  async *fetchRange(request: RangeRequest): AsyncGenerator<RangePage, void> {
    const { source } = request;
    const client = await this.options.connect(source);
    const stop = new AbortController();
    const listing = new BucketListing(client, source, AbortSignal.any([request.signal, stop.signal]));
    const skipped: Skipped = {};
    try {
      yield* walkRange(listing, request, skipped);
    } finally {
      stop.abort();
      this.tellSkipped(source, skipped);
    }
  }

  pollIntervalMs(source: Source): number {
    return s3ConfigOf(source).pollIntervalSeconds * 1000;
  }

  private tellSkipped(source: Source, skipped: Skipped): void {
    const reasons = Object.entries(skipped) as [SkipReason, number][];
    if (reasons.length === 0) return;
    for (const [reason, count] of reasons) this.options.onSkipped?.(reason, count);
    this.options.log.debug({ sourceId: source._id, skipped }, 'objects that are no log files were skipped');
  }
}

async function* walk(
  { source, checkpoint, now }: FetchRequest,
  listing: BucketListing,
  partition: Partition,
): AsyncGenerator<{ page: WalkedPage; partition: Partition }, void> {
  const cursor = await checkpoint(partition.name);
  const { startAt } = s3ConfigOf(source);
  for await (const page of walkPartition({ listing, partition, cursor, startAt, now }))
    yield { page, partition };
}
