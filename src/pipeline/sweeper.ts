import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { BackfillStore } from '../store/backfills';
import type { BatchStore } from '../store/batches';
import type { CommitStore } from '../store/commits';
import type { LeaseStore } from '../store/leases';
import type { SourceStore } from '../store/sources';
import type { WebhookLeases } from '../store/webhook-leases';
import type { Folder } from './folder';
import type { DeliveryProof } from './forward/delivery-proof';
import type { OperationalEvents } from './operational-events';
import type { SourceWatch } from './source-watch';
import type { WebhookWatch } from './webhook-watch';

export interface SweeperParts {
  leases: LeaseStore;
  batches: BatchStore;
  sources: SourceStore;
  backfills: BackfillStore;
  webhookLeases: WebhookLeases;
  commits: CommitStore;
  folder: Folder;
  watch: SourceWatch;
  webhookWatch: WebhookWatch;
  operations: OperationalEvents;
  proof: DeliveryProof;
  hint: (queue: 'fetch' | 'enrich' | 'forward', ids: string[]) => Promise<void>;
  metrics: Metrics;
  log: Logger;
}

const LEASE_MS = 10_000;
const HINTS_A_PASS = 200;
const HINT_WEBHOOKS = { proven: HINTS_A_PASS / 2, untried: HINTS_A_PASS / 4, failing: HINTS_A_PASS / 4 };
/** Nothing is hinted twice within this. */
const HINT_AGAIN_MS = 10_000;

/**
 * What one process does for all: hints again what is due, folds the commits into the counters, looks after the
 * sources, proves the deliveries.
 */
export class Sweeper {
  private readonly hinted = new Map<string, number>();
  private holds = false;

  constructor(private readonly parts: SweeperParts) {}

  /** One pass, if this process holds the lease. */
  async pass(): Promise<void> {
    const {
      leases,
      batches,
      sources,
      backfills,
      webhookLeases,
      commits,
      folder,
      watch,
      webhookWatch,
      operations,
      proof,
      metrics,
    } = this.parts;
    const held = this.holds;
    this.holds = await leases.hold('sweeper', LEASE_MS);
    if (held && !this.holds) {
      watch.rest();
      webhookWatch.rest();
      metrics.batchesPending(0);
      proof.rest();
    }
    if (!this.holds) return;
    while (await folder.fold());
    this.forget();
    // Those of backfills are found by asking: in the queue they would stand before live ones.
    await this.hint('enrich', await batches.dueIds(HINTS_A_PASS, 'live'));
    await this.hint('fetch', await sources.dueIds(HINTS_A_PASS));
    await this.hint('fetch', await backfills.dueIds(HINTS_A_PASS));
    await this.hint('forward', await webhookLeases.dueIds(await commits.head(), HINT_WEBHOOKS));
    metrics.batchesPending(await batches.pendingCount());
    await operations.pass();
    await watch.pass();
    await webhookWatch.pass();
    await proof.pass();
  }

  async stop(): Promise<void> {
    await this.parts.leases.release('sweeper');
  }

  private async hint(queue: 'fetch' | 'enrich' | 'forward', ids: string[]): Promise<void> {
    const now = performance.now();
    const fresh = ids.filter(
      (id) => (this.hinted.get(`${queue}:${id}`) ?? Number.NEGATIVE_INFINITY) + HINT_AGAIN_MS < now,
    );
    for (const id of fresh) this.hinted.set(`${queue}:${id}`, now);
    await this.parts.hint(queue, fresh);
  }

  private forget(): void {
    const old = performance.now() - HINT_AGAIN_MS;
    for (const [key, at] of this.hinted) if (at < old) this.hinted.delete(key);
  }
}
