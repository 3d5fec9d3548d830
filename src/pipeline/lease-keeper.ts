import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';

/** Who keeps a lease and what it is about. */
export interface KeptLease {
  /** Extends the lease; false where it is lost. */
  renew: () => Promise<boolean>;
  leaseMs: number;
  /** Ends the work, not the lease: it is kept until the work was given back. */
  stop: AbortSignal;
  log: Logger;
}

/**
 * Renews a lease while work goes on, three times per lease. `signal` aborts when it is lost: somebody else may be at
 * the same work, and every write of ours by the old token will be refused.
 */
export class LeaseKeeper {
  private readonly controller = new AbortController();
  private readonly working = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private renewing = false;
  private lastRenewed = performance.now();
  /** Whether the database failed to answer a renewal: then losing the lease does not mean that we hung. */
  databaseFailed = false;

  constructor(private readonly lease: KeptLease) {
    if (lease.stop.aborted) this.onStop();
    lease.stop.addEventListener('abort', this.onStop, { once: true });
    this.signal.addEventListener('abort', () => this.working.abort(this.signal.reason), { once: true });
    this.timer = setInterval(() => void this.renew(), lease.leaseMs / 3);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Aborts when the lease is lost and when the work is to stop. */
  get work(): AbortSignal {
    return this.working.signal;
  }

  stop(): void {
    clearInterval(this.timer);
    this.lease.stop.removeEventListener('abort', this.onStop);
  }

  // Not AbortSignal.any: that would tie each piece of work to a signal that lives as long as the process.
  private readonly onStop = (): void => this.working.abort(new Error('the worker stops'));

  private async renew(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    try {
      if (await this.lease.renew()) this.lastRenewed = performance.now();
      else this.controller.abort(new Error('the lease is lost'));
    } catch (error) {
      this.databaseFailed = true;
      this.lease.log.warn({ error: messageOf(error) }, 'a lease could not be renewed');
      if (performance.now() - this.lastRenewed > this.lease.leaseMs)
        this.controller.abort(new Error('the lease has run out'));
    } finally {
      this.renewing = false;
    }
  }
}
