import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DIMENSIONS } from '../../domain/stats/dimension';
import { INTERVALS } from '../../domain/stats/interval';
import { BigIntScalar, DateTimeScalar } from '../scalars';
import type { StatsQuery } from './stats-query';

export const EventDimensionEnum = Object.fromEntries(DIMENSIONS.map((name) => [name, name]));
registerEnumType(EventDimensionEnum, {
  name: 'EventDimension',
  description:
    "What events are counted by. The key is the event's own value: COUNTRY ISO 3166-1 alpha-2, ASN its number, ACTOR a name, ADDRESS what stands in sourceIPAddress, SOURCE the id of the source that stored it.",
  valuesConfig: {
    COUNTRY: { description: 'Of the address; ISO 3166-1 alpha-2.' },
    CITY: { description: 'Of the address.' },
    ASN: { description: 'Of the network that the address belongs to; its number.' },
    ACTOR: { description: 'enrichment.actor.name.' },
    IDENTITY_TYPE: { description: 'userIdentity.type.' },
    EVENT_NAME: { description: 'eventName.' },
    EVENT_SOURCE: { description: 'eventSource.' },
    AWS_REGION: { description: 'awsRegion.' },
    ACCOUNT: { description: 'recipientAccountId.' },
    ERROR_CODE: { description: 'errorCode; events without one are left out.' },
    OUTCOME: { description: 'SUCCESS or FAILURE.' },
    ADDRESS: { description: 'sourceIPAddress.' },
    SOURCE: { description: 'The source that stored it, by id.' },
  },
});

export const HistogramIntervalEnum = Object.fromEntries(
  ['AUTO', ...Object.keys(INTERVALS)].map((n) => [n, n]),
);
registerEnumType(HistogramIntervalEnum, {
  name: 'HistogramInterval',
  description:
    'Length of a step, in UTC; weeks begin on Mondays. AUTO: the shortest that makes at most 200 steps, and no less than an hour from 12 hours on.',
  valuesConfig: {
    AUTO: { description: 'Chosen by the length of the time that is asked for.' },
    MINUTE: { description: 'A minute.' },
    MINUTE_5: { description: 'Five minutes.' },
    MINUTE_15: { description: 'A quarter of an hour.' },
    HOUR: { description: 'An hour.' },
    HOUR_6: { description: 'Six hours.' },
    DAY: { description: 'A day.' },
    WEEK: { description: 'A week, from Monday on.' },
  },
});

/** What the field resolvers of EventStats go on from. */
@ObjectType({
  description:
    'Counts over filter.from..filter.to, the last 24 hours where they are absent. Exact: each event once, from the moment it is committed. An event is left out up to an hour before retention removes it.',
})
export class EventStats {
  @Field(() => DateTimeScalar, { description: 'Begin, inclusive.' })
  from!: Date;

  @Field(() => DateTimeScalar, { description: 'End, exclusive.' })
  to!: Date;

  query!: StatsQuery;
}

@ObjectType({ description: 'Events over time.' })
export class Histogram {
  @Field(() => Int, { description: 'Length of a step.' })
  intervalSeconds!: number;

  @Field(() => [HistogramSeries], {
    description:
      'One without splitBy. With it one for each of the most frequent keys, the most frequent first, then one with key null for all the rest, where there is any.',
  })
  series!: HistogramSeries[];
}

@ObjectType({ description: 'Events over time, of one key.' })
export class HistogramSeries {
  @Field(() => String, { nullable: true, description: 'The key; null for all, or for the rest.' })
  key!: string | null;

  @Field(() => [DateTimeScalar], {
    description: 'Begins of the steps. The first and the last step may reach beyond from and to.',
  })
  times!: Date[];

  @Field(() => [Int], { description: 'Events in each step that lie within from and to.' })
  counts!: number[];
}

@ObjectType({ description: 'The events of one key.' })
export class Bucket {
  @Field(() => String, { description: 'A value of the dimension.' })
  key!: string;

  @Field(() => BigIntScalar, { description: 'Events.' })
  count!: number;

  @Field(() => BigIntScalar, { description: 'Those of them that failed.' })
  failures!: number;
}

@ObjectType({ description: 'The events of one place on the map.' })
export class Place {
  @Field(() => Float, { description: 'Degrees.' })
  latitude!: number;

  @Field(() => Float, { description: 'Degrees.' })
  longitude!: number;

  @Field(() => String, { nullable: true, description: 'ISO 3166-1 alpha-2.' })
  countryCode!: string | null;

  @Field(() => String, { nullable: true, description: 'City.' })
  city!: string | null;

  @Field(() => BigIntScalar, { description: 'Events.' })
  count!: number;

  @Field(() => BigIntScalar, { description: 'Those of them that failed.' })
  failures!: number;
}
