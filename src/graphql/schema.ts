import 'reflect-metadata';
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import type { AuditTrail } from '../auth/audit-trail';
import { atLeast } from '../auth/roles';
import { Forbidden, Unauthenticated } from '../domain/errors';
import type { Role } from '../domain/user';
import { auditMutations } from './audit/audited';
import { AuditResolver } from './audit/resolver';
import { BackfillResolver, SourceBackfillsResolver } from './backfills/resolver';
import type { Context } from './context';
import { EventConnectionResolver, EventResolver } from './events/resolver';
import { HealthResolver } from './health/resolver';
import { KeyResolver } from './people/key-resolver';
import { PeopleResolver } from './people/resolver';
import { UserResolver } from './people/user-resolver';
import { QuarantineConnectionResolver, QuarantineResolver } from './quarantine/resolver';
import { ReplayResolver } from './replays/resolver';
import { DateTimeScalar } from './scalars';
import { BatchResolver, SourceResolver } from './sources/resolver';
import { SourceTestResolver } from './sources/source-test-resolver';
import { StatsResolver } from './stats/resolver';
import { DeliveryActionsResolver } from './webhooks/delivery-actions';
import { DeliveryChangeResolver } from './webhooks/delivery-change-resolver';
import {
  DeliveryConnectionResolver,
  DeliveryResolver,
  EventLinksResolver,
  WebhookResolver,
} from './webhooks/resolver';

import { TraceResolver } from './webhooks/trace-resolver';

/** The resolvers, each made by hand with what it needs. */
export interface Resolvers {
  people: PeopleResolver;
  users: UserResolver;
  keys: KeyResolver;
  audit: AuditResolver;
  sources: SourceResolver;
  sourceTests: SourceTestResolver;
  batches: BatchResolver;
  quarantine: QuarantineResolver;
  quarantineConnections: QuarantineConnectionResolver;
  backfills: BackfillResolver;
  sourceBackfills: SourceBackfillsResolver;
  events: EventResolver;
  eventConnections: EventConnectionResolver;
  eventLinks: EventLinksResolver;
  stats: StatsResolver;
  webhooks: WebhookResolver;
  deliveries: DeliveryResolver;
  deliveryConnections: DeliveryConnectionResolver;
  deliveryActions: DeliveryActionsResolver;
  deliveryChanges: DeliveryChangeResolver;
  replays: ReplayResolver;
  traces: TraceResolver;
  health: HealthResolver;
}

/** Builds the schema over these resolvers; what mutates is recorded by `audit`. */
export async function createSchema(resolvers: Resolvers, audit: AuditTrail): Promise<GraphQLSchema> {
  const instances = new Map<unknown, unknown>(
    Object.values(resolvers).map((resolver) => [resolver.constructor, resolver]),
  );
  const schema = await build((cls) => instances.get(cls));
  auditMutations(schema, audit);
  return schema;
}

/** The schema as text: sorted, with its descriptions. Needs no resolver and no server. */
export async function schemaText(): Promise<string> {
  const schema = await build(() => {
    throw new Error('this schema is only for printing');
  });
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}

function build(resolverOf: (cls: unknown) => unknown): Promise<GraphQLSchema> {
  return buildSchema({
    resolvers: [
      PeopleResolver,
      UserResolver,
      KeyResolver,
      AuditResolver,
      SourceResolver,
      SourceTestResolver,
      BatchResolver,
      QuarantineResolver,
      QuarantineConnectionResolver,
      BackfillResolver,
      SourceBackfillsResolver,
      EventResolver,
      EventConnectionResolver,
      EventLinksResolver,
      StatsResolver,
      WebhookResolver,
      DeliveryResolver,
      DeliveryConnectionResolver,
      DeliveryActionsResolver,
      DeliveryChangeResolver,
      ReplayResolver,
      TraceResolver,
      HealthResolver,
    ],
    container: { get: resolverOf },
    authChecker: ({ context }, roles) => allows(context as Context, roles as Role[]),
    scalarsMap: [{ type: Date, scalar: DateTimeScalar }],
    validate: false,
    // Every subscription brings its own iterator; type-graphql asks for a pub/sub all the same.
    pubSub: {
      publish: () => {
        throw new Error('events travel by the commit bus');
      },
      subscribe: () => {
        throw new Error('subscriptions bring their own iterator');
      },
    },
  });
}

/** Throws rather than says no: what type-graphql would make of a no has neither our code nor our words. */
function allows({ caller }: Context, roles: Role[]): true {
  if (caller === null) throw new Unauthenticated('Log in first: this needs a caller.');
  if (!roles.every((needed) => atLeast(caller.role, needed)))
    throw new Forbidden('Your role does not allow this.');
  return true;
}
