import type { SealedSecret } from './auth/secret-box';
import type { Core } from './core';
import { attemptDelivery } from './delivery/attempt';
import { parseWebhookSecret } from './delivery/signature';
import type { Commit } from './domain/commit';
import { messageOf, Permanent } from './domain/errors';
import type { StoredEvent } from './domain/event';
import type { Source, SourceKind } from './domain/source';
import type { Webhook } from './domain/webhook';
import { createEnricher, type Enricher } from './enrichment/enricher';
import { AddressGuard, type Cidr } from './net/address-guard';
import { BackfillRunner, type FetchRange } from './pipeline/backfill-runner';
import { BatchRunner } from './pipeline/batch-runner';
import type { CrashHook } from './pipeline/crash-points';
import { Fetcher } from './pipeline/fetcher';
import { Folder } from './pipeline/folder';
import { DeliveryProof } from './pipeline/forward/delivery-proof';
import { Forwarder } from './pipeline/forward/forwarder';
import { ReplayRunner } from './pipeline/forward/replay-runner';
import type { OpenedSecrets } from './pipeline/forward/sender';
import { HeadWatch } from './pipeline/head-watch';
import { OperationalEvents } from './pipeline/operational-events';
import { RecentSlices } from './pipeline/recent-slices';
import { RollupFolder } from './pipeline/rollup-folder';
import { RollupRunner } from './pipeline/rollup-runner';
import type { SourceClient } from './pipeline/source-client';
import { SourceWatch } from './pipeline/source-watch';
import { Sweeper } from './pipeline/sweeper';
import { WebhookWatch } from './pipeline/webhook-watch';
import { BATCHES_AT_A_TIME, FETCHES_AT_A_TIME, Worker } from './pipeline/worker';
import { AwsClients, type StaticKeys } from './sources/aws/aws-clients';
import { DemoClient } from './sources/demo/demo-client';
import { callerAccount } from './sources/lookup/caller-account';
import { LookupClient } from './sources/lookup/lookup-client';
import { LOOKUPS_PER_SECOND } from './sources/lookup/lookup-requests';
import { walkPlaces } from './sources/s3/places-walk';
import { S3BucketClient } from './sources/s3/s3-bucket-client';
import { S3SqsClient } from './sources/sqs/s3-sqs-client';
import { bucketPlace } from './sources/sqs/told-objects';
import { DeliveredEvents } from './store/delivered-events';
import { DueDeliveries } from './store/due-deliveries';
import { ExhaustedDeliveryStore } from './store/exhausted-deliveries';
import { WebhookOutboxStore } from './store/webhook-outbox';
import { TokenBucket } from './valkey/token-bucket';
import { makeWebhookAgent, type WebhookAgent } from './webhook-agent';

export interface WorkerOptions {
  /** Ports of ours that no webhook and no endpoint may reach. */
  ownPorts: number[];
  /** Opened beside what the settings open: loopback, where the servers are embedded. */
  allow: Cidr[];
  crash: CrashHook;
}

/** A worker and what it alone needs. */
export interface RunningWorker {
  stop(): Promise<void>;
}

const FORWARD_HINTS_AT_A_TIME = 8;
/** A worker that commits many slices tells of them once in this time. */
const HEAD_HINT_EVERY_MS = 50;

/** Starts a worker in this process. */
export async function startWorker(core: Core, options: WorkerOptions): Promise<RunningWorker> {
  const { settings, log } = core;
  const enricher = await createEnricher({
    ...(settings.GEOIP_CITY_DB ? { cityDb: settings.GEOIP_CITY_DB } : {}),
    ...(settings.GEOIP_ASN_DB ? { asnDb: settings.GEOIP_ASN_DB } : {}),
    log,
  });
  core.metrics.geoDatabases = () => {
    const [city, asn] = enricher.databases();
    return [
      { database: 'city', builtAt: city?.builtAt ?? null },
      { database: 'asn', builtAt: asn?.builtAt ?? null },
    ];
  };
  const guards = guardsOf(core, options);
  const aws = new AwsClients({ guard: guards.endpoints, openKeys: (source) => openKeys(core, source) });
  const webhooks = makeWebhookAgent(core, guards.webhooks);
  const heads = new HeadWatch(core.commits);
  const worker = makeWorker(core, { enricher, aws, webhooks, heads, crash: options.crash });
  core.startQueues({
    fetch: { concurrency: FETCHES_AT_A_TIME, handle: (id) => worker.onFetchHint(id) },
    enrich: { concurrency: BATCHES_AT_A_TIME, handle: (id) => worker.onBatchHint(id) },
    forward: { concurrency: FORWARD_HINTS_AT_A_TIME, handle: (id) => worker.onForwardHint(id) },
  });
  const replays = makeReplayRunner(core, options.crash);
  const rollups = makeRollupRunner(core, options.crash);
  worker.start();
  replays.start();
  rollups.start();
  return {
    stop: async () => {
      await Promise.all([worker.stop(), replays.stop(), rollups.stop()]);
      heads.close();
      aws.close();
      await webhooks.agent.close();
      await enricher.close();
    },
  };
}

