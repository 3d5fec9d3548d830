import { Arg, Authorized, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { PartResult } from '../../domain/batch';
import { Conflict, NotFound } from '../../domain/errors';
import type { BatchStore } from '../../store/batches';
import type { QuarantineStore } from '../../store/quarantine';
import type { SourceStore } from '../../store/sources';
import { AfterArg, CountLimitArg, FirstArg, IdArg } from '../arguments';
import { countLimit, pageRequest, toConnection } from '../connection';
import { IngestResult } from '../events/types';
import { Batch, toBatch } from '../sources/batch-types';
import { QuarantineConnection, QuarantinedRecord, toQuarantined } from './types';

export interface QuarantineResolverParts {
  quarantine: QuarantineStore;
  batches: BatchStore;
  sources: SourceStore;
  /** Takes quarantined records to their sources once more. */
  retry: (ids: string[]) => Promise<PartResult>;
  /** Tells the workers that a batch is due. */
  hint: (batchId: string) => Promise<void>;
}

/** What could not be kept or read: shown, and tried again. */
@Resolver(() => QuarantinedRecord)
export class QuarantineResolver {
  constructor(private readonly parts: QuarantineResolverParts) {}

  @Authorized('VIEWER')
  @Query(() => QuarantineConnection, { description: 'Records that could not be kept, newest first.' })
  async quarantine(
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
    @Arg('sourceId', () => ID, { nullable: true, description: 'Only those of this source.' }) sourceId?:
      | string
      | null,
  ): Promise<QuarantineConnection> {
    const source = sourceId ?? null;
    const page = await this.parts.quarantine.page(source, pageRequest({ first, after }));
    return Object.assign(new QuarantinePage(), toConnection(page, toQuarantined), { sourceId: source });
  }

  @Authorized('VIEWER')
  @Query(() => QuarantinedRecord, {
    nullable: true,
    description: 'One record that could not be kept; null where there is none.',
  })
  async quarantinedRecord(@IdArg() id: string): Promise<QuarantinedRecord | null> {
    const record = await this.parts.quarantine.get(id);
    return record ? toQuarantined(record) : null;
  }

  @Authorized('OPERATOR')
  @Mutation(() => IngestResult, {
    description:
      'Tries records again that could not be kept, at most 1,000. Those that are stored now, or were meanwhile, leave quarantine; the others stay, `rejected.index` being the place in `ids`. A record whose text is not kept whole is rejected: have its batch tried again.',
  })
  async retryQuarantined(
    @Arg('ids', () => [ID], { description: 'Ids of quarantined records.' }) ids: string[],
  ): Promise<IngestResult> {
    const { rejections, rejected: _, ...counts } = await this.parts.retry(ids);
    return { ...counts, rejected: rejections };
  }

  @Authorized('OPERATOR')
  @Mutation(() => Batch, {
    description:
      'Has a batch that is FAILED, QUARANTINED or CANCELLED read again from the beginning. What it stored before counts as duplicates then.',
  })
  async retryBatch(@IdArg() id: string): Promise<Batch> {
    const { batches, sources, hint } = this.parts;
    const before = await batches.get(id);
    if (!before) throw new NotFound(`There is no batch ${id}.`);
    if (!(await sources.get(before.sourceId)))
      throw new Conflict('The source of this batch was deleted: it can not be read again.');
    const batch = await batches.retry(id);
    if (!batch) throw whyNot((await batches.get(id))?.state ?? before.state);
    await hint(id);
    return toBatch(batch);
  }
}

function whyNot(state: string): Conflict {
  if (state === 'DONE') return new Conflict('This batch is DONE: there is nothing to try again.');
  if (state === 'PENDING') return new Conflict('This batch is PENDING: it is tried again by itself.');
  return new Conflict('The bytes of this batch are no longer kept: have its source send or list them again.');
}

class QuarantinePage extends QuarantineConnection {}

@Resolver(() => QuarantineConnection)
export class QuarantineConnectionResolver {
  constructor(private readonly quarantine: QuarantineStore) {}

  @FieldResolver(() => Int, { description: 'How many there are, counted up to `limit`.' })
  totalCount(
    @Root() { sourceId }: QuarantineConnection,
    @CountLimitArg() given: number | null,
  ): Promise<number> {
    return this.quarantine.count(sourceId, countLimit(given));
  }
}
