import { setTimeout as delay } from 'node:timers/promises';
import type { CommitStore } from '../store/commits';
import type { LeaseStore } from '../store/leases';
import type { RollupGeneration, RollupStore } from '../store/rollups';
import type { RollupFolder } from './rollup-folder';
import { rollupLease } from './rollup-runner';

export interface RollupRebuildParts {
  rollups: RollupStore;
  folder: RollupFolder;
  leases: LeaseStore;
  commits: CommitStore;
}

/** How far a rebuild is, in commits. */
export interface RebuildProgress {
  generation: number;
  /** Where the log begins: what retention has removed is not read. */
  from: number;
  through: number;
  head: number;
}

const LEASE_MS = 15_000;
const ASK_AGAIN_MS = 500;

/**
 * Builds the rollups anew from the commits, beside those that are read meanwhile, and puts them in their place once
 * they have caught up. What an interrupted rebuild has done is kept, and gone on from.
 * @throws what the signal says, between two passes
 */
export async function rebuildRollups(
  { rollups, folder, leases, commits }: RollupRebuildParts,
  tell: (progress: RebuildProgress) => void,
  signal: AbortSignal,
): Promise<RebuildProgress> {
  const { _id: generation } = await rollups.begin();
  const from = Math.max(0, ((await commits.oldest()) ?? 1) - 1);
  const progress = async (through: number): Promise<RebuildProgress> => {
    const now = { generation, from, through: Math.max(from, through), head: await commits.head() };
    tell(now);
    return now;
  };
  try {
    for (;;) {
      signal.throwIfAborted();
      const state = await rollups.get(generation);
      // A server that had none builds these as well.
      if (!state || state.ready) return await progress(state?.through ?? (await commits.head()));
      const result = await passOf(state);
      if (result && !result.more) {
        await rollups.finish(generation);
        return await progress(result.through);
      }
      await progress(result?.through ?? state.through);
      if (!result) await delay(ASK_AGAIN_MS, undefined, { signal });
    }
  } finally {
    await leases.release(rollupLease(generation));
  }

  async function passOf(state: RollupGeneration) {
    return (await leases.hold(rollupLease(generation), LEASE_MS)) ? folder.pass(state) : null;
  }
}
