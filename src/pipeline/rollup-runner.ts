import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/errors';
import { countedSince } from '../domain/stats/cells';
import type { Logger } from '../observe/logger';
import type { LeaseStore } from '../store/leases';
import type { RollupGeneration, RollupStore } from '../store/rollups';
import type { RollupFolder } from './rollup-folder';

export interface RollupRunnerParts {
  rollups: RollupStore;
  folder: RollupFolder;
  leases: LeaseStore;
  retentionDays: number;
  now: () => Date;
  log: Logger;
}

const FOLD_EVERY_MS = 500;
const LEASE_MS = 15_000;

/** The lease of whoever folds a generation. */
export const rollupLease = (generation: number): string => `rollups ${generation}`;

/**
 * Keeps the rollups up with the commits: one process for all, by a lease. Where there are none of this version, or they
 * are of an older one, it builds them from the first commit on.
 */
export class RollupRunner {
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private held: number | null = null;

  constructor(private readonly parts: RollupRunnerParts) {}

  start(): void {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    if (this.held === null) return;
    await this.parts.leases
      .release(rollupLease(this.held))
      .catch((error: unknown) =>
        this.parts.log.warn({ error: messageOf(error) }, 'the lease of the rollups runs out'),
      );
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const more = await this.fold().catch((error: unknown) => {
        this.parts.log.warn({ error: messageOf(error) }, 'the rollups will be folded again');
        return false;
      });
      if (!more) await delay(FOLD_EVERY_MS, undefined, { signal }).catch(() => undefined); // Stopping ends the wait.
    }
  }

  /** One pass, if this process holds the lease. @returns whether there may be more */
  private async fold(): Promise<boolean> {
    const { rollups, folder, leases } = this.parts;
    const generation = (await rollups.current()) ?? (await rollups.begin());
    const { _id: id } = generation;
    if (!(await leases.hold(rollupLease(id), LEASE_MS))) return false;
    this.held = id;
    const result = await folder.pass(generation);
    if (!result) return false;
    await this.leaveOut(generation);
    if (!result.more && !generation.ready) await rollups.finish(id);
    return result.more;
  }

  /** What retention may have begun to remove is counted no more, also if retention is made longer later. */
  private async leaveOut({ _id: id, countedSince: until }: RollupGeneration): Promise<void> {
    const { rollups, retentionDays, now } = this.parts;
    const since = countedSince(now(), retentionDays);
    if (since > until) await rollups.raiseCountedSince(id, since);
  }
}
