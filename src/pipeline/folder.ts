import type { Commit } from '../domain/commit';
import { heard, type Rhythm } from '../domain/rhythm';
import { addCounts, type Counters, NO_COUNTS } from '../domain/source';
import type { CommitStore } from '../store/commits';
import type { Folded, SourceStore } from '../store/sources';

const COMMITS_A_PASS = 500;

/**
 * Folds the commits into the counters of their sources. Each source remembers how far it went, so a pass may be
 * repeated after a crash anywhere; one leased process folds for all, so nobody contends on a source's document.
 */
export class Folder {
  /** Everything up to here was folded by this process. 0 after a start: sources skip what they have. */
  private folded = 0;

  constructor(
    private readonly commits: CommitStore,
    private readonly sources: SourceStore,
  ) {}

  /** Folds what is new. @returns whether there may be more */
  async fold(): Promise<boolean> {
    const commits = await this.commits.after(this.folded, COMMITS_A_PASS, { ids: false });
    const last = commits.at(-1);
    if (!last) return false;
    const ids = [...new Set(commits.map((commit) => commit.sourceId))];
    const states = await this.sources.foldStates(ids);
    for (const id of ids) {
      const state = states.get(id);
      if (!state || state.through >= last._id) continue;
      const mine = commits.filter((commit) => commit.sourceId === id && commit._id > state.through);
      await this.sources.fold(id, foldedOf(mine, state.rhythm), state.through, last._id);
    }
    await this.commits.keepHead(last._id);
    this.folded = last._id;
    return commits.length === COMMITS_A_PASS;
  }
}

function foldedOf(commits: Commit[], before: Rhythm): Folded {
  const live = commits.filter((commit) => !commit.silent && commit.received > 0);
  return {
    counts: commits.reduce<Counters>((sum, commit) => addCounts(sum, commit), NO_COUNTS),
    // What was known already says nothing of whether something comes: a poll looks back over its overlap.
    rhythm: live
      .filter((commit) => commit.received > commit.duplicates)
      .reduce((rhythm, commit) => heard(rhythm, commit.at), before),
    heardAt: live.at(-1)?.at ?? null,
  };
}
