import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { QuarantinedRecord as StoredRecord } from '../../store/quarantine';
import { connectionTypes } from '../connection';
import { DateTimeScalar } from '../scalars';

@ObjectType({ description: 'A record that could not be kept, with up to 1 MiB of its text.' })
export class QuarantinedRecord {
  @Field(() => ID, { description: 'Its id: its batch and its place there.' })
  id!: string;

  @Field(() => ID, { description: 'The source it came from.' })
  sourceId!: string;

  @Field(() => ID, { description: 'The batch it came in.' })
  batchId!: string;

  @Field(() => Int, { description: 'Its place in the batch, counted from 0.' })
  position!: number;

  @Field(() => String, { description: 'Why it could not be kept, when it was last tried.' })
  reason!: string;

  @Field(() => String, {
    description: 'Its text, cut at 1 MiB; bytes that are no UTF-8 are shown as U+FFFD.',
  })
  text!: string;

  @Field(() => DateTimeScalar, { description: 'When it was put here.' })
  createdAt!: Date;
}

const { ConnectionBase } = connectionTypes('Quarantine', () => QuarantinedRecord);

@ObjectType({ description: 'A page of records that could not be kept, newest first.' })
export class QuarantineConnection extends ConnectionBase {
  /** What totalCount counts. */
  sourceId!: string | null;
}

export function toQuarantined(record: StoredRecord): QuarantinedRecord {
  const { _id: id, sourceId, batchId, position, reason, text, createdAt } = record;
  return { id, sourceId, batchId, position, reason, text, createdAt };
}
