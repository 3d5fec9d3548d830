import {
  Arg,
  Authorized,
  Ctx,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { PartResult } from '../../domain/batch';
import { Invalid } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { rawRecord, rawText } from '../../domain/records/stored-event';
import { AfterArg, CountLimitArg } from '../arguments';
import { connectionTypes, countLimit, pageRequest } from '../connection';
import type { Context } from '../context';
import { JsonScalar } from '../scalars';
import type { EventReader } from './event-reader';
import type { SubscriptionArgs } from './event-subscription';
import { EventFilterInput } from './filter-input';
import { EnrichedEvent, EventOrder, IngestResult } from './types';

const { ConnectionBase } = connectionTypes('Event', () => EnrichedEvent);

@ObjectType({ description: 'A page of events.' })
export class EventConnection extends ConnectionBase {
  /** What totalCount counts. */
  filter!: EventFilter | null;
}

/** What `ingestEvents` needs of the pipeline. */
export interface Ingest {
  submit(sourceId: string | null, text: Buffer, requestId: string): Promise<PartResult>;
}

interface EventsArgs {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
}

const MAX_INGEST_BYTES = 1024 * 1024;

@Resolver(() => EnrichedEvent)
export class EventResolver {
  constructor(
    private readonly reader: EventReader,
    private readonly ingest: Ingest,
  ) {}

  @Authorized('VIEWER')
  @Query(() => EnrichedEvent, {
    nullable: true,
    description: 'One event by its id; null where there is none.',
  })
  event(@Arg('id', () => ID, { description: 'In any case.' }) id: string): Promise<EnrichedEvent | null> {
    return this.reader.get(id);
  }

  @Authorized('VIEWER')
  @Query(() => String, {
    description:
      'The place after everything that is stored by now. Given as `after` of eventEnriched, it makes sure that nothing is missed, also when the connection breaks before the first event.',
  })
  liveCursor(): Promise<string> {
    return this.reader.liveCursor();
  }

  @Authorized('VIEWER')
  @Query(() => EventConnection, {
    description: 'Events that match, newest eventTime first unless `orderBy` says otherwise.',
  })
  async events(
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: 50,
      description: 'At most 200. Not looked at where last is given.',
    })
    first?: number | null,
    @AfterArg() after?: string | null,
    @Arg('last', () => Int, { nullable: true, description: 'At most 200.' }) last?: number | null,
    @Arg('before', () => String, { nullable: true, description: 'Cursor of an edge.' }) before?:
      | string
      | null,
    @Arg('filter', () => EventFilterInput, { nullable: true, description: 'Which events.' })
    filter?: EventFilterInput | null,
    @Arg('orderBy', () => EventOrder, { nullable: true, description: 'In which order.' })
    orderBy?: EventOrder | null,
  ): Promise<EventConnection> {
    const args: EventsArgs = { first, after, last, before };
    const checked = filter ? checkFilter(filter, ['filter']) : null;
    const order = {
      field: orderBy?.field === 'INGESTED_AT' ? ('ingestedAt' as const) : ('eventTime' as const),
      descending: orderBy?.direction !== 'ASC',
    };
    const connection = await this.reader.page(checked, order, pageRequest(args));
    return Object.assign(new EventPage(), connection, { filter: checked });
  }

  @Authorized('OPERATOR')
  @Mutation(() => IngestResult, {
    description:
      'Records, or their JSON text where numbers must stay exact (exactly one of both), stored before it answers; sending them again stores nothing twice. More than 1 MiB goes to /ingest. Without sourceId: the built-in source `direct`.',
  })
  async ingestEvents(
    @Ctx() { requestId }: Context,
    @Arg('records', () => [JsonScalar], { nullable: true, description: 'CloudTrail records.' }) records?:
      | unknown[]
      | null,
    @Arg('recordsText', () => String, {
      nullable: true,
      description: 'A JSON list of records, or `{"Records":[...]}`.',
    })
    recordsText?: string | null,
    @Arg('sourceId', () => ID, { nullable: true, description: 'The source on which they count.' }) sourceId?:
      | string
      | null,
  ): Promise<IngestResult> {
    const {
      rejections,
      rejected: _,
      ...counts
    } = await this.ingest.submit(sourceId ?? null, recordsBody(records, recordsText), requestId);
    return { ...counts, rejected: rejections };
  }

  @Subscription(() => EnrichedEvent, {
    description:
      'Newly enriched events, live. With after, first everything stored since that cursor, then live, without a gap and without doubles.',
    subscribe: ({ args, context }) => {
      const { caller, subscriptions } = context as Context;
      return subscriptions.events.follow(args as SubscriptionArgs, caller);
    },
  })
  @Authorized('VIEWER')
  eventEnriched(
    @Root() event: EnrichedEvent,
    @Arg('filter', () => EventFilterInput, { nullable: true, description: 'Which events.' })
    _filter?: EventFilterInput | null,
    @Arg('after', () => String, { nullable: true, description: "An event's `cursor`." }) _after?:
      | string
      | null,
  ): EnrichedEvent {
    return event;
  }

  @FieldResolver(() => JsonScalar, {
    description: 'The record as received; numbers beyond a double are rounded here.',
  })
  raw(@Root() event: EnrichedEvent): unknown {
    return rawRecord(event.stored);
  }

  @FieldResolver(() => String, { description: 'The record as JSON text, exact.' })
  rawText(@Root() event: EnrichedEvent): string {
    return rawText(event.stored);
  }
}

class EventPage extends EventConnection {}

@Resolver(() => EventConnection)
export class EventConnectionResolver {
  constructor(private readonly reader: EventReader) {}

  @FieldResolver(() => Int, { description: 'How many events match, counted up to `limit`.' })
  totalCount(@Root() connection: EventConnection, @CountLimitArg() given: number | null): Promise<number> {
    return this.reader.count(connection.filter, countLimit(given));
  }
}

function recordsBody(records: unknown[] | null | undefined, recordsText: string | null | undefined): Buffer {
  const given = [records, recordsText].filter((value) => value !== null && value !== undefined);
  if (given.length !== 1) {
    throw new Invalid('Give exactly one of `records` and `recordsText`.', [
      { path: ['records'], message: 'exactly one of records and recordsText' },
    ]);
  }
  const text = recordsText ?? JSON.stringify(records);
  const body = Buffer.from(text.trimStart().startsWith('[') ? `{"Records":${text}}` : text);
  if (body.length > MAX_INGEST_BYTES) {
    throw new Invalid('More than 1 MiB of records goes to POST /ingest/:sourceId.', [
      { path: ['records'], message: 'more than 1 MiB' },
    ]);
  }
  return body;
}
