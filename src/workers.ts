import type { Core } from './core';
import { attemptDelivery } from './delivery/attempt';
import type { Commit } from './domain/commit';
import { messageOf } from './domain/errors';
import type { StoredEvent } from './domain/event';
import { createEnricher, type Enricher } from './enrichment/enricher';
import { AddressGuard, type Cidr } from './net/address-guard';
import { openKeys, openWebhook } from './opened-secrets';
import { BackfillRunner } from './pipeline/backfill-runner';
import { BatchRunner } from './pipeline/batch-runner';
import type { CrashHook } from './pipeline/crash-points';
import { Fetcher } from './pipeline/fetcher';
import { Folder } from './pipeline/folder';
import { DeliveryProof } from './pipeline/forward/delivery-proof';
import { Forwarder } from './pipeline/forward/forwarder';
import { ReplayRunner } from './pipeline/forward/replay-runner';
import { HeadWatch } from './pipeline/head-watch';
import { OperationalEvents } from './pipeline/operational-events';
import { RecentSlices } from './pipeline/recent-slices';
import { RollupFolder } from './pipeline/rollup-folder';
import { RollupRunner } from './pipeline/rollup-runner';
import { SourceWatch } from './pipeline/source-watch';
import { Sweeper } from './pipeline/sweeper';
import { WebhookWatch } from './pipeline/webhook-watch';
import { BATCHES_AT_A_TIME, FETCHES_AT_A_TIME, Worker } from './pipeline/worker';
import { makeSourceClients, type SourceClients } from './source-clients';
import { AwsClients } from './sources/aws/aws-clients';
import { DeliveredEvents } from './store/delivered-events';
import { DueDeliveries } from './store/due-deliveries';
import { ExhaustedDeliveryStore } from './store/exhausted-deliveries';
import { WebhookOutboxStore } from './store/webhook-outbox';
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
  const worker = makeWorker(core, {
    enricher,
    sourceClients: makeSourceClients(core, aws),
    webhooks,
    heads,
    recent: new RecentSlices(),
    crash: options.crash,
  });
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
  sourceClients: SourceClients;
  webhooks: WebhookAgent;
  heads: HeadWatch;
  /** What was committed here last, for the webhooks that are held here. */
  recent: RecentSlices;
  crash: CrashHook;
}

function makeWorker(core: Core, parts: WorkerParts): Worker {
  const { clients, ranges } = parts.sourceClients;
  const { crash } = parts;
  const { now, log, leaseMs } = core;
  return new Worker({
    batches: core.batches,
    sources: core.sources,
    backfills: core.backfills,
    backfiller: new BackfillRunner({ ...core.stores(), ranges, crash, log, leaseMs }),
    runner: makeRunner(core, parts),
    fetcher: new Fetcher({
      ...core.stores(),
      clients,
      hint: (ids) => core.hint('enrich', ids),
      now,
      crash,
      log,
      leaseMs,
    }),
    forwarder: makeForwarder(core, parts),
    sweeper: makeSweeper(core, crash),
    log,
    leaseMs,
  });
}

function makeRunner(core: Core, parts: WorkerParts): BatchRunner {
  const { enricher, sourceClients, heads, recent, crash } = parts;
  const { now, metrics, log, leaseMs } = core;
  return new BatchRunner({
    ...core.stores(),
    enricher,
    now,
    crash,
    metrics,
    log,
    leaseMs,
    openObject: sourceClients.openObject,
    onCommit: committer(core, heads, recent),
  });
}

function makeForwarder(core: Core, { webhooks, heads, recent, crash }: WorkerParts): Forwarder {
  const { now, metrics, log, leaseMs } = core;
  return new Forwarder({
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
  });
}

function makeSweeper(core: Core, crash: CrashHook): Sweeper {
  const { sources, sourceBatches, store, now, metrics, log } = core;
  return new Sweeper({
    ...core.stores(),
    folder: new Folder(core.commits, sources),
    watch: new SourceWatch({ sources, batches: sourceBatches, metrics, now, log }),
    webhookWatch: new WebhookWatch(new DueDeliveries(store.db), metrics),
    operations: new OperationalEvents({
      ...core.stores(),
      outbox: new WebhookOutboxStore(store.db),
      exhausted: new ExhaustedDeliveryStore(store.db),
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
