import type { Redis } from 'ioredis';
import { SecretBox } from './auth/secret-box';
import type { Settings } from './config/settings';
import { DIRECT_SOURCE_ID, type HttpPushConfig } from './domain/source';
import { CommitBus } from './live/bus';
import type { Logger } from './observe/logger';
import { Metrics } from './observe/metrics';
import { HintQueue } from './pipeline/hint-queue';
import { prepareStore } from './prepare-store';
import { ApiKeyStore } from './store/api-keys';
import { AuditStore } from './store/audit';
import { BackfillStore } from './store/backfills';
import { BatchStore } from './store/batches';
import { CheckpointStore } from './store/checkpoints';
import { StoreClock } from './store/clock';
import { CommitStore } from './store/commits';
import { connectStore, type StoreConnection } from './store/connection';
import { DeliveryStore } from './store/deliveries';
import { EventScan } from './store/event-scan';
import { EventStore } from './store/events';
import { FactStore } from './store/facts';
import { LeaseStore } from './store/leases';
import { ProxyReports } from './store/proxy-reports';
import { QuarantineStore } from './store/quarantine';
import { explained } from './store/refusal';
import { ReplayStore } from './store/replays';
import { RollupStore } from './store/rollups';
import { SessionStore } from './store/sessions';
import { SigningKeyStore } from './store/signing-keys';
import { SourceBatches } from './store/source-batches';
import { SourceStore } from './store/sources';
import { TallyStore } from './store/tallies';
import { UserStore } from './store/users';
import { WebhookLeases } from './store/webhook-leases';
import { WebhookStore } from './store/webhooks';
import { connectValkey, requireSingleServer } from './valkey/connect';
import { type ValkeyPlace, valkeyAddress } from './valkey/place';
import { onRefusal } from './valkey/refusal';
import { type MasterFinder, masterFinder } from './valkey/sentinel';

/** What a process is started with, whatever its role. */
export interface CoreOptions {
  settings: Settings;
  mongodbUri: string;
  valkey: ValkeyPlace;
  masterKey: Buffer;
  /** Still opens what was sealed under it, while secrets are rewrapped. */
  previousKey: Buffer | null;
  version: string;
  log: Logger;
}

export type QueueName = 'fetch' | 'enrich' | 'forward';

/** Where hints are taken, in a process that works. */
export type HintHandlers = Record<QueueName, { concurrency: number; handle: (id: string) => Promise<void> }>;

/** What every role needs: the stores, the clock, the bus, the queues. The owner closes it. */
export class Core {
  readonly metrics = new Metrics({ process: true });
  readonly box: SecretBox;
  readonly sources: SourceStore;
  readonly batches: BatchStore;
  readonly sourceBatches: SourceBatches;
  readonly backfills: BackfillStore;
  readonly events: EventStore;
  readonly commits: CommitStore;
  readonly facts: FactStore;
  readonly rollups: RollupStore;
  readonly scan: EventScan;
  readonly quarantine: QuarantineStore;
  readonly checkpoints: CheckpointStore;
  readonly webhooks: WebhookStore;
  readonly webhookLeases: WebhookLeases;
  readonly deliveries: DeliveryStore;
  readonly tallies: TallyStore;
  readonly replays: ReplayStore;
  readonly leases: LeaseStore;
  readonly proxyReports: ProxyReports;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly signingKeys: SigningKeyStore;
  readonly apiKeys: ApiKeyStore;
  readonly auditEntries: AuditStore;
  readonly valkey: Redis;
  readonly bus: CommitBus;
  private readonly queues = new Map<QueueName, HintQueue>();
  private readonly master: MasterFinder | null;