/** Which addresses webhooks and sources' endpoints may lead to. */
export function guardsOf(
  core: Core,
  { ownPorts, allow }: Pick<WorkerOptions, 'ownPorts' | 'allow'>,
): { webhooks: AddressGuard; endpoints: AddressGuard } {
  const deny = ownPorts.map((port) => ({ address: '127.0.0.1', port }));
  return {
    webhooks: new AddressGuard({ allow: [...allow, ...core.settings.WEBHOOK_ALLOW_CIDRS], deny }),
    endpoints: new AddressGuard({ allow: [...allow, ...core.settings.AWS_ENDPOINT_ALLOW_CIDRS], deny }),
  };
}

interface WorkerParts {
  enricher: Enricher;
  aws: AwsClients;
  webhooks: WebhookAgent;
  heads: HeadWatch;
  crash: CrashHook;
}

function makeWorker(core: Core, { enricher, aws, webhooks, heads, crash }: WorkerParts): Worker {
  const { log, leaseMs, now, metrics } = core;
  const s3 = new S3BucketClient({
    connect: (source) => aws.s3(source),
    log,
    onSkipped: (reason, count) => metrics.skippedObjects(reason, count),
  });
  const sqs = new S3SqsClient({
    connectQueue: (source) => aws.sqs(source),
    connectBucket: (source, region) => aws.s3(source, bucketPlace(source, region)),
    visibilityS: Math.ceil((2 * leaseMs) / 1_000),
    log,
  });
  const clients: Partial<Record<Source['kind'], SourceClient>> = {
    LOOKUP_EVENTS: makeLookupClient(core, aws),
    S3_BUCKET: s3,
    S3_SQS: sqs,
    DEMO: new DemoClient(),
  };
  const recent = new RecentSlices();
  const runner = new BatchRunner({
    ...core.stores(),
    enricher,
    now,
    crash,
    metrics,
    log,
    leaseMs,
    openObject: async (batch, signal) => {
      const source = await core.sources.getAny(batch.sourceId);
      const open = source ? clients[source.kind]?.open : undefined;
      if (!source || !open) throw new Permanent('no source can open this object');
      return open.call(clients[source.kind], source, batch, signal);
    },
    onCommit: committer(core, heads, recent),
  });
  return new Worker({
    batches: core.batches,
    sources: core.sources,
    backfills: core.backfills,
    backfiller: new BackfillRunner({
      ...core.stores(),
      ranges: rangesOf(core, clients, s3),
      crash,
      log,
      leaseMs,
    }),
    runner,
    fetcher: new Fetcher({
      ...core.stores(),
      clients,
      hint: (ids) => core.hint('enrich', ids),
      now,
      crash,
      log,
      leaseMs,
    }),
    forwarder: new Forwarder({
      ...core.stores(),
      recent,
      open: (webhook) => openWebhook(core, webhook),
      attempt: (request, signal) => attemptDelivery(request, webhooks.agent, signal),
      closedForMs: webhooks.closedForMs,
      now,
      userAgent: `TrailGraph/${core.options.version}`,
      metrics,
      crash,
      newCommit: (n, ms, signal) => heads.beyond(n, ms, signal),
      log,
      leaseMs,
    }),
    sweeper: new Sweeper({
      ...core.stores(),
      folder: new Folder(core.commits, core.sources),
      watch: new SourceWatch({ sources: core.sources, batches: core.sourceBatches, metrics, now, log }),
      webhookWatch: new WebhookWatch(new DueDeliveries(core.store.db), metrics),
      operations: new OperationalEvents({
        ...core.stores(),
        outbox: new WebhookOutboxStore(core.store.db),
        exhausted: new ExhaustedDeliveryStore(core.store.db),
        hint: (id) => core.hint('forward', [id]),
        metrics,
        now,
        crash,
        log,
      }),
      proof: makeProof(core),
      hint: core.hint,
      metrics,
      log,
    }),
    log,
    leaseMs,
  });
}

