import type { Caller } from '../../auth/caller';
import { type BackfillStatus, isFinal } from '../../domain/backfill';
import { NotFound, Unauthenticated } from '../../domain/errors';
import { abortable } from '../../live/abortable';
import { type Backfill, toBackfill } from './types';

/** What the subscription needs of the store and of the poll. */
export interface BackfillSubscriptionParts {
  exists(id: string): Promise<boolean>;
  subscribe(id: string, signal: AbortSignal): AsyncGenerator<BackfillStatus, void>;
  now: () => Date;
}

/** Subscriptions to the progress of backfills. */
export class BackfillSubscriptions {
  constructor(private readonly parts: BackfillSubscriptionParts) {}

  /**
   * The backfill as it is now, and as often as it changes, until it has ended and all that it began is settled.
   * @throws NotFound; Unauthenticated for an anonymous caller
   */
  async follow(id: string, caller: Caller | null): Promise<AsyncIterableIterator<Backfill>> {
    if (!caller) throw new Unauthenticated('Log in first: a subscription needs a caller.');
    if (!(await this.parts.exists(id))) throw new NotFound(`There is no backfill ${id}.`);
    const controller = new AbortController();
    return abortable(this.progress(id, controller.signal), controller);
  }

  private async *progress(id: string, signal: AbortSignal): AsyncGenerator<Backfill> {
    for await (const status of this.parts.subscribe(id, signal)) {
      yield toBackfill(status, this.parts.now());
      if (isFinal(status.backfill) && status.counts.pending === 0) return;
    }
  }
}
