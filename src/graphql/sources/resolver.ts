import {
  Arg,
  Authorized,
  Ctx,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { BatchState } from '../../domain/batch';
import type { SourceKind, SourceState } from '../../domain/source';
import { addCounts } from '../../domain/source';
import { healthOf, lagOf } from '../../domain/source-health';
import type { BatchStore } from '../../store/batches';
import type { CommitStore } from '../../store/commits';
import type { SourceBatches } from '../../store/source-batches';
import type { SourceStore } from '../../store/sources';
import { AfterArg, FirstArg, IdArg } from '../arguments';
import { connectionTypes, countedConnectionTypes, pageRequest, toConnection } from '../connection';
import type { Context } from '../context';
import { Batch, BatchStateEnum, toBatch } from './batch-types';
import { CreateSourceInput, UpdateSourceInput } from './inputs';
import type { SourceAdmin } from './source-admin';
import {
  CreateSourcePayload,
  Source,
  SourceKindEnum,
  SourceStateEnum,
  SourceStatus,
  toSource,
} from './types';

const batchTypes = connectionTypes('Batch', () => Batch);
const sourceTypes = countedConnectionTypes('Source', () => Source);

@ObjectType({ description: 'A page of batches, newest first.' })
export class BatchConnection extends batchTypes.ConnectionBase {}

@ObjectType({ description: 'A page of sources, oldest first.' })
export class SourceConnection extends sourceTypes.ConnectionBase {}

export interface SourceResolverParts {
  sources: SourceStore;
  batches: Pick<BatchStore, 'get'>;
  sourceBatches: SourceBatches;
  commits: CommitStore;
  admin: SourceAdmin;
  now: () => Date;
}

@Resolver(() => Source)
export class SourceResolver {
  constructor(private readonly parts: SourceResolverParts) {}

  @Authorized('VIEWER')
  @Query(() => Source, { nullable: true, description: 'One source; null where there is none.' })
  async source(@IdArg() id: string): Promise<Source | null> {
    const source = await this.parts.sources.get(id);
    return source ? toSource(source) : null;
  }

  @Authorized('VIEWER')
  @Query(() => SourceConnection, { description: 'Sources, oldest first.' })
  async sources(
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('kinds', () => [SourceKindEnum], { nullable: true, description: 'Only these.' }) kinds?:
      | SourceKind[]
      | null,
    @Arg('states', () => [SourceStateEnum], { nullable: true, description: 'Only these.' }) states?:
      | SourceState[]
      | null,
  ): Promise<SourceConnection> {
    const [page, totalCount] = await Promise.all([
      this.parts.sources.page({ kinds, states }, pageRequest({ first, after })),
      this.parts.sources.count({ kinds, states }),
    ]);
    return { ...toConnection(page, toSource), totalCount };
  }

  @Authorized('VIEWER')
  @Query(() => Batch, { nullable: true, description: 'One batch; null where there is none.' })
  async batch(@IdArg() id: string): Promise<Batch | null> {
    const batch = await this.parts.batches.get(id);
    return batch ? toBatch(batch) : null;
  }

  @Authorized('OPERATOR')
  @Mutation(() => CreateSourcePayload, { description: 'Makes a source, which is read at once.' })
  async createSource(
    @Arg('input', () => CreateSourceInput, { description: 'What it is to be.' }) input: CreateSourceInput,
    @Ctx() { caller }: Context,
  ): Promise<CreateSourcePayload> {
    const { source, ingestToken } = await this.parts.admin.create(input, caller!.role);
    return { source: toSource(source), ingestToken };
  }

  @Authorized('OPERATOR')
  @Mutation(() => Source, { description: 'Changes a source.' })
  async updateSource(
    @IdArg() id: string,
    @Arg('input', () => UpdateSourceInput, { description: 'What changes.' }) input: UpdateSourceInput,
    @Ctx() { caller }: Context,
  ): Promise<Source> {
    return toSource(await this.parts.admin.update(id, input, caller!.role));
  }

  @Authorized('OPERATOR')
  @Mutation(() => ID, {
    description: 'Stops fetching, cancels what is not read yet, then hides the source. Its events stay.',
  })
  async deleteSource(@IdArg() id: string): Promise<string> {
    await this.parts.admin.delete(id);
    return id;
  }

  @Authorized('OPERATOR')
  @Mutation(() => Source, { description: 'Stops fetching; what is in the ledger is still stored.' })
  async pauseSource(@IdArg() id: string): Promise<Source> {
    return toSource(await this.parts.admin.pause(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Source, { description: 'Goes on where it was paused.' })
  async resumeSource(@IdArg() id: string): Promise<Source> {
    return toSource(await this.parts.admin.resume(id));
  }

  @Authorized('OPERATOR')
  @Mutation(() => Source, { description: 'Reads the source at once.' })
  async fetchNow(@Arg('sourceId', () => ID, { description: 'Its id.' }) sourceId: string): Promise<Source> {
    return toSource(await this.parts.admin.fetchNow(sourceId));
  }

  @Authorized('OPERATOR')
  @Mutation(() => CreateSourcePayload, {
    description: 'Gives an HTTP_PUSH source a new token, shown only now. The old one stops working at once.',
  })
  async rotateIngestToken(@IdArg() id: string): Promise<CreateSourcePayload> {
    const { source, ingestToken } = await this.parts.admin.rotateIngestToken(id);
    return { source: toSource(source), ingestToken };
  }

  @Subscription(() => Source, {
    description:
      'A source whenever its configuration, state, health or counters changed, at most once a second each. Of one that is deleted nothing more comes.',
    subscribe: ({ args, context }) => {
      const { caller, subscriptions } = context as Context;
      return subscriptions.sources.follow((args as { ids?: string[] | null }).ids, caller);
    },
  })
  @Authorized('VIEWER')
  sourceChanged(
    @Root() source: Source,
    @Arg('ids', () => [ID], { nullable: true, description: 'Only these, at most 200; all where absent.' })
    _ids?: string[] | null,
  ): Source {
    return source;
  }

  @FieldResolver(() => SourceStatus, { description: 'How it fares, and its counters.' })
  async status(@Root() { stored }: Source): Promise<SourceStatus> {
    const { commits, sourceBatches } = this.parts;
    const [unfolded, unsettled] = await Promise.all([
      commits.countsAfter(stored._id, stored.through),
      sourceBatches.oldestUnsettled(stored._id),
    ]);
    const now = this.parts.now();
    const counters = addCounts(stored.counters, unfolded);
    const { checkpoint, lagMs } = lagOf(stored, unsettled.get(stored._id) ?? null, now);
    return {
      ...healthOf(stored, counters.received, now),
      nextRunAt: stored.state === 'ACTIVE' ? stored.nextRunAt : null,
      checkpoint,
      lagSeconds: lagMs === null ? null : Math.round(lagMs / 1_000),
      ...counters,
    };
  }

  @FieldResolver(() => BatchConnection, { description: 'Its fetched work, newest first.' })
  async batches(
    @Root() { id }: Source,
    @FirstArg(20) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('states', () => [BatchStateEnum], { nullable: true, description: 'Only these.' }) states?:
      | BatchState[]
      | null,
  ): Promise<BatchConnection> {
    return toConnection(
      await this.parts.sourceBatches.page(id, states ?? null, pageRequest({ first, after })),
      toBatch,
    );
  }
}

@Resolver(() => Batch)
export class BatchResolver {
  constructor(private readonly sources: SourceStore) {}

  @FieldResolver(() => Source, { nullable: true, description: 'Null where the source is deleted.' })
  async source(@Root() { sourceId }: Batch): Promise<Source | null> {
    const source = await this.sources.get(sourceId);
    return source ? toSource(source) : null;
  }
}
