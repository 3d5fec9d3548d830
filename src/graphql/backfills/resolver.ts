import {
  Arg,
  Authorized,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { BackfillStatus } from '../../domain/backfill';
import type { BackfillStore } from '../../store/backfills';
import type { SourceStore } from '../../store/sources';
import { AfterArg, FirstArg, IdArg } from '../arguments';
import { connectionTypes, pageRequest, toConnection } from '../connection';
import type { Context } from '../context';
import { Source, toSource } from '../sources/types';
import type { BackfillAdmin } from './backfill-admin';
import { Backfill, StartBackfillInput, toBackfill } from './types';

const types = connectionTypes('Backfill', () => Backfill);

@ObjectType({ description: 'A page of backfills, newest first.' })
export class BackfillConnection extends types.ConnectionBase {}

export interface BackfillResolverParts {
  backfills: BackfillStore;
  sources: SourceStore;
  admin: BackfillAdmin;
  now: () => Date;
}

@Resolver(() => Backfill)
export class BackfillResolver {
  constructor(private readonly parts: BackfillResolverParts) {}

  @Authorized('VIEWER')
  @Query(() => Backfill, { nullable: true, description: 'One backfill; null where there is none.' })
  async backfill(@IdArg() id: string): Promise<Backfill | null> {
    const backfill = await this.parts.backfills.get(id);
    const [status] = backfill ? await this.parts.backfills.statuses([backfill]) : [];
    return status ? this.shown(status) : null;
  }

  @Authorized('OPERATOR')
  @Mutation(() => Backfill, {
    description:
      "Reads a stretch of a source's past, beside the live work and after it. It also runs while the source is paused.",
  })
  async startBackfill(
    @Arg('input', () => StartBackfillInput, { description: 'Which stretch.' }) input: StartBackfillInput,
  ): Promise<Backfill> {
    return this.shown(await this.parts.admin.start(input));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Backfill, { description: 'Stops the walk; what is in the ledger is still stored.' })
  async pauseBackfill(@IdArg() id: string): Promise<Backfill> {
    return this.shown(await this.parts.admin.pause(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Backfill, { description: 'Goes on where it was paused, or where it failed.' })
  async resumeBackfill(@IdArg() id: string): Promise<Backfill> {
    return this.shown(await this.parts.admin.resume(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Backfill, {
    description: 'Ends it, and cancels what of it is not read yet. What is stored stays.',
  })
  async cancelBackfill(@IdArg() id: string): Promise<Backfill> {
    return this.shown(await this.parts.admin.cancel(id));
  }

  @Subscription(() => Backfill, {
    description:
      'A backfill as it is now, and whenever it changes, at most once a second; completes once it is done, failed or cancelled and all that it began is settled.',
    subscribe: ({ args, context }) => {
      const { caller, subscriptions } = context as Context;
      return subscriptions.backfills.follow((args as { id: string }).id, caller);
    },
  })
  @Authorized('VIEWER')
  backfillProgress(@Root() backfill: Backfill, @IdArg() _id: string): Backfill {
    return backfill;
  }

  @FieldResolver(() => Source, { nullable: true, description: 'Null where the source is deleted.' })
  async source(@Root() { sourceId }: Backfill): Promise<Source | null> {
    const source = await this.parts.sources.get(sourceId);
    return source ? toSource(source) : null;
  }

  private shown(status: BackfillStatus): Backfill {
    return toBackfill(status, this.parts.now());
  }
}

/** What sources say of their backfills. */
@Resolver(() => Source)
export class SourceBackfillsResolver {
  constructor(
    private readonly backfillStore: BackfillStore,
    private readonly now: () => Date,
  ) {}

  @FieldResolver(() => BackfillConnection, { description: 'Its backfills, newest first.' })
  async backfills(
    @Root() { id }: Source,
    @FirstArg(20) first: number | null,
    @AfterArg() after?: string | null,
  ): Promise<BackfillConnection> {
    const page = await this.backfillStore.page(id, pageRequest({ first, after }));
    const statuses = await this.backfillStore.statuses(page.items.map(({ item }) => item));
    const items = page.items.map(({ key }, index) => ({ key, item: statuses[index]! }));
    return toConnection({ ...page, items }, (status) => toBackfill(status, this.now()));
  }
}