function makeProof(core: Core): DeliveryProof {
  const { commits, events, webhooks, tallies, metrics, now, log } = core;
  const delivered = new DeliveredEvents(core.store.db);
  return new DeliveryProof({ commits, events, webhooks, tallies, delivered, metrics, now, log });
}

function makeReplayRunner(core: Core, crash: CrashHook): ReplayRunner {
  const { replays, deliveries, events, webhooks, now, log, leaseMs } = core;
  const hint = (id: string): Promise<void> => core.hint('forward', [id]);
  return new ReplayRunner({ replays, deliveries, events, webhooks, hint, now, crash, log, leaseMs });
}

function makeRollupRunner(core: Core, crash: CrashHook): RollupRunner {
  const { rollups, commits, facts, leases, settings, now, log } = core;
  const folder = new RollupFolder({ rollups, commits, facts, crash });
  return new RollupRunner({ rollups, folder, leases, retentionDays: settings.RETENTION_DAYS, now, log });
}

/** What can be walked for a backfill: what the clients walk, and the trails that queues have told of. */
function rangesOf(
  core: Core,
  clients: Partial<Record<SourceKind, SourceClient>>,
  s3: S3BucketClient,
): Partial<Record<SourceKind, FetchRange>> {
  const ranges: Partial<Record<SourceKind, FetchRange>> = {
    S3_SQS: async function* (request) {
      const places = await core.sourceBatches.trailPlaces(request.source._id);
      yield* walkPlaces(places, request, (within) => s3.fetchRange(within));
    },
  };
  for (const [kind, client] of Object.entries(clients) as [SourceKind, SourceClient][])
    if (client.fetchRange) ranges[kind] = client.fetchRange.bind(client);
  return ranges;
}

function makeLookupClient({ valkey, settings, now }: Core, aws: AwsClients): LookupClient {
  return new LookupClient({
    connect: (source, place) => aws.cloudTrail(source, place),
    account: (source, signal) => callerAccount(aws, source, signal),
    renew: (source) => aws.renew(source),
    rate: new TokenBucket({ valkey, prefix: settings.TRAILGRAPH_PREFIX, perSecond: LOOKUPS_PER_SECOND }),
    now,
  });
}

/** Tells of a commit: those who follow live, webhooks held here, and webhooks that nobody holds. */
function committer(
  core: Core,
  heads: HeadWatch,
  recent: RecentSlices,
): (commit: Commit, events: StoredEvent[] | null) => Promise<void> {
  let hinted = Number.NEGATIVE_INFINITY;
  return async (commit, events) => {
    if (events && !commit.silent) recent.put(commit._id, events);
    heads.notify(commit._id);
    try {
      await core.bus.publish({
        commit: { _id: commit._id, run: commit.run, ...(commit.silent ? { silent: true } : {}) },
        events: commit.silent ? null : events,
      });
    } catch (error) {
      core.log.debug(
        { n: commit._id, error: messageOf(error) },
        'a commit could not be published: followers read it from the store',
      );
    }
    if (performance.now() - hinted < HEAD_HINT_EVERY_MS) return;
    hinted = performance.now();
    void core.hint('forward', ['head']); // Not waited for: a queue that is away takes seconds to say so.
  };
}

/** The access keys of a source, unsealed. */
export function openKeys(core: Core, source: Source): StaticKeys | null {
  const sealed = source.aws?.staticKeys;
  if (!sealed) return null;
  const place = { collection: 'sources', id: source._id, field: 'aws.staticKeys' };
  return JSON.parse(core.box.open(sealed as SealedSecret, place).toString('utf8')) as StaticKeys;
}

function openWebhook(core: Core, webhook: Webhook): OpenedSecrets {
  const { _id: id, secret, oldSecrets, signingKey, headers } = webhook;
  const open = (sealed: object, field: string): Buffer =>
    core.box.open(sealed as SealedSecret, { collection: 'webhooks', id, field });
  const now = core.now();
  const signing = [secret, ...oldSecrets.filter(({ until }) => until > now).map((old) => old.secret)];
  return {
    secrets: signing.map((each) => parseWebhookSecret(open(each, 'secret').toString('utf8'))),
    signingKey: signingKey ? open(signingKey.privateKey, 'signingKey') : null,
    headers: Object.fromEntries(
      headers.map(({ name, value }) => [name, open(value, `headers.${name.toLowerCase()}`).toString('utf8')]),
    ),
  };
}
