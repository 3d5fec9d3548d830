import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObject,
  Registry,
} from 'prom-client';
import type { WebhookChange } from '../domain/operational-event';
import type { Counters, HealthStatus, SourceKind } from '../domain/source';

/** What a worker process tells its parent of its metrics. */
export type MetricsSnapshot = MetricObject[];

/** A database of addresses in use; `builtAt` null where it does not say. */
export interface GeoDatabase {
  database: 'city' | 'asn';
  builtAt: Date | null;
}

/** Gauges whose names end as those of counters do; each repeats the sum of the gauge without the ending. */
const MISNAMED = ['active_resources', 'active_handles', 'active_requests'];
/** Of several processes the slowest counts: an average would hide it. */
const SLOWEST = /_eventloop_lag_(?!min)/;

/** All metrics of this process, prefix `trailgraph_`. No label grows with data: kinds, stages, outcomes only. */
export class Metrics {
  readonly registry = new Registry();
  private readonly snapshots = new Map<number, MetricsSnapshot>();

  private readonly events = {
    received: this.counter('events_received_total', 'Records read from sources.', ['kind']),
    stored: this.counter('events_stored_total', 'Events stored for the first time.', ['kind']),
    duplicates: this.counter('events_duplicate_total', 'Records that were stored already.', ['kind']),
    dropped: this.counter('events_dropped_total', "Records that matched their source's drop filter.", [
      'kind',
    ]),
    rejected: this.counter('events_rejected_total', 'Records that could not be kept.', ['kind']),
  };
  private readonly batchSeconds = new Histogram({
    name: 'trailgraph_batch_seconds',
    help: 'Time of batches by stage: queued (from the ledger to the first claim, not of backfills), enrich (from claim to settlement).',
    labelNames: ['stage'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600],
    registers: [this.registry],
  });
  private readonly attempts = this.counter(
    'webhook_attempts_total',
    'Webhook requests by what came of them.',
    ['outcome'],
  );
  private readonly deliverySeconds = new Histogram({
    name: 'trailgraph_webhook_delivery_seconds',
    help: 'Duration of webhook requests.',
    buckets: [0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 15],
    registers: [this.registry],
  });
  private readonly webhookChanges = this.counter(
    'webhook_state_changes_total',
    'What befell webhooks: disabled, breaker_opened, breaker_closed, delivery_exhausted.',
    ['change'],
  );
  private readonly proxyFailing = new Gauge({
    name: 'trailgraph_webhook_proxy_failing',
    help: 'Workers for which the proxy for webhooks fails.',
    registers: [this.registry],
  });
  private readonly hintsLost = this.counter(
    'queue_hints_lost_total',
    'Hints that could not be queued: MongoDB is asked instead.',
    [],
  );
  private readonly subscriptionCount = new Gauge({
    name: 'trailgraph_subscriptions',
    help: 'Live subscriptions open now.',
    registers: [this.registry],
  });
  private readonly slowClosed = this.counter(
    'subscription_closed_slow_total',
    'Sockets closed with 4413 as they did not read.',
    [],
  );
  private readonly gapEvents = new Gauge({
    name: 'trailgraph_webhook_delivery_gap_events',
    help: 'Events that matched a webhook and stand in none of its deliveries. Anything but 0 is a fault.',
    registers: [this.registry],
  });
  private readonly objectsSkipped = this.counter(
    's3_objects_skipped_total',
    'Objects that a listing met and left out, as they are no log files; at each listing anew.',
    ['reason'],
  );
  private readonly eventsSent = this.counter(
    'subscription_events_sent_total',
    'Events sent to subscribers of eventEnriched.',
    [],
  );
  private readonly eventsExecuted = this.counter(
    'subscription_executions_total',
    'Events executed for subscribers of eventEnriched: once for all that ask the same.',
    [],
  );
  private readonly deliveriesPending = new Gauge({
    name: 'trailgraph_webhook_pending',
    help: 'Deliveries that are neither delivered nor given up.',
    registers: [this.registry],
  });
  private readonly oldestDue = new Gauge({
    name: 'trailgraph_webhook_oldest_due_seconds',
    help: 'For how long the delivery that waits longest could have been sent, of the webhooks that are active.',
    registers: [this.registry],
  });
  private readonly requestSeconds = new Histogram({
    name: 'trailgraph_http_request_seconds',
    help: 'Time of HTTP requests by the part that answers and by class of status.',
    labelNames: ['area', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 5, 30],
    registers: [this.registry],
  });
  private readonly componentUp = new Gauge({
    name: 'trailgraph_component_up',
    help: 'Whether what this process rests on answers: 1 or 0.',
    labelNames: ['component'],
    registers: [this.registry],
    aggregator: 'min',
  });
  private readonly pending = new Gauge({
    name: 'trailgraph_batches_pending',
    help: 'Batches in the ledger that are not settled.',
    registers: [this.registry],
  });