  private constructor(
    readonly options: CoreOptions,
    readonly store: StoreConnection,
    readonly clock: StoreClock,
  ) {
    const { connection, db } = store;
    this.box = new SecretBox(options.masterKey, options.previousKey);
    this.sources = new SourceStore(connection, db, clock);
    this.batches = new BatchStore(db, clock);
    this.sourceBatches = new SourceBatches(db);
    this.backfills = new BackfillStore(db, clock);
    this.events = new EventStore(db);
    this.commits = new CommitStore(db, clock);
    this.facts = new FactStore(db);
    this.rollups = new RollupStore(db);
    this.scan = new EventScan(db);
    this.quarantine = new QuarantineStore(db);
    this.checkpoints = new CheckpointStore(db);
    this.webhooks = new WebhookStore(connection, db, clock);
    this.webhookLeases = new WebhookLeases(db, clock);
    this.deliveries = new DeliveryStore(db, clock);
    this.tallies = new TallyStore(db);
    this.replays = new ReplayStore(db, clock);
    this.leases = new LeaseStore(db);
    this.proxyReports = new ProxyReports(db);
    this.users = new UserStore(connection, db);
    this.sessions = new SessionStore(db);
    this.signingKeys = new SigningKeyStore(db);
    this.apiKeys = new ApiKeyStore(db);
    this.auditEntries = new AuditStore(db);
    this.master = masterFinder(options.valkey);
    this.valkey = connectValkey(options.valkey, 'main');
    this.bus = new CommitBus(
      this.valkey,
      connectValkey(options.valkey, 'bus'),
      options.settings.TRAILGRAPH_PREFIX,
    );
  }

  /**
   * Connects, migrates, and makes the indexes and what is built in.
   * @throws Unavailable where MongoDB does not answer, Conflict where a newer version has used it, Invalid where its
   *   secrets were sealed with another master key or Valkey is one that can't serve us
   */
  static async open(options: CoreOptions): Promise<Core> {
    const store = await connectStore(options.mongodbUri);
    try {
      await prepareStore(store.db, options);
      const core = new Core(options, store, await StoreClock.open(store.db));
      onRefusal(core.valkey, (refusal) =>
        options.log.error({ error: refusal }, 'Valkey is of no use; MongoDB is asked instead'),
      );
      await requireSingleServer(core.valkey).catch(async (error: unknown) => {
        await core.close();
        throw error;
      });
      return core;
    } catch (error) {
      await store.close();
      throw explained(error);
    }
  }

  readonly now = (): Date => this.clock.now();

  /** The stores by name, for parts that take several. */
  stores() {
    const { sources, batches, sourceBatches, backfills, events, commits, quarantine } = this;
    const { checkpoints, webhooks, webhookLeases, deliveries, leases } = this;
    return {
      sources,
      batches,
      sourceBatches,
      backfills,
      events,
      commits,
      quarantine,
      checkpoints,
      webhooks,
      webhookLeases,
      deliveries,
      leases,
    };
  }

  get log(): Logger {
    return this.options.log;
  }

  get settings(): Settings {
    return this.options.settings;
  }

  get leaseMs(): number {
    return this.settings.TRAILGRAPH_LEASE_SECONDS * 1_000;
  }

  /** Starts the queues: with handlers in a process that works, without in one that only gives hints. */
  startQueues(handlers: HintHandlers | null): void {
    const { master } = this;
    const { valkey } = this.options;
    for (const name of ['fetch', 'enrich', 'forward'] as const) {
      const worker = handlers?.[name];
      const queue = new HintQueue({
        name,
        prefix: this.settings.TRAILGRAPH_PREFIX,
        address: { ...valkeyAddress(valkey.url), tls: valkey.tls },
        ...(master ? { locate: () => master.find() } : {}),
        ...(worker ? { worker } : {}),
        onLost: (count) => this.metrics.lostHints(count),
        log: this.log,
      });
      this.queues.set(name, queue);
      queue.start();
    }
  }

  readonly hint = async (name: QueueName, ids: string[]): Promise<void> => {
    await this.queues.get(name)?.give(ids);
  };

  /** Makes the source that records count on when nobody names one. */
  async ensureDirectSource(token: HttpPushConfig): Promise<void> {
    if (await this.sources.getAny(DIRECT_SOURCE_ID)) return;
    await this.sources
      .create({
        _id: DIRECT_SOURCE_ID,
        name: 'direct',
        kind: 'HTTP_PUSH',
        httpPush: token,
      })
      .catch(async (error: unknown) => {
        if (!(await this.sources.getAny(DIRECT_SOURCE_ID))) throw error; // Another process made it meanwhile.
      });
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
    await this.bus.close();
    this.clock.close();
    await this.store.close();
  }
}
