import type { Commit, StreamPosition } from '../../domain/commit';
import type { StoredEvent } from '../../domain/event';
import { matcher } from '../../domain/matcher';
import type { Webhook } from '../../domain/webhook';
import type { CommitStore } from '../../store/commits';
import type { EventStore } from '../../store/events';
import type { RecentSlices } from '../recent-slices';

/** An event that a webhook is to hear of, and its place. */
export interface MatchedEvent {
  at: StreamPosition;
  event: StoredEvent;
  /** Those of its commit. */
  requestIds?: readonly string[] | undefined;
  /** What it takes in a body of the webhook's format, where that was measured. */
  bytes?: number | undefined;
}

/** An event that was found in the commits. */
export interface FoundEvent extends MatchedEvent {
  /** Events that were looked at from the beginning of the read up to this one. */
  lookedAt: number;
}

/** What one look at the log brought. */
export interface CommitRead {
  matched: FoundEvent[];
  /** Events that were looked at in all: those of the webhook's sources, silent commits left out. */
  lookedAt: number;
  /** Everything up to here was looked at. */
  through: StreamPosition;
  /** Whether more commits stand beyond. */
  more: boolean;
  /** Commits that retention had removed before they were looked at. */
  missed: number;
}

/** Beyond every `pos`: the whole commit was looked at. */
export const WHOLE_COMMIT = Number.MAX_SAFE_INTEGER;

const COMMITS_A_READ = 16;
/** Reading stops after so many matches, so that memory stays bounded however many events a commit holds. */
const ENOUGH_MATCHES = 2_000;

/** Reads the commits for a webhook, from its position on, and keeps what its filter matches. */
export class CommitReader {
  constructor(
    private readonly commits: CommitStore,
    private readonly events: EventStore,
    private readonly recent: RecentSlices,
  ) {}

  async read(webhook: Webhook, from: StreamPosition): Promise<CommitRead> {
    const matches = matcher(webhook.filter);
    const first = from.pos === WHOLE_COMMIT ? from.n : from.n - 1;
    const commits = await this.commits.after(first, COMMITS_A_READ);
    const matched: FoundEvent[] = [];
    let lookedAt = 0;
    let through = from;
    for (const commit of commits) {
      const afterPos = commit._id === from.n ? from.pos : -1;
      if (concerns(webhook, commit)) {
        for (const event of await this.eventsOf(commit)) {
          if (event.pos <= afterPos) continue;
          lookedAt++;
          if (!matches(event)) continue;
          const { _id: n, requestIds } = commit;
          matched.push({ at: { n, pos: event.pos }, event, lookedAt, requestIds });
        }
      }
      through = { n: commit._id, pos: WHOLE_COMMIT };
      if (matched.length >= ENOUGH_MATCHES) break;
    }
    const next = commits[0];
    return {
      matched,
      lookedAt,
      through,
      more: commits.length === COMMITS_A_READ || (commits.at(-1)?._id ?? 0) > through.n,
      missed: next && from.n > 0 ? Math.max(0, next._id - first - 1) : 0,
    };
  }

  private async eventsOf(commit: Commit): Promise<StoredEvent[]> {
    const there = this.recent.get(commit._id);
    if (there) return there;
    const read = await this.events.ofRun(commit.run, commit.ids);
    this.recent.put(commit._id, read);
    return read;
  }
}

/** A webhook that names no sources hears of all but the demo. */
export function concerns(webhook: Webhook, commit: Commit): boolean {
  if (commit.silent || commit.ids.length === 0 || !webhook.events.includes('CLOUDTRAIL')) return false;
  return webhook.sourceIds === null
    ? commit.sourceKind !== 'DEMO'
    : webhook.sourceIds.includes(commit.sourceId);
}
