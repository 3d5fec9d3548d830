import { setMaxListeners } from 'node:events';
import type { FetchedPage, FetchNote, FetchRequest, RangePage, RangeRequest } from '../../domain/fetched';
import type { Source } from '../../domain/source';
import { roundRobin } from '../s3/round-robin';
import { lookupConfigOf, placesOf } from './lookup-config';
import { type LookupPlace, LookupRequests, type LookupRequestsOptions, partitionOf } from './lookup-requests';
import { Outcomes } from './outcomes';
import { type FetchContext, PartitionRounds } from './partition-rounds';
import { type LookupTimings, TIMINGS } from './partition-state';
import { walkRange } from './range-walk';
import { Rounds } from './rounds';
import { SeenEvents } from './seen-events';

export interface LookupClientOptions extends LookupRequestsOptions {
  /** The account of a source's credentials. */
  account: (source: Source, signal: AbortSignal) => Promise<string>;
  /** The credentials at hand are refused: has them asked for anew at the next call. */
  renew: (source: Source) => void;
  now: () => Date;
  timings?: Partial<LookupTimings>;
}

/** Accounts and Regions that are asked at a time. With more, they take turns and go round once a fetch. */
const WIDTH = 64;

/**
 * Reads CloudTrail by LookupEvents: management and Insights events, in every Region. Each account and Region is a
 * partition with a state of its own; each page becomes a batch of its records, without those that this process has
 * read before.
 */
export class LookupClient {
  private readonly requests: LookupRequests;
  private readonly seen = new SeenEvents();
  private readonly timings: LookupTimings;

  constructor(private readonly options: LookupClientOptions) {
    this.requests = new LookupRequests(options);
    this.timings = { ...TIMINGS, ...options.timings };
  }

  /**
   * Asks every account and Region for what is new and what came late.
   * @returns a note naming the Regions that could not be read
   * @throws Permanent or Retryable with a remedy where none could
   */
  async *fetch(request: FetchRequest): AsyncGenerator<FetchedPage, FetchNote | null> {
    const { source } = request;
    const outcomes = new Outcomes();
    // Ends what is under way when the fetch is left.
    const stop = new AbortController();
    const signal = manyListen(AbortSignal.any([request.signal, stop.signal]));
    try {
      const places = await this.places(source, signal);
      const { timings, seen, requests } = this;
      const { now } = this.options;
      const context: FetchContext = {
        ...{ request, requests, seen, outcomes, timings, now, signal },
        rounds: new Rounds(places.map(partitionOf)),
        again: places.length <= WIDTH,
        until: now().getTime() + timings.fetchMs,
      };
      const walks = places.map((place) => new PartitionRounds(context, place).pages());
      yield* roundRobin(walks, WIDTH);
      for (const checkpoint of outcomes.switchedOff()) yield { batches: [], checkpoint };
      if (outcomes.anyAccessFault) this.options.renew(source);
      return outcomes.note();
    } finally {
      stop.abort();
    }
  }

  /**
   * Walks a stretch of the last 90 days from its oldest day on.
   * @throws Permanent where the stretch begins earlier; Permanent or Retryable with a remedy where a Region fails
   */
  async *fetchRange(request: RangeRequest): AsyncGenerator<RangePage, void> {
    const stop = new AbortController();
    const signal = manyListen(AbortSignal.any([request.signal, stop.signal]));
    try {
      const places = await this.places(request.source, signal);
      yield* walkRange({ request, places, requests: this.requests, now: this.options.now, signal });
    } catch (error) {
      signal.throwIfAborted();
      this.options.renew(request.source);
      throw error;
    } finally {
      stop.abort();
    }
  }

  pollIntervalMs(source: Source): number {
    return lookupConfigOf(source).pollIntervalSeconds * 1_000;
  }

  private async places(source: Source, signal: AbortSignal): Promise<LookupPlace[]> {
    try {
      return await placesOf(source, () => this.options.account(source, signal));
    } catch (error) {
      signal.throwIfAborted();
      this.options.renew(source);
      throw error;
    }
  }
}

/** Each Region that waits listens: more than Node takes for a leak. */
function manyListen(signal: AbortSignal): AbortSignal {
  setMaxListeners(4 * WIDTH, signal);
  return signal;
}
