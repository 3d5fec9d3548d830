import { Arg, Authorized, FieldResolver, Int, Query, Resolver, Root } from 'type-graphql';
import { Invalid } from '../../domain/errors';
import { checkFilter, type EventFilter } from '../../domain/filter';
import { DAY_MS } from '../../domain/stats/cells';
import type { Counts } from '../../domain/stats/counts';
import { type Dimension, placeOf } from '../../domain/stats/dimension';
import { type Buckets, bucketsOf, type Interval } from '../../domain/stats/interval';
import { EventFilterInput } from '../events/filter-input';
import { BigIntScalar } from '../scalars';
import { StatsQuery } from './stats-query';
import type { StatsReader, StatsScope } from './stats-reader';
import {
  Bucket,
  EventDimensionEnum,
  EventStats,
  Histogram,
  HistogramIntervalEnum,
  type HistogramSeries,
  Place,
} from './types';

const MAX_SERIES = 50;
const MAX_TOP = 1_000;
const MAX_PLACES = 5_000;

/** Counts of events. */
@Resolver(() => EventStats)
export class StatsResolver {
  constructor(
    private readonly reader: StatsReader,
    private readonly now: () => Date,
  ) {}

  @Authorized('VIEWER')
  @Query(() => EventStats, { description: 'Counts of the events that match.' })
  eventStats(
    @Arg('filter', () => EventFilterInput, {
      nullable: true,
      description: 'Which events. Without `to` up to now, without `from` the 24 hours before `to`.',
    })
    filter?: EventFilterInput | null,
  ): EventStats {
    const scope = scopeOf(filter ? checkFilter(filter, ['filter']) : null, this.now());
    return Object.assign(new EventStats(), {
      from: scope.from,
      to: scope.to,
      query: new StatsQuery(this.reader, scope),
    });
  }

  @FieldResolver(() => BigIntScalar, { description: 'Events that match.' })
  async total(@Root() { query }: EventStats): Promise<number> {
    return (await query.ask({ dimension: null, buckets: null })).sum.count;
  }

  @FieldResolver(() => BigIntScalar, { description: 'Those of them that failed.' })
  async failures(@Root() { query }: EventStats): Promise<number> {
    return (await query.ask({ dimension: null, buckets: null })).sum.failures;
  }

  @FieldResolver(() => Histogram, { description: 'Events over time.' })
  async histogram(
    @Root() { query, from, to }: EventStats,
    @Arg('interval', () => HistogramIntervalEnum, {
      nullable: true,
      defaultValue: 'AUTO',
      description: 'Length of a step; at most 3,000 of them.',
    })
    interval: Interval | 'AUTO' | null,
    @Arg('splitBy', () => EventDimensionEnum, {
      nullable: true,
      description: 'A series for each key of this.',
    })
    splitBy: Dimension | null,
    @Arg('splitTop', () => Int, {
      nullable: true,
      defaultValue: 5,
      description: 'Of the most frequent keys, 1 to 50; the others are counted together.',
    })
    splitTop: number | null,
  ): Promise<Histogram> {
    const buckets = bucketsOf(interval ?? 'AUTO', from, to);
    const series = within('splitTop', splitTop ?? 5, MAX_SERIES);
    const counts = await query.ask({ dimension: splitBy ?? null, buckets });
    return {
      intervalSeconds: buckets.stepMs / 1_000,
      series: splitBy ? splitSeries(counts, buckets, series) : [oneSeries(null, counts.all, buckets)],
    };
  }

  @FieldResolver(() => [Bucket], {
    description: 'The most frequent keys, those first; equal ones by name. Events without one are left out.',
  })
  async top(
    @Root() { query }: EventStats,
    @Arg('by', () => EventDimensionEnum, { description: 'The dimension.' }) by: Dimension,
    @Arg('first', () => Int, { nullable: true, defaultValue: 10, description: '1 to 1,000.' })
    first: number | null,
  ): Promise<Bucket[]> {
    const most = within('first', first ?? 10, MAX_TOP);
    const counts = await query.ask({ dimension: by, buckets: null });
    return counts.top(most).map(({ key, count, failures }) => ({ key: key!, count, failures }));
  }

  @FieldResolver(() => [Place], {
    description: 'The places on the map with the most events, those first. Events without one are left out.',
  })
  async places(
    @Root() { query }: EventStats,
    @Arg('first', () => Int, { nullable: true, defaultValue: 500, description: '1 to 5,000.' })
    first: number | null,
  ): Promise<Place[]> {
    const most = within('first', first ?? 500, MAX_PLACES);
    const counts = await query.ask({ dimension: 'PLACE', buckets: null });
    return counts.top(most).map(({ key, count, failures }) => ({ ...placeOf(key!), count, failures }));
  }
}

/** @throws Invalid where the time is none */
function scopeOf(filter: EventFilter | null, now: Date): StatsScope {
  const to = filter?.to ?? now;
  const from = filter?.from ?? new Date(to.getTime() - DAY_MS);
  if (from >= to) {
    throw new Invalid('The filter is not valid: from lies in the future.', [
      { path: ['filter', 'from'], message: 'must be earlier than to, or than now where there is no to' },
    ]);
  }
  return { filter, from, to };
}

function within(name: string, value: number, max: number): number {
  if (value < 1 || value > max) {
    throw new Invalid(`\`${name}\` must lie between 1 and ${max}.`, [
      { path: [name], message: `must lie between 1 and ${max}` },
    ]);
  }
  return value;
}

function splitSeries(counts: Counts, buckets: Buckets, series: number): HistogramSeries[] {
  const top = counts.top(series);
  const shown = new Set<string | null>(top.map(({ key }) => key));
  const rest = counts.all.filter(({ key }) => !shown.has(key));
  return [
    ...top.map((one) => oneSeries(one.key, [one], buckets)),
    ...(rest.length > 0 ? [oneSeries(null, rest, buckets)] : []),
  ];
}

function oneSeries(key: string | null, of: { steps: number[] }[], buckets: Buckets): HistogramSeries {
  const steps = Array.from({ length: buckets.count }, (_, index) => index);
  return {
    key,
    times: steps.map((step) => new Date(buckets.start + step * buckets.stepMs)),
    counts: steps.map((step) => of.reduce((sum, { steps: counts }) => sum + counts[step]!, 0)),
  };
}
