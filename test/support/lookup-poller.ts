import { gunzipSync } from 'node:zlib';
import type { NewBatch } from '../../src/domain/batch';
import type { FetchNote, RangePage } from '../../src/domain/fetched';
import type { LookupEventsConfig, Source } from '../../src/domain/source';
import { AddressGuard, parseCidrs } from '../../src/net/address-guard';
import { AwsClients, type StaticKeys } from '../../src/sources/aws/aws-clients';
import { callerAccount } from '../../src/sources/lookup/caller-account';
import { LookupClient } from '../../src/sources/lookup/lookup-client';
import type { RateKeeper } from '../../src/sources/lookup/lookup-requests';
import type { LookupTimings } from '../../src/sources/lookup/partition-state';
import { LOOKUP_ACCOUNT, LOOKUP_KEYS, type LookupServer, type TrailRecord } from './lookup-server';
import { sourceOf } from './source-of';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** A moment to begin at; recent, as requests are signed with real time but ask for these. */
export const NOON = Date.parse('2026-03-05T12:00:00Z');

export const NO_LIMIT: RateKeeper = {
  take: async (_key, _urgency, signal) => signal.throwIfAborted(),
  hold: async () => undefined,
};

export interface PollerOptions {
  config?: Partial<LookupEventsConfig>;
  region?: string;
  roleArn?: string;
  /** Asked for whenever a client is made. */
  keys?: () => StaticKeys;
  timings?: Partial<LookupTimings>;
  rate?: RateKeeper;
}

export interface Polled {
  batches: NewBatch[];
  /** eventIDs of all batches, in order. */
  ids: string[];
  note: FetchNote | null;
}

/** A LOOKUP_EVENTS source with what the pipeline keeps for it, and a clock of the test's. */
export class LookupPoller {
  readonly source: Source;
  /** What the ledger knows. */
  readonly known = new Map<string, NewBatch>();
  readonly checkpoints = new Map<string, Record<string, unknown>>();
  /** Batches that are told to be unsettled. */
  unsettled = 0;
  private readonly client: LookupClient;
  private readonly aws: AwsClients;
  private at = NOON;

  constructor(server: LookupServer, options: PollerOptions = {}, before?: LookupPoller) {
    this.source = lookupSource(server, options);
    const openKeys = options.keys ?? (() => LOOKUP_KEYS);
    this.aws = new AwsClients({
      guard: new AddressGuard({ allow: parseCidrs('127.0.0.0/8') }),
      openKeys: (source) => openKeysOf(source, openKeys),
    });
    const { aws } = this;
    this.client = new LookupClient({
      connect: (source, { accountId, ...place }) =>
        accountId ? aws.cloudTrail({ ...assumed(source, accountId) }, place) : aws.cloudTrail(source, place),
      account: (source, signal) => callerAccount(aws, source, signal),
      renew: (source) => aws.renew(source),
      rate: options.rate ?? NO_LIMIT,
      backoff: { baseMs: 1, maxMs: 4 },
      now: () => new Date(this.at),
      timings: options.timings ?? {},
    });
    if (before) {
      // Another worker: it has the database, and none of the memory.
      this.known = before.known;
      this.checkpoints = before.checkpoints;
    }
  }

  close(): void {
    this.aws.close();
  }

  /** Moves the clock, which the server may share. */
  set now(ms: number) {
    this.at = ms;
  }

  get now(): number {
    return this.at;
  }

