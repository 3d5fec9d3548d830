import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type CloudTrailClient, type Event, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { backoffMs } from '../../domain/backoff';
import { Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import type { Urgency } from '../../valkey/local-buckets';
import { callWithin } from '../aws/call-deadline';
import type { CallPlace } from '../aws/call-place';
import { isThrottled, lookupFault } from './lookup-fault';

/** An account and Region, in which LookupEvents is asked. */
export interface LookupPlace {
  source: Source;
  region: string;
  accountId: string;
  /** Whether the account's role is assumed, by `{accountId}` in roleArn. */
  assumed: boolean;
  /** Of a Region that the account may not have switched on. */
  optIn: boolean;
}

/** The part of the source, by which its checkpoint and its batches are named. */
export function partitionOf({ accountId, region }: Pick<LookupPlace, 'accountId' | 'region'>): string {
  return `${accountId}/${region}`;
}

/** What LookupEvents is asked for; every page of it with the same. Both ends inclusive, whole seconds. */
export interface LookupWindow {
  start: number;
  end: number;
  insight: boolean;
}

/** An event as it was looked up. */
export interface LookedUp {
  /** Its eventID; a hash of the text where it has none. */
  id: string;
  /** When it happened, ms since the epoch; null where AWS does not say. */
  time: number | null;
  /** The record, one JSON object, exactly as AWS gave it. What is none stands in the text as AWS's answer had it. */
  text: string;
}

/** A page of LookupEvents, with the token of the next one; null at the end. */
export interface LookupPage {
  /** Newest first. */
  events: LookedUp[];
  nextToken: string | null;
}

/** Holds the rate of a key; both return soon, or when the rate allows. */
export interface RateKeeper {
  take(key: string, urgency: Urgency, signal: AbortSignal): Promise<void>;
  hold(key: string, ms: number): Promise<void>;
}

export interface LookupRequestsOptions {
  /** The client for a place; whoever gives it closes it. It must not retry by itself, past the rate. */
  connect: (source: Source, place: CallPlace) => CloudTrailClient | Promise<CloudTrailClient>;
  rate: RateKeeper;
  backoff?: { baseMs: number; maxMs: number };
}

/** What AWS lets an account ask in each Region; it can't be raised. */
export const LOOKUPS_PER_SECOND = 2;

/** AWS gives at most so many a page. */
const PAGE = 50;
/** Answers of 35 s were seen. */
const CALL_MS = 60_000;
const BACKOFF = { baseMs: 500, maxMs: 8_000 };
/** About half a minute of backing off. */
const MAX_THROTTLES = 8;
/** Other failures that may pass are tried so often. */
const MAX_TRIES = 3;
const MAX_TOKEN = 16_384;

/** AWS throttled every try of a request. */
export class Throttled extends Error {
  override name = 'Throttled';
}

/** Asks LookupEvents for pages, within the rate of the account and Region. */
export class LookupRequests {
  constructor(private readonly options: LookupRequestsOptions) {}

  /** @throws Throttled, or what the SDK throws after the tries that it is worth */
  async page(
    place: LookupPlace,
    window: LookupWindow,
    { token, urgency, signal }: { token: string | null; urgency: Urgency; signal: AbortSignal },
  ): Promise<LookupPage> {
    const { rate, backoff = BACKOFF } = this.options;
    const key = rateKey(place);
    let throttles = 0;
    for (let tries = 1; ; ) {
      await rate.take(key, urgency, signal);
      try {
        return await this.ask(place, window, token, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isThrottled(error)) {
          if (++throttles > MAX_THROTTLES) throw new Throttled('throttled at every try', { cause: error });
          await rate.hold(key, backoffMs(throttles, backoff, Math.random));
          continue;
        }
        const { kind } = lookupFault(error, place.source);
        if (tries++ >= MAX_TRIES || (kind !== 'network' && kind !== 'busy')) throw error;
        await delay(backoffMs(tries, backoff, Math.random), undefined, { signal });
      }
    }
  }

  private async ask(
    { source, region, accountId, assumed }: LookupPlace,
    { start, end, insight }: LookupWindow,
    token: string | null,
    signal: AbortSignal,
  ): Promise<LookupPage> {
    const client = await this.options.connect(source, { region, ...(assumed ? { accountId } : {}) });
    const command = new LookupEventsCommand({
      StartTime: new Date(start),
      EndTime: new Date(end),
      MaxResults: PAGE,
      ...(insight ? { EventCategory: 'insight' } : {}),
      ...(token === null ? {} : { NextToken: token }),
    });
    const answer = await callWithin(CALL_MS, signal, (abortSignal) => client.send(command, { abortSignal }));
    const nextToken = answer.NextToken || null;
    if (nextToken !== null && (nextToken === token || nextToken.length > MAX_TOKEN))
      throw new Retryable(`LookupEvents in ${region} gave a NextToken that leads nowhere`);
    return { events: (answer.Events ?? []).map(lookedUp), nextToken };
  }
}

/** The rate is the account's, whichever source asks; a server that plays AWS counts for itself. */
function rateKey({ source, accountId, region }: LookupPlace): string {
  const own = source.aws?.endpointUrl;
  return `lookup:${own ? `${new URL(own).host}:` : ''}${accountId}/${region}`;
}

/** An event whose record can't be read stands for itself: it has no eventTime, and so goes to quarantine as it came. */
function lookedUp(event: Event): LookedUp {
  const text =
    event.CloudTrailEvent !== undefined && isObject(event.CloudTrailEvent)
      ? event.CloudTrailEvent
      : JSON.stringify(event);
  const id = event.EventId || createHash('sha256').update(text).digest('hex');
  return { id, time: event.EventTime?.getTime() ?? null, text };
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
