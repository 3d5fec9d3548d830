import { Arg, Authorized, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { Invalid } from '../../domain/errors';
import type { ReplayStore } from '../../store/replays';
import type { WebhookStore } from '../../store/webhooks';
import { FirstArg, IdArg } from '../arguments';
import { EventFilterInput } from '../events/filter-input';
import { DeliveryFilter } from '../webhooks/inputs';
import { toWebhook, Webhook } from '../webhooks/types';
import type { ReplayAdmin } from './replay-admin';
import { Replay, toReplay } from './types';

const MAX_LISTED = 200;

@Resolver(() => Replay)
export class ReplayResolver {
  constructor(private readonly parts: { replays: ReplayStore; webhooks: WebhookStore; admin: ReplayAdmin }) {}

  @Authorized('VIEWER')
  @Query(() => Replay, { nullable: true, description: 'One replay; null where there is none.' })
  async replay(@IdArg() id: string): Promise<Replay | null> {
    const replay = await this.parts.replays.get(id);
    return replay ? toReplay(replay) : null;
  }

  @Authorized('VIEWER')
  @Query(() => [Replay], { description: 'The newest replays, kept for 30 days after their end.' })
  async replays(@FirstArg(20) given: number | null): Promise<Replay[]> {
    const first = given ?? 20;
    if (first < 1 || first > MAX_LISTED) {
      const message = `must lie between 1 and ${MAX_LISTED}`;
      throw new Invalid(`\`first\` ${message}.`, [{ path: ['first'], message }]);
    }
    return (await this.parts.replays.newest(first)).map(toReplay);
  }

  @Authorized('OPERATOR')
  @Mutation(() => Replay, {
    description: 'Failed deliveries that match, again, each under its own webhook-id.',
  })
  async redeliverAll(
    @Arg('filter', () => DeliveryFilter, { description: 'Which of the failed ones; empty: all.' })
    filter: DeliveryFilter,
    @Arg('dryRun', () => Boolean, { nullable: true, defaultValue: false, description: 'Only count.' }) dryRun:
      | boolean
      | null,
  ): Promise<Replay> {
    return toReplay(await this.parts.admin.redeliverAll({ ...filter }, dryRun ?? false));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Replay, {
    description:
      'Stored events that match, to one webhook, whether or not they were ever delivered to it: in the order of their times, as deliveries of their own.',
  })
  async replayEvents(
    @Arg('webhookId', () => ID, { description: 'Who hears them.' }) webhookId: string,
    @Arg('filter', () => EventFilterInput, { description: 'Which events; empty: all.' })
    filter: EventFilterInput,
    @Arg('dryRun', () => Boolean, { nullable: true, defaultValue: false, description: 'Only count.' }) dryRun:
      | boolean
      | null,
  ): Promise<Replay> {
    return toReplay(await this.parts.admin.replayEvents(webhookId, filter, dryRun ?? false));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Replay, {
    description: 'Hands over nothing more; what was handed over is still sent.',
  })
  async cancelReplay(@IdArg() id: string): Promise<Replay> {
    return toReplay(await this.parts.admin.cancel(id));
  }

  @FieldResolver(() => Webhook, { nullable: true, description: 'Null where it is of several, or deleted.' })
  async webhook(@Root() { webhookId }: Replay): Promise<Webhook | null> {
    const webhook = webhookId === null ? null : await this.parts.webhooks.get(webhookId);
    return webhook ? toWebhook(webhook) : null;
  }
}