  /** One fetch, or its first pages; the batches are those that the ledger did not know. */
  async poll({
    pages = Number.POSITIVE_INFINITY,
    signal = new AbortController().signal,
  } = {}): Promise<Polled> {
    const fetch = this.client.fetch({
      source: this.source,
      checkpoint: async (partition) => this.checkpoints.get(partition) ?? null,
      unsettled: async () => this.unsettled,
      now: new Date(this.at),
      signal,
    });
    const batches: NewBatch[] = [];
    for (let n = 0; n < pages; n++) {
      const page = await fetch.next();
      if (page.done) return { batches, ids: idsIn(batches), note: page.value };
      const fresh = page.value.batches.filter(({ _id }) => !this.known.has(_id));
      for (const batch of fresh) this.known.set(batch._id, batch);
      batches.push(...fresh);
      const { checkpoint } = page.value;
      if (checkpoint) this.checkpoints.set(checkpoint.partition, structuredClone(checkpoint.cursor));
      await page.value.kept?.();
    }
    await fetch.return(null);
    return { batches, ids: idsIn(batches), note: null };
  }

  /** Walks a range, or its first pages from a position on. */
  async range(
    from: number,
    to: number,
    {
      position = null,
      pages = Number.POSITIVE_INFINITY,
    }: { position?: RangePage['position'] | null; pages?: number } = {},
  ): Promise<{ ids: string[]; pages: RangePage[] }> {
    const walked: RangePage[] = [];
    const walk = this.client.fetchRange({
      ...{ source: this.source, position, from: new Date(from), to: new Date(to) },
      signal: new AbortController().signal,
    });
    for await (const page of walk) {
      walked.push(structuredClone(page));
      if (walked.length >= pages) break;
    }
    return { ids: walked.flatMap(({ batches }) => idsIn(batches)), pages: walked };
  }
}

/** The records of a batch. */
export function recordsIn(batch: NewBatch): TrailRecord[] {
  const text = gunzipSync(batch.payload!).toString('utf8');
  return (JSON.parse(text) as { Records: TrailRecord[] }).Records;
}

export function idsIn(batches: NewBatch[]): string[] {
  return batches.flatMap(recordsIn).map(({ eventID }) => eventID);
}

let made = 0;

/** Records of their own ids, at the given times. */
export function recordsAt(times: number[], region = 'us-east-1'): TrailRecord[] {
  return times.map((time) => {
    const eventID = `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`;
    return {
      eventVersion: '1.11',
      eventID,
      eventTime: new Date(time).toISOString().replace('.000Z', 'Z'),
      eventSource: 'ec2.amazonaws.com',
      eventName: 'DescribeInstances',
      awsRegion: region,
      sourceIPAddress: '198.51.100.7',
      eventType: 'AwsApiCall',
      eventCategory: 'Management',
      readOnly: true,
      recipientAccountId: LOOKUP_ACCOUNT,
      userIdentity: { type: 'IAMUser', userName: 'reader', accountId: LOOKUP_ACCOUNT },
    };
  });
}

export const idsOfAll = (records: TrailRecord[]): string[] => records.map(({ eventID }) => eventID);

/** So many times, a step apart, the last one at `end`. */
export function timesUpTo(end: number, count: number, stepMs: number): number[] {
  return Array.from({ length: count }, (_, index) => end - (count - 1 - index) * stepMs);
}

function lookupSource(server: LookupServer, { config, region, roleArn }: PollerOptions): Source {
  const lookupEvents = {
    regions: ['us-east-1'],
    accountIds: [],
    pollIntervalSeconds: 60,
    overlapSeconds: 3_600,
    ...config,
  };
  return sourceOf(
    { name: 'lookups', kind: 'LOOKUP_EVENTS', lookupEvents },
    { region: region ?? null, roleArn: roleArn ?? null, externalId: 'x', endpointUrl: server.endpoint },
  );
}

/** The source as the role in an account sees it: with a key of that account. */
function assumed(source: Source, accountId: string): Source {
  return { ...source, _id: `${source._id}/${accountId}`, aws: { ...source.aws!, roleArn: null } };
}

function openKeysOf(source: Source, openKeys: () => StaticKeys): StaticKeys {
  const [, accountId] = source._id.split('/');
  return accountId ? { ...LOOKUP_KEYS, accessKeyId: `AKIAROLE${accountId}` } : openKeys();
}
