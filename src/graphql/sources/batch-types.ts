import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { BatchState, Batch as StoredBatch } from '../../domain/batch';
import { DateTimeScalar } from '../scalars';

export const BatchStateEnum = {
  PENDING: 'PENDING',
  DONE: 'DONE',
  FAILED: 'FAILED',
  QUARANTINED: 'QUARANTINED',
  CANCELLED: 'CANCELLED',
} as const;
registerEnumType(BatchStateEnum, {
  name: 'BatchState',
  description:
    'FAILED: the object is gone or denied for a day. QUARANTINED: it killed its worker three times, or nobody can read it.',
  valuesConfig: {
    PENDING: { description: 'Not settled yet.' },
    DONE: { description: 'All of its records are stored or accounted for.' },
    FAILED: { description: 'The object is gone, or was denied for a day.' },
    QUARANTINED: { description: 'Nobody can read it, or it killed its worker three times.' },
    CANCELLED: { description: 'With its source or its backfill.' },
  },
});

const MAYBE = { nullable: true } as const;

@ObjectType({
  description:
    'A unit of fetched work in the ledger: one S3 object, one page of LookupEvents, one pushed body.',
})
export class Batch {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => ID, { description: 'The source it came from.' })
  sourceId!: string;

  @Field(() => String, { description: 'What it is, such as s3://bucket/key.' })
  reference!: string;

  @Field(() => BatchStateEnum, { description: 'Where it stands.' })
  state!: BatchState;

  @Field(() => Int, { description: 'How often it was taken up.' })
  attempts!: number;

  @Field(() => Int, { description: 'Records in it.' })
  received!: number;

  @Field(() => Int, { description: 'Events stored for the first time.' })
  stored!: number;

  @Field(() => Int, { description: 'Records that were stored already.' })
  duplicates!: number;

  @Field(() => Int, { description: 'Records that matched the drop filter.' })
  dropped!: number;

  @Field(() => Int, { description: 'Records that could not be kept.' })
  rejected!: number;

  @Field(() => String, { ...MAYBE, description: 'What went wrong.' })
  error!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it came into the ledger.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it was settled.' })
  doneAt!: Date | null;
}

export function toBatch(batch: StoredBatch): Batch {
  const {
    _id: id,
    sourceId,
    reference,
    state,
    attempts,
    received,
    stored,
    duplicates,
    dropped,
    rejected,
    error,
    createdAt,
    doneAt,
  } = batch;
  return {
    id,
    sourceId,
    reference,
    state,
    attempts,
    received,
    stored,
    duplicates,
    dropped,
    rejected,
    error,
    createdAt,
    doneAt,
  };
}