  private readonly sourcesByHealth = new Gauge({
    name: 'trailgraph_sources',
    help: 'Active sources by health.',
    labelNames: ['health'],
    registers: [this.registry],
  });
  private readonly sourceLag = new Gauge({
    name: 'trailgraph_source_lag_seconds',
    help: 'Age of what the source that lags most has not settled, by kind of source.',
    labelNames: ['kind'],
    registers: [this.registry],
    aggregator: 'max',
  });

  /** Asked for the databases in use whenever somebody asks for their age. */
  geoDatabases: () => GeoDatabase[] = () => [];

  constructor(options: { process: boolean }) {
    this.tellGeoAges();
    if (!options.process) return;
    collectDefaultMetrics({ register: this.registry, prefix: 'trailgraph_' });
    for (const name of MISNAMED) this.registry.removeSingleMetric(`trailgraph_nodejs_${name}_total`);
  }

  /** @param area one of a few, as is the class of the status ("2xx"): both are labels */
  answered(area: string, status: string, seconds: number): void {
    this.requestSeconds.observe({ area, status }, seconds);
  }

  /** @param component one of a few: it is a label */
  component(component: string, up: boolean): void {
    this.componentUp.set({ component }, up ? 1 : 0);
  }

  /** What waits to be sent; zeros where this process does not watch it any more. */
  deliveries(pending: number, oldestDueSeconds: number): void {
    this.deliveriesPending.set(pending);
    this.oldestDue.set(oldestDueSeconds);
  }

  committed(kind: SourceKind, counts: Counters): void {
    for (const field of Object.keys(this.events) as (keyof Counters)[]) {
      if (counts[field] > 0) this.events[field].inc({ kind }, counts[field]);
    }
  }

  batchStage(stage: 'queued' | 'enrich', seconds: number): void {
    this.batchSeconds.observe({ stage }, seconds);
  }

  attempted(outcome: string, seconds: number): void {
    this.attempts.inc({ outcome });
    this.deliverySeconds.observe(seconds);
  }

  webhookChanged(change: WebhookChange): void {
    this.webhookChanges.inc({ change });
  }

  proxy(failing: boolean): void {
    this.proxyFailing.set(failing ? 1 : 0);
  }

  lostHints(count: number): void {
    this.hintsLost.inc(count);
  }

  subscribed(delta: 1 | -1): void {
    this.subscriptionCount.inc(delta);
  }

  /** An event was sent to a subscriber of eventEnriched. */
  eventSent(): void {
    this.eventsSent.inc();
  }

  /** An event was executed for subscribers of eventEnriched, once for all that ask the same. */
  eventExecuted(): void {
    this.eventsExecuted.inc();
  }

  closedSlow(): void {
    this.slowClosed.inc();
  }

  /** @param reason one of a few: it is a label */
  skippedObjects(reason: string, count: number): void {
    this.objectsSkipped.inc({ reason }, count);
  }

  deliveryGap(events: number): void {
    this.gapEvents.set(events);
  }

  batchesPending(count: number): void {
    this.pending.set(count);
  }

  /** Replaces what was told of the sources; empty where this process does not watch them any more. */
  sources(healths: Map<HealthStatus, number>, lagSeconds: Map<SourceKind, number>): void {
    this.sourcesByHealth.reset();
    this.sourceLag.reset();
    for (const [health, count] of healths) this.sourcesByHealth.set({ health }, count);
    for (const [kind, seconds] of lagSeconds) this.sourceLag.set({ kind }, seconds);
  }

  async snapshot(): Promise<MetricsSnapshot> {
    const all = (await this.registry.getMetricsAsJSON()) as MetricsSnapshot;
    return all.map((metric) => (SLOWEST.test(metric.name) ? { ...metric, aggregator: 'max' } : metric));
  }

  /** Takes what a worker process told; it stands until the next one, or until `forget`. */
  accept(worker: number, snapshot: MetricsSnapshot): void {
    this.snapshots.set(worker, snapshot);
  }

  forget(worker: number): void {
    this.snapshots.delete(worker);
  }

  /** The text of /metrics: this process and its workers as one. */
  async text(): Promise<string> {
    const all = [await this.snapshot(), ...this.snapshots.values()];
    return AggregatorRegistry.aggregate(all as unknown as object[]).metrics();
  }

  private tellGeoAges(): void {
    const databases = (): GeoDatabase[] => this.geoDatabases();
    new Gauge({
      name: 'trailgraph_geo_database_age_seconds',
      help: 'Age of the databases of addresses in use.',
      labelNames: ['database'],
      registers: [this.registry],
      aggregator: 'max',
      collect() {
        for (const { database, builtAt } of databases())
          if (builtAt) this.set({ database }, (Date.now() - builtAt.getTime()) / 1_000);
      },
    });
  }

  private counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `trailgraph_${name}`, help, labelNames, registers: [this.registry] });
  }
}
