import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { type BackfillState, type BackfillStatus, etaSeconds, fractionDone } from '../../domain/backfill';
import { BigIntScalar, DateTimeScalar } from '../scalars';

export const BackfillStateEnum = {
  RUNNING: 'RUNNING',
  PAUSED: 'PAUSED',
  DONE: 'DONE',
  FAILED: 'FAILED',
  CANCELLED: 'CANCELLED',
} as const;
registerEnumType(BackfillStateEnum, {
  name: 'BackfillState',
  description:
    'PAUSED: what is in the ledger is still stored. FAILED: the source can not be read; resume it once that is mended.',
  valuesConfig: {
    RUNNING: { description: 'Is read, or waits for its turn.' },
    PAUSED: { description: 'Waits for resumeBackfill.' },
    DONE: { description: 'Read and stored to its end.' },
    FAILED: { description: 'The source could not be read.' },
    CANCELLED: { description: 'By cancelBackfill, or with its source.' },
  },
});

const MAYBE = { nullable: true } as const;

@InputType({ description: "A stretch of a source's past." })
export class StartBackfillInput {
  @Field(() => ID, { description: 'A source of kind LOOKUP_EVENTS, S3_BUCKET or S3_SQS.' })
  sourceId!: string;

  @Field(() => DateTimeScalar, { description: 'Events from this time on.' })
  from!: Date;

  @Field(() => DateTimeScalar, { description: 'Events before this time; at most now.' })
  to!: Date;

  @Field(() => Boolean, {
    ...MAYBE,
    description: 'Whether webhooks and subscriptions hear of what is stored; by default they do not.',
  })
  deliver?: boolean | null;
}

@ObjectType({
  description:
    "A stretch of a source's past that is read beside the live work. Files and pages are read whole, so events from outside of the range may come along.",
})
export class Backfill {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => ID, { description: 'The source that it reads.' })
  sourceId!: string;

  @Field(() => DateTimeScalar, { description: 'Events from this time on.' })
  from!: Date;

  @Field(() => DateTimeScalar, { description: 'Events before this time.' })
  to!: Date;

  @Field(() => BackfillStateEnum, { description: 'Where it stands.' })
  state!: BackfillState;

  @Field(() => Boolean, { description: 'Whether webhooks and subscriptions hear of what it stores.' })
  deliver!: boolean;

  @Field(() => Float, { ...MAYBE, description: 'How much of it is done, 0 to 100.' })
  percent!: number | null;

  @Field(() => Int, { description: 'Batches that are settled, also those that live fetching had stored.' })
  batchesDone!: number;

  @Field(() => Int, { ...MAYBE, description: 'All its batches; null until the range is walked to its end.' })
  batchesTotal!: number | null;

  @Field(() => BigIntScalar, { description: 'Records in the batches that are settled.' })
  received!: number;

  @Field(() => BigIntScalar, { description: 'Events that it stored.' })
  stored!: number;

  @Field(() => BigIntScalar, { description: 'Records that were stored already.' })
  duplicates!: number;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'Everything before this time is found.' })
  position!: Date | null;

  @Field(() => Int, { ...MAYBE, description: 'Seconds until it is done, at the speed that it has.' })
  etaSeconds!: number | null;

  @Field(() => String, { ...MAYBE, description: 'What went wrong last.' })
  error!: string | null;

  @Field(() => String, { ...MAYBE, description: 'What to do about it.' })
  remedy!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was started.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it was done, failed or cancelled.' })
  doneAt!: Date | null;
}

/** A backfill as callers see it. */
export function toBackfill(status: BackfillStatus, now: Date): Backfill {
  const { backfill, counts } = status;
  const { _id: id, sourceId, from, to, state, deliver, error, remedy, createdAt, doneAt } = backfill;
  const { received, stored, duplicates } = counts;
  return {
    id,
    sourceId,
    from,
    to,
    state,
    deliver,
    percent: Math.floor(fractionDone(status) * 10_000) / 100,
    batchesDone: backfill.known + counts.batches - counts.pending,
    batchesTotal: backfill.walkEnded ? backfill.known + counts.batches : null,
    received,
    stored,
    duplicates,
    position: backfill.state === 'DONE' ? to : backfill.through,
    etaSeconds: etaSeconds(status, now),
    error,
    remedy,
    createdAt,
    doneAt,
  };
}
