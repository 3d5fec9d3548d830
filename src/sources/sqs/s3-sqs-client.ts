import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Batch, NewBatch } from '../../domain/batch';
import { Permanent } from '../../domain/errors';
import type { FetchedPage, FetchNote, FetchRequest } from '../../domain/fetched';
import type { Source } from '../../domain/source';
import { HeldMessages } from './held-messages';
import { messageBatches } from './message-batches';
import { LONG_POLL_S, MESSAGES_A_CALL, Queue, type ReceivedMessage } from './queue';
import { sqsConfigOf } from './sqs-fault';
import { ToldObjects } from './told-objects';

export interface S3SqsClientOptions {
  /** The client for a source's queue; whoever gives it closes it. */
  connectQueue: (source: Source) => SQSClient;
  /** The client for buckets in a Region; null: the source's own. */
  connectBucket: (source: Source, region: string | null) => S3Client;
  /** How long a message is kept from others at a time: when a worker dies with it, it comes again after so long. */
  visibilityS: number;
  log: {
    debug(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** A fetch of a busy queue ends after so long, so that pausing or changing the source is heeded. */
const FETCH_MS = 30_000;
/** Requests at a time that ask for messages. */
const RECEIVERS = 10;
/** Batches that are written into the ledger at a time: a message may name thousands of objects. */
const BATCHES_A_PAGE = 1_000;
/** Between two fetches: of an idle queue each is one long poll, of a busy one it takes half a minute. */
const AGAIN_MS = 0;

/** What a fetch has seen that gives no records. */
interface Seen {
  skipped: number;
  refused: number;
}

/**
 * Reads log files that a queue tells of. Each message becomes one batch for each log file in it, under the id that
 * listing the bucket would give it, and is deleted once these stand in the ledger; until then it is kept from others.
 */
export class S3SqsClient {
  private readonly objects: ToldObjects;

  constructor(private readonly options: S3SqsClientOptions) {
    this.objects = new ToldObjects(options.connectBucket);
  }

  /**
   * Reads what waits in the queue; where nothing does, waits for it once.
   * @returns a note where a message was of no known shape
   * @throws Permanent or Retryable with a remedy where the queue can't be read
   */
  async *fetch({ source, now, signal }: FetchRequest): AsyncGenerator<FetchedPage, FetchNote | null> {
    const queue = new Queue(this.options.connectQueue(source), source, this.options.visibilityS);
    const seen: Seen = { skipped: 0, refused: 0 };
    const deadline = performance.now() + FETCH_MS;
    let messages = await queue.receive(this.room(source), LONG_POLL_S, signal);
    while (messages.length > 0) {
      const held = new HeldMessages(queue, messages, this.options.log);
      try {
        yield* this.pages({ source, messages, held, now, signal }, seen);
      } finally {
        await held.release(signal.aborted);
      }
      if (performance.now() > deadline) break;
      messages = await this.receiveMany(queue, source, signal);
    }
    return this.note(source, seen);
  }

  /** Opens the bytes of an object that a message told of. @throws as S3BucketClient.open does */
  async open(source: Source, batch: Batch, signal: AbortSignal): Promise<Readable> {
    if (!batch.object) throw new Permanent('the batch names no object');
    return this.objects.open(source, batch.object, signal);
  }

  pollIntervalMs(): number {
    return AGAIN_MS;
  }

  /** What the messages tell, and at the end that they may go. */
  private *pages({ source, messages, held, now, signal }: Round, seen: Seen): Generator<FetchedPage, void> {
    const batches: NewBatch[] = [];
    for (const message of messages) {
      const told = messageBatches(source, message, now);
      for (const batch of told.batches) batches.push(batch);
      seen.skipped += told.skipped;
      seen.refused += told.refused ? 1 : 0;
    }
    let from = 0;
    for (; batches.length - from > BATCHES_A_PAGE; from += BATCHES_A_PAGE)
      yield { batches: batches.slice(from, from + BATCHES_A_PAGE) };
    yield { batches: batches.slice(from), kept: () => held.delete(signal) };
  }

  /** Asks several servers of the queue at once, for no more messages than may be in flight. */
  private async receiveMany(queue: Queue, source: Source, signal: AbortSignal): Promise<ReceivedMessage[]> {
    const room = this.room(source);
    const receivers = Math.min(RECEIVERS, Math.ceil(room / MESSAGES_A_CALL));
    const answers = await Promise.allSettled(
      Array.from({ length: receivers }, (_, index) =>
        queue.receive(Math.min(MESSAGES_A_CALL, room - index * MESSAGES_A_CALL), 0, signal),
      ),
    );
    const messages = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const failure = answers.find((answer) => answer.status === 'rejected');
    // What the others brought is worked on first; the next call fails again where it is no passing fault.
    if (failure && messages.length === 0) throw failure.reason;
    return messages;
  }

  private room(source: Source): number {
    return sqsConfigOf(source).maxInFlight;
  }

  private note(source: Source, { skipped, refused }: Seen): FetchNote | null {
    if (skipped > 0)
      this.options.log.debug({ sourceId: source._id, skipped }, 'notifications of no log file were skipped');
    if (refused === 0) return null;
    return {
      warning: `${refused} of the queue's messages were not understood, or not wholly; they are in quarantine`,
      remedy:
        'Look into the quarantine, and see that only notifications of S3 and CloudTrail go to this queue.',
    };
  }
}

interface Round {
  source: Source;
  messages: ReceivedMessage[];
  held: HeldMessages;
  now: Date;
  signal: AbortSignal;
}
