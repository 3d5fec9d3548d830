import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';

/** Who keeps a lease and what it is about. */
export interface KeptLease {
  /** Extends the lease; false where it is lost. */
  renew: () => Promise<boolean>;
  leaseMs: number;
  log: Logger;
}

/**
 * Renews a lease while work goes on, three times per lease. `signal` aborts when it is lost: somebody else may be at
 * the same work, and every write of ours by the old token will be refused.
 */
export class LeaseKeeper {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private renewing = false;
  private lastRenewed = Date.now();
  /** Whether the database failed to answer a renewal: then losing the lease does not mean that we hung. */
  databaseFailed = false;

  constructor(private readonly lease: KeptLease) {
    this.timer = setInterval(() => void this.renew(), lease.leaseMs / 3);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async renew(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    try {
      if (await this.lease.renew()) this.lastRenewed = Date.now();
      else this.controller.abort(new Error('the lease is lost'));
    } catch (error) {
      this.databaseFailed = true;
      this.lease.log.warn({ error: messageOf(error) }, 'a lease could not be renewed');
      if (Date.now() - this.lastRenewed > this.lease.leaseMs)
        this.controller.abort(new Error('the lease has run out'));
    } finally {
      this.renewing = false;
    }
  }
}
