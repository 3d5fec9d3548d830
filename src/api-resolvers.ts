import type { Accounts } from './auth/accounts';
import type { Core } from './core';
import { Invalid, NotFound } from './domain/errors';
import { DIRECT_SOURCE_ID } from './domain/source';
import { BackfillAdmin } from './graphql/backfills/backfill-admin';
import { BackfillResolver, SourceBackfillsResolver } from './graphql/backfills/resolver';
import { EventReader } from './graphql/events/event-reader';
import { EventConnectionResolver, EventResolver } from './graphql/events/resolver';
import { HealthResolver } from './graphql/health/resolver';
import { PeopleResolver } from './graphql/people/resolver';
import { QuarantineConnectionResolver, QuarantineResolver } from './graphql/quarantine/resolver';
import { ReplayAdmin } from './graphql/replays/replay-admin';
import { ReplayResolver } from './graphql/replays/resolver';
import type { Resolvers } from './graphql/schema';
import { BatchResolver, SourceResolver } from './graphql/sources/resolver';
import { SourceAdmin } from './graphql/sources/source-admin';
import { type ProbeSource, SourceTester } from './graphql/sources/source-test';
import { SourceTestResolver } from './graphql/sources/source-test-resolver';
import { DeliveryActionsResolver } from './graphql/webhooks/delivery-actions';
import { DeliveryAdmin } from './graphql/webhooks/delivery-admin';
import { DeliveryTracer } from './graphql/webhooks/delivery-tracer';
import {
  DeliveryConnectionResolver,
  DeliveryResolver,
  EventLinksResolver,
  WebhookResolver,
} from './graphql/webhooks/resolver';
import { TraceResolver } from './graphql/webhooks/trace-resolver';
import { WebhookAdmin } from './graphql/webhooks/webhook-admin';
import type { AddressGuard } from './net/address-guard';
import type { IngestGate } from './pipeline/ingest-gate';
import { QuarantineRetry } from './pipeline/quarantine-retry';
import type { SettlementWatch } from './pipeline/settlement-watch';
import type { HealthCheck } from './server/health';
import { AwsClients } from './sources/aws/aws-clients';
import { checkSource } from './sources/check/source-check';
import { openKeys } from './workers';

/** The resolvers of the API, each with what it needs. */
export function resolversOf(
  core: Core,
  parts: {
    accounts: Accounts;
    gate: IngestGate;
    settlements: SettlementWatch;
    health: HealthCheck;
    guards: { webhooks: AddressGuard; endpoints: AddressGuard };
  },
): Resolvers {
  const { sources, batches, backfills, commits, webhooks, deliveries, box, now } = core;
  const reader = new EventReader(core.events, commits);
  const sourceAdmin = new SourceAdmin({
    sources,
    box,
    endpoints: parts.guards.endpoints,
    now,
    hint: (id) => core.hint('fetch', [id]),
    endBackfills: (id) => backfills.wakeOf(id),
  });
  const backfillAdmin = new BackfillAdmin({
    backfills,
    sources,
    now,
    hint: (id) => core.hint('fetch', [id]),
  });
  const webhookAdmin = new WebhookAdmin({
    webhooks,
    deliveries,
    sources,
    commits,
    box,
    guard: parts.guards.webhooks,
    hint: (id) => core.hint('forward', [id]),
    now,
  });
  const deliveryAdmin = new DeliveryAdmin({
    webhooks,
    deliveries,
    hint: (id) => core.hint('forward', [id]),
    now,
  });
  const ingest = {
    submit: async (sourceId: string | null, text: Buffer) => {
      const source = await sources.get(sourceId ?? DIRECT_SOURCE_ID);
      if (!source) throw new NotFound(`There is no source ${sourceId}.`);
      if (source.state === 'PAUSED') throw new Invalid('The source is paused: resume it first.');
      return parts.gate.submit({ sourceId: source._id, kind: source.kind }, text);
    },
  };
  return {
    people: new PeopleResolver(parts.accounts, core.users),
    sources: new SourceResolver({ sources, batches, commits, admin: sourceAdmin, now }),
    sourceTests: new SourceTestResolver(
      new SourceTester({ sources, admin: sourceAdmin, probe: prober(core, parts.guards.endpoints) }),
    ),
    batches: new BatchResolver(sources),
    ...quarantineResolvers(core, parts.settlements),
    backfills: new BackfillResolver({ backfills, sources, admin: backfillAdmin, now }),
    sourceBackfills: new SourceBackfillsResolver(backfills, now),
    events: new EventResolver(reader, ingest),
    eventConnections: new EventConnectionResolver(reader),
    eventLinks: new EventLinksResolver({ deliveries, sources }),
    webhooks: new WebhookResolver({ ...core.stores(), tallies: core.tallies, admin: webhookAdmin, now }),
    deliveries: new DeliveryResolver({ deliveries, webhooks }),
    deliveryConnections: new DeliveryConnectionResolver({ deliveries }),
    deliveryActions: new DeliveryActionsResolver(deliveryAdmin),
    traces: new TraceResolver(
      new DeliveryTracer({ events: core.events, commits, sources, webhooks, deliveries }),
    ),
    replays: new ReplayResolver({
      replays: core.replays,
      webhooks,
      admin: new ReplayAdmin({ replays: core.replays, deliveries, events: core.events, webhooks }),
    }),
    health: new HealthResolver(parts.health),
  };
}

/** Tries a source with clients of its own, so that nothing of it stays. */
function prober(core: Core, guard: AddressGuard): ProbeSource {
  return async (source, signal) => {
    const aws = new AwsClients({ guard, openKeys: (of) => openKeys(core, of) });
    try {
      return await checkSource(source, aws, signal);
    } finally {
      aws.close();
    }
  };
}

function quarantineResolvers(
  core: Core,
  settlements: SettlementWatch,
): Pick<Resolvers, 'quarantine' | 'quarantineConnections'> {
  const { quarantine, batches, sources } = core;
  const hint = (ids: string[]): Promise<void> => core.hint('enrich', ids);
  const retries = new QuarantineRetry({ quarantine, batches, sources, settlements, hint });
  return {
    quarantine: new QuarantineResolver({
      quarantine,
      batches,
      sources,
      retry: (ids) => retries.retry(ids),
      hint: (id) => hint([id]),
    }),
    quarantineConnections: new QuarantineConnectionResolver(quarantine),
  };
}
