import type { Core } from './core';
import type { BackfillStatus } from './domain/backfill';
import { messageOf } from './domain/errors';
import { BackfillSubscriptions } from './graphql/backfills/backfill-subscription';
import type { Context } from './graphql/context';
import { EventSubscriptions } from './graphql/events/event-subscription';
import { SourceSubscriptions } from './graphql/sources/source-subscription';
import { DeliverySubscriptions } from './graphql/webhooks/delivery-subscription';
import { ChangePoll } from './live/change-poll';
import { DeliveryFeed } from './live/delivery-feed';
import { EventFeed } from './live/event-feed';
import { SourceFeed } from './live/source-feed';
import { DeliveryChangeStore } from './store/delivery-changes';

/** What subscriptions follow, for all sockets of this process. */
export interface OpenSubscriptions {
  subscriptions: Context['subscriptions'];
  /** Ends all that follow. */
  close(): void;
}

/** Opens the feeds; each asks the store only while somebody follows it. The owner closes them. */
export function openSubscriptions(core: Core): OpenSubscriptions {
  const events = openEventFeed(core);
  const sources = openSourceFeed(core);
  const deliveries = openDeliveryFeed(core);
  const backfills = followBackfills(core);
  return {
    subscriptions: {
      events: new EventSubscriptions(events),
      sources: new SourceSubscriptions(sources),
      backfills: backfills.subscriptions,
      deliveries: new DeliverySubscriptions(deliveries),
    },
    close: () => {
      for (const feed of [events, sources, deliveries, backfills]) feed.close();
    },
  };
}

function openEventFeed(core: Core): EventFeed {
  const { commits, events } = core;
  const store = {
    head: () => commits.head(),
    newest: () => commits.newest(),
    oldest: () => commits.oldest(),
    commitsAfter: (n: number, limit: number) => commits.after(n, limit),
    eventsOf: ({ run, ids }: { run: string; ids: string[] }) => events.ofRun(run, ids),
  };
  return new EventFeed(store, core.bus, (error) =>
    core.log.warn({ error: messageOf(error) }, 'the live feed reads on from the store'),
  );
}

function openSourceFeed(core: Core): SourceFeed {
  const store = {
    changedSince: (since: Date, limit: number) => core.sources.changedSince(since, limit),
    now: core.now,
  };
  return new SourceFeed(store, (error) =>
    core.log.warn({ error: messageOf(error) }, 'changes of sources are told of later'),
  );
}

function openDeliveryFeed(core: Core): DeliveryFeed {
  const changes = new DeliveryChangeStore(core.store.db);
  const store = {
    changedSince: (since: Date) => changes.changedSince(since),
    heads: (ids: string[]) => changes.heads(ids),
    now: core.now,
  };
  return new DeliveryFeed(store, (error) =>
    core.log.warn({ error: messageOf(error) }, 'changes of deliveries are told of later'),
  );
}

function followBackfills({ backfills, now, log }: Core): {
  subscriptions: BackfillSubscriptions;
  close(): void;
} {
  const poll = new ChangePoll<BackfillStatus>(
    {
      read: async (ids) => (ids ? backfills.statuses(await backfills.many(ids)) : []),
      idOf: ({ backfill }) => backfill._id,
      fingerprint: ({ backfill: { state, walked, known, error, walkEnded }, counts }) =>
        JSON.stringify([state, walked, known, error, walkEnded, counts]),
    },
    (error) => log.warn({ error: messageOf(error) }, 'the progress of backfills could not be read'),
  );
  const subscriptions = new BackfillSubscriptions({
    exists: async (id) => (await backfills.get(id)) !== null,
    subscribe: (id, signal) => poll.subscribe(id, signal),
    now,
  });
  return { subscriptions, close: () => poll.close() };
}
