import {
  Arg,
  Authorized,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { isOpen } from '../../domain/breaker';
import type { DeliveryFilter as DeliveryQuery } from '../../domain/replay';
import type { WebhookState } from '../../domain/webhook';
import type { CommitStore } from '../../store/commits';
import type { DeliveryStore } from '../../store/deliveries';
import type { SourceStore } from '../../store/sources';
import type { TallyStore } from '../../store/tallies';
import type { WebhookStore } from '../../store/webhooks';
import { AfterArg, CountLimitArg, FirstArg, IdArg } from '../arguments';
import {
  connectionTypes,
  countedConnectionTypes,
  countLimit,
  pageRequest,
  toConnection,
} from '../connection';
import { EnrichedEvent } from '../events/types';
import { Source, toSource } from '../sources/types';
import { Delivery, toDelivery } from './delivery-types';
import { CreateWebhookInput, DeliveryFilter, UpdateWebhookInput } from './inputs';
import { toWebhook, Webhook, WebhookSecretPayload, WebhookStateEnum, WebhookStats } from './types';
import type { WebhookAdmin } from './webhook-admin';

const webhookTypes = countedConnectionTypes('Webhook', () => Webhook);
const deliveryTypes = connectionTypes('Delivery', () => Delivery);

@ObjectType({ description: 'A page of webhooks, oldest first.' })
export class WebhookConnection extends webhookTypes.ConnectionBase {}

@ObjectType({ description: 'A page of deliveries, newest first.' })
export class DeliveryConnection extends deliveryTypes.ConnectionBase {
  /** What totalCount counts. */
  query!: DeliveryQuery;
}

export interface WebhookResolverParts {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  commits: CommitStore;
  sources: SourceStore;
  tallies: TallyStore;
  admin: WebhookAdmin;
  now: () => Date;
}

const MAX_PENDING = 100_000;
const DEFAULT_GRACE_SECONDS = 86_400;

async function deliveryPage(
  deliveries: DeliveryStore,
  query: DeliveryQuery,
  args: { first: number | null; after?: string | null },
): Promise<DeliveryConnection> {
  return { ...toConnection(await deliveries.page(query, pageRequest(args)), toDelivery), query };
}

/** The smallest of the values that a share of them does not exceed. */
function quantile(values: number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

@Resolver(() => Webhook)
export class WebhookResolver {
  constructor(private readonly parts: WebhookResolverParts) {}

  @Authorized('VIEWER')
  @Query(() => Webhook, { nullable: true, description: 'One webhook; null where there is none.' })
  async webhook(@IdArg() id: string): Promise<Webhook | null> {
    const webhook = await this.parts.webhooks.get(id);
    return webhook ? toWebhook(webhook) : null;
  }

  @Authorized('VIEWER')
  @Query(() => WebhookConnection, { description: 'Webhooks, oldest first.' })
  async webhooks(
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('states', () => [WebhookStateEnum], { nullable: true, description: 'Only these.' }) states?:
      | WebhookState[]
      | null,
  ): Promise<WebhookConnection> {
    const [page, totalCount] = await Promise.all([
      this.parts.webhooks.page(states ?? null, pageRequest({ first, after })),
      this.parts.webhooks.count(states ?? null),
    ]);
    return { ...toConnection(page, toWebhook), totalCount };
  }

  @Authorized('OPERATOR')
  @Mutation(() => WebhookSecretPayload, {
    description: 'Makes a webhook. It hears of what is stored from now on.',
  })
  async createWebhook(
    @Arg('input', () => CreateWebhookInput, { description: 'What it is to be.' }) input: CreateWebhookInput,
  ): Promise<WebhookSecretPayload> {
    const { webhook, secret } = await this.parts.admin.create(input);
    return { webhook: toWebhook(webhook), secret };
  }

  @Authorized('OPERATOR')
  @Mutation(() => Webhook, {
    description: 'Changes a webhook. What is in a delivery already stays as it is.',
  })
  async updateWebhook(
    @IdArg() id: string,
    @Arg('input', () => UpdateWebhookInput, { description: 'What changes.' }) input: UpdateWebhookInput,
  ): Promise<Webhook> {
    return toWebhook(await this.parts.admin.update(id, input));
  }

  @Authorized('OPERATOR')
  @Mutation(() => ID, { description: 'Deletes a webhook and cancels its pending deliveries.' })
  async deleteWebhook(@IdArg() id: string): Promise<string> {
    await this.parts.admin.delete(id);
    return id;
  }

  @Authorized('OPERATOR')
  @Mutation(() => Webhook, { description: 'Sends nothing more; the position stays.' })
  async pauseWebhook(@IdArg() id: string): Promise<Webhook> {
    return toWebhook(await this.parts.admin.pause(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Webhook, {
    description: 'Goes on from its position: what was stored meanwhile is delivered.',
  })
  async resumeWebhook(@IdArg() id: string): Promise<Webhook> {
    return toWebhook(await this.parts.admin.resume(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => WebhookSecretPayload, {
    description: 'A new secret signs at once; the one before it signs as well until the grace is over.',
  })
  async rotateWebhookSecret(
    @IdArg() id: string,
    @Arg('graceSeconds', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_GRACE_SECONDS,
      description: '0 to 604,800 (7 days); at most 5 secrets sign at the same time.',
    })
    graceSeconds: number | null,
  ): Promise<WebhookSecretPayload> {
    const rotated = await this.parts.admin.rotateSecret(id, graceSeconds ?? DEFAULT_GRACE_SECONDS);
    return { webhook: toWebhook(rotated.webhook), secret: rotated.secret };
  }

  @FieldResolver(() => [Source], {
    description: 'The sources that it names; where `sourceIds` is null it hears all but the demo.',
  })
  async sources(@Root() { sourceIds }: Webhook): Promise<Source[]> {
    return sourceIds ? (await this.parts.sources.many(sourceIds)).map(toSource) : [];
  }

  @FieldResolver(() => WebhookStats, { description: 'How it fares.' })
  async stats(@Root() { stored: webhook }: Webhook): Promise<WebhookStats> {
    const { commits, deliveries, tallies } = this.parts;
    const [behind, pending, delivered, failed, missing] = await Promise.all([
      commits.storedAfter(webhook.position.n),
      deliveries.pendingCount(webhook._id, MAX_PENDING),
      deliveries.countByState(webhook._id, 'DELIVERED'),
      deliveries.countByState(webhook._id, 'FAILED'),
      tallies.missing(webhook._id),
    ]);
    const { consecutiveFailures, recentMs, breaker } = webhook;
    return {
      behind,
      pending,
      delivered,
      failed,
      unaccounted: missing.get(webhook._id) ?? 0,
      consecutiveFailures,
      p50Ms: quantile(recentMs, 0.5),
      p95Ms: quantile(recentMs, 0.95),
      breakerOpenUntil: isOpen(breaker, this.parts.now()) ? breaker.openUntil : null,
    };
  }

  @FieldResolver(() => DeliveryConnection, { description: 'What was sent, newest first.' })
  deliveries(
    @Root() { id }: Webhook,
    @FirstArg(20) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('filter', () => DeliveryFilter, { nullable: true, description: 'Only these.' })
    filter?: DeliveryFilter | null,
  ): Promise<DeliveryConnection> {
    return deliveryPage(this.parts.deliveries, { ...filter, webhookIds: [id] }, { first, after });
  }
}

@Resolver(() => Delivery)
export class DeliveryResolver {
  constructor(private readonly parts: { deliveries: DeliveryStore; webhooks: WebhookStore }) {}

  @Authorized('VIEWER')
  @Query(() => Delivery, { nullable: true, description: 'One delivery; null where there is none.' })
  async delivery(
    @Arg('id', () => ID, { description: 'The webhook-id.' }) id: string,
  ): Promise<Delivery | null> {
    const delivery = await this.parts.deliveries.get(id);
    return delivery ? toDelivery(delivery) : null;
  }

  @Authorized('VIEWER')
  @Query(() => DeliveryConnection, { description: 'Deliveries that match, newest first.' })
  deliveries(
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('filter', () => DeliveryFilter, { nullable: true, description: 'Only these.' })
    filter?: DeliveryFilter | null,
  ): Promise<DeliveryConnection> {
    return deliveryPage(this.parts.deliveries, filter ?? {}, { first, after });
  }

  @FieldResolver(() => Webhook, { nullable: true, description: 'Null where the webhook is deleted.' })
  async webhook(@Root() { webhookId }: Delivery): Promise<Webhook | null> {
    const webhook = await this.parts.webhooks.get(webhookId);
    return webhook ? toWebhook(webhook) : null;
  }
}

@Resolver(() => DeliveryConnection)
export class DeliveryConnectionResolver {
  constructor(private readonly parts: { deliveries: DeliveryStore }) {}

  @FieldResolver(() => Int, { description: 'How many deliveries match, counted up to `limit`.' })
  totalCount(@Root() { query }: DeliveryConnection, @CountLimitArg() given: number | null): Promise<number> {
    return this.parts.deliveries.count(query, countLimit(given));
  }
}

/** The fields that lead from an event to what else is known of it. */
@Resolver(() => EnrichedEvent)
export class EventLinksResolver {
  constructor(private readonly parts: { deliveries: DeliveryStore; sources: SourceStore }) {}

  @FieldResolver(() => Source, { nullable: true, description: 'Null where the source is deleted.' })
  async source(@Root() { sourceId }: EnrichedEvent): Promise<Source | null> {
    const source = await this.parts.sources.get(sourceId);
    return source ? toSource(source) : null;
  }

  @FieldResolver(() => DeliveryConnection, { description: 'Where it was sent, newest first.' })
  deliveries(
    @Root() { id }: EnrichedEvent,
    @FirstArg(10) first: number | null,
    @AfterArg() after?: string | null,
  ): Promise<DeliveryConnection> {
    return deliveryPage(this.parts.deliveries, { eventIds: [id] }, { first, after });
  }
}
