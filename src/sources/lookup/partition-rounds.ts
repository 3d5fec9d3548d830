import type { FetchedPage, FetchRequest } from '../../domain/fetched';
import { lookupConfigOf } from './lookup-config';
import { isUnknownClient, lookupFault } from './lookup-fault';
import {
  type LookedUp,
  type LookupPlace,
  type LookupRequests,
  partitionOf,
  Throttled,
} from './lookup-requests';
import type { Outcomes } from './outcomes';
import { pageBatches } from './page-batches';
import {
  type Level,
  type LookupTimings,
  newState,
  openDue,
  type PartitionState,
  savedState,
  stateOf,
} from './partition-state';
import { readLevel } from './partition-walk';
import type { Rounds } from './rounds';
import type { SeenEvents } from './seen-events';

/** What the accounts and Regions of one fetch have in common. */
export interface FetchContext {
  request: FetchRequest;
  requests: LookupRequests;
  seen: SeenEvents;
  outcomes: Outcomes;
  rounds: Rounds;
  timings: LookupTimings;
  /** Whether those that are done go round again while others are not. */
  again: boolean;
  /** Nothing more is begun after this, ms since the epoch. */
  until: number;
  now: () => Date;
  signal: AbortSignal;
}

const SPARE_LEVELS: readonly Level[] = ['overlap', 'day'];

/**
 * Reads an account and Region: the head, then what else is due until the next head is; and again, as long as anything
 * in the source is not done. How it fared goes to the outcomes; it throws only where the fetch is given up.
 */
export class PartitionRounds {
  private readonly partition: string;
  private readonly overlapMs: number;
  private readonly intervalMs: number;

  constructor(
    private readonly context: FetchContext,
    private readonly place: LookupPlace,
  ) {
    const { overlapSeconds, pollIntervalSeconds } = lookupConfigOf(place.source);
    this.partition = partitionOf(place);
    this.overlapMs = overlapSeconds * 1_000;
    this.intervalMs = pollIntervalSeconds * 1_000;
  }

  async *pages(): AsyncGenerator<FetchedPage, void> {
    const { request, outcomes, rounds, now, signal } = this.context;
    const { updatedAt } = this.place.source;
    const at = now().getTime();
    const state = stateOf(await request.checkpoint(this.partition)) ?? newState(at, this.overlapMs);
    try {
      if (state.off && state.off.until > at && state.off.updatedAt === updatedAt.getTime()) {
        outcomes.tell(this.partition, { is: 'off' });
        return;
      }
      yield* this.rounds(state);
    } catch (error) {
      signal.throwIfAborted();
      yield* this.failed(state, error);
    } finally {
      rounds.done(this.partition);
    }
  }

  private async *rounds(state: PartitionState): AsyncGenerator<FetchedPage, void> {
    const { request, outcomes, rounds, now, again, until, signal } = this.context;
    for (;;) {
      const nextHead = now().getTime() + this.intervalMs;
      if ((await request.unsettled(this.partition)) === 0) state.through = state.walked;
      yield* this.head(state);
      state.off = null;
      state.throttledSince = null;
      outcomes.tell(this.partition, { is: 'ok' });
      for (const level of SPARE_LEVELS) yield* this.level(state, level, nextHead);
      if (Object.keys(state.open).length === 0) rounds.done(this.partition);
      const wait = nextHead - now().getTime();
      if (!again || now().getTime() + wait >= until || !(await rounds.next(wait, signal))) return;
    }
  }

  /** A head that was left open ends where it was opened: then what came after it is read as well. */
  private async *head(state: PartitionState): AsyncGenerator<FetchedPage, void> {
    const { now, until } = this.context;
    const left = state.open.head;
    this.openDue(state);
    yield* this.level(state, 'head', until);
    if (!left || state.open.head || now().getTime() - left.to < this.intervalMs) return;
    this.openDue(state);
    yield* this.level(state, 'head', until);
  }

  private openDue(state: PartitionState): void {
    const { now, timings } = this.context;
    openDue(state, now().getTime(), { overlapMs: this.overlapMs, timings });
  }

  /** Reads what is open of a level, or as much of it as comes before `until`: the rest is for the next round. */
  private async *level(
    state: PartitionState,
    level: Level,
    until: number,
  ): AsyncGenerator<FetchedPage, void> {
    const { requests, now, signal } = this.context;
    for await (const events of readLevel(requests, this.place, state, { level, signal })) {
      yield await this.toPage(state, events);
      if (now().getTime() >= until) return;
    }
  }

  /** Leaves out what this process put into the ledger before. */
  private async toPage(state: PartitionState, events: LookedUp[]): Promise<FetchedPage> {
    const { seen, request } = this.context;
    const scope = `${request.source._id}/${request.source.epoch}/${this.partition}`;
    const fresh = events.filter(({ id }) => !seen.has(scope, id));
    return {
      batches: await pageBatches(request.source, this.partition, fresh),
      checkpoint: this.checkpoint(state),
      kept: async () =>
        seen.add(
          scope,
          fresh.map(({ id }) => id),
        ),
    };
  }

  /** Where a first poll began is to be known even if it fails. */
  private noted(state: PartitionState): FetchedPage {
    return { batches: [], checkpoint: this.checkpoint(state) };
  }

  private checkpoint(state: PartitionState): NonNullable<FetchedPage['checkpoint']> {
    return { partition: this.partition, cursor: savedState(state) };
  }

  /** What was read before stands; the level goes on from there next time. */
  private async *failed(state: PartitionState, error: unknown): AsyncGenerator<FetchedPage, void> {
    const { outcomes, now, timings } = this.context;
    const { source, optIn } = this.place;
    const at = now().getTime();
    if (error instanceof Throttled) {
      state.throttledSince ??= at;
      yield this.noted(state);
      const since = new Date(state.throttledSince);
      outcomes.tell(
        this.partition,
        at - state.throttledSince < timings.throttledMs
          ? { is: 'late' }
          : { is: 'fault', fault: throttledFor(since) },
      );
      return;
    }
    yield this.noted(state);
    const fault = lookupFault(error, source);
    const mayBeOff = optIn && isUnknownClient(error);
    const off = { until: at + timings.offMs, updatedAt: source.updatedAt.getTime() };
    outcomes.tell(this.partition, {
      is: 'fault',
      fault,
      // Told as a fault unless other Regions know the account.
      ...(mayBeOff ? { off: this.checkpoint({ ...state, open: {}, off }) } : {}),
    });
  }
}

function throttledFor(since: Date) {
  return {
    kind: 'busy' as const,
    message: `AWS throttles every request since ${since.toISOString()}`,
    remedy:
      'AWS gives an account 2 LookupEvents requests a second in each Region: find what else uses them up, such as ' +
      'another collector, or poll less often.',
  };
}
