import type { Core } from './core';
import { Invalid, NotFound } from './domain/errors';
import { DIRECT_SOURCE_ID } from './domain/source';
import { AuditResolver } from './graphql/audit/resolver';
import { BackfillAdmin } from './graphql/backfills/backfill-admin';
import { BackfillResolver, SourceBackfillsResolver } from './graphql/backfills/resolver';
import { EventReader } from './graphql/events/event-reader';
import { EventConnectionResolver, EventResolver, type Ingest } from './graphql/events/resolver';
import { HealthResolver } from './graphql/health/resolver';
import { KeyResolver } from './graphql/people/key-resolver';
import { PeopleResolver } from './graphql/people/resolver';
import { UserResolver } from './graphql/people/user-resolver';
import { QuarantineConnectionResolver, QuarantineResolver } from './graphql/quarantine/resolver';
import { ReplayAdmin } from './graphql/replays/replay-admin';
import { ReplayResolver } from './graphql/replays/resolver';
import type { Resolvers } from './graphql/schema';
import { BatchResolver, SourceResolver } from './graphql/sources/resolver';
import { SourceAdmin } from './graphql/sources/source-admin';
import { type ProbeSource, SourceTester } from './graphql/sources/source-test';
import { SourceTestResolver } from './graphql/sources/source-test-resolver';
import { StatsResolver } from './graphql/stats/resolver';
import { StatsReader } from './graphql/stats/stats-reader';
import { DeliveryActionsResolver } from './graphql/webhooks/delivery-actions';
import { DeliveryAdmin } from './graphql/webhooks/delivery-admin';
import { DeliveryChangeResolver } from './graphql/webhooks/delivery-change-resolver';
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
import type { People } from './open-people';
import { openKeys } from './opened-secrets';
import type { IngestGate } from './pipeline/ingest-gate';
import { QuarantineRetry } from './pipeline/quarantine-retry';
import type { SettlementWatch } from './pipeline/settlement-watch';
import type { HealthCheck } from './server/health';
import { AwsClients } from './sources/aws/aws-clients';
import { checkSource } from './sources/check/source-check';

/** The resolvers of the API, each with what it needs. */
export function resolversOf(
  core: Core,
  parts: {
    people: People;
    gate: IngestGate;
    settlements: SettlementWatch;
    health: HealthCheck;
    guards: { webhooks: AddressGuard; endpoints: AddressGuard };
  },
): Resolvers {
  const { sources, batches, sourceBatches, backfills, commits, webhooks, deliveries, now } = core;
  const reader = new EventReader(core.events, commits);
  const sourceAdmin = sourceAdminOf(core, parts.guards.endpoints);
  const backfillAdmin = new BackfillAdmin({
    backfills,
    sources,
    now,
    hint: (id) => core.hint('fetch', [id]),
  });
  const webhookAdmin = webhookAdminOf(core, parts.guards.webhooks);
  const deliveryAdmin = new DeliveryAdmin({
    webhooks,
    deliveries,
    hint: (id) => core.hint('forward', [id]),
    now,
  });
  return {
    ...peopleResolvers(core, parts.people),
    sources: new SourceResolver({ sources, batches, sourceBatches, commits, admin: sourceAdmin, now }),
    sourceTests: new SourceTestResolver(
      new SourceTester({ sources, admin: sourceAdmin, probe: prober(core, parts.guards.endpoints) }),
    ),
    batches: new BatchResolver(sources),
    ...quarantineResolvers(core, parts.settlements),
    backfills: new BackfillResolver({ backfills, sources, admin: backfillAdmin, now }),
    sourceBackfills: new SourceBackfillsResolver(backfills, now),
    events: new EventResolver(reader, ingestOf(core, parts.gate)),
    eventConnections: new EventConnectionResolver(reader),
    eventLinks: new EventLinksResolver({ deliveries, sources }),
    stats: statsResolver(core),
    webhooks: new WebhookResolver({ ...core.stores(), tallies: core.tallies, admin: webhookAdmin, now }),
    deliveries: new DeliveryResolver({ deliveries, webhooks }),
    deliveryConnections: new DeliveryConnectionResolver({ deliveries }),
    deliveryActions: new DeliveryActionsResolver(deliveryAdmin),
    deliveryChanges: new DeliveryChangeResolver({ deliveries }),
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

/** How `ingestEvents` hands records to the pipeline. */
function ingestOf({ sources }: Core, gate: IngestGate): Ingest {
  return {
    submit: async (sourceId, text, requestId) => {
      const source = await sources.get(sourceId ?? DIRECT_SOURCE_ID);
      if (!source) throw new NotFound(`There is no source ${sourceId}.`);
      if (source.state === 'PAUSED') throw new Invalid('The source is paused: resume it first.');
      return gate.submit({ sourceId: source._id, kind: source.kind }, text, { requestId });
    },
  };
}

function peopleResolvers(
  { users, apiKeys, auditEntries }: Core,
  { accounts, admin, keys, door }: People,
): Pick<Resolvers, 'people' | 'users' | 'keys' | 'audit'> {
  return {
    people: new PeopleResolver({ accounts, door, users, keys: apiKeys }),
    users: new UserResolver({ users, accounts, admin, door }),
    keys: new KeyResolver(keys),
    audit: new AuditResolver(auditEntries),
  };
}

/** Makes and changes sources, for whichever door. */
export function sourceAdminOf(core: Core, endpoints: AddressGuard): SourceAdmin {
  const { sources, backfills, box, now } = core;
  return new SourceAdmin({
    sources,
    box,
    endpoints,
    now,
    hint: (id) => core.hint('fetch', [id]),
    endBackfills: (id) => backfills.wakeOf(id),
  });
}

/** Makes and changes webhooks, for whichever door. */
export function webhookAdminOf(core: Core, guard: AddressGuard): WebhookAdmin {
  const { webhooks, deliveries, sources, commits, box, now } = core;
  return new WebhookAdmin({
    webhooks,
    deliveries,
    sources,
    commits,
    box,
    guard,
    hint: (id) => core.hint('forward', [id]),
    now,
  });
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

function statsResolver({ rollups, facts, scan, commits, batches, settings, now }: Core): StatsResolver {
  const retentionDays = settings.RETENTION_DAYS;
  return new StatsResolver(
    new StatsReader({ rollups, facts, scan, commits, batches, retentionDays, now }),
    now,
  );
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
