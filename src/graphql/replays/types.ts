import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { ReplayState, Replay as StoredReplay } from '../../domain/replay';
import { BigIntScalar, DateTimeScalar } from '../scalars';

export const ReplayStateEnum = {
  RUNNING: 'RUNNING',
  DONE: 'DONE',
  CANCELLED: 'CANCELLED',
  FAILED: 'FAILED',
} as const;
registerEnumType(ReplayStateEnum, {
  name: 'ReplayState',
  description: 'Where a replay stands.',
  valuesConfig: {
    RUNNING: { description: 'Hands on what it found.' },
    DONE: { description: 'All that it found was handed on.' },
    CANCELLED: { description: 'By cancelReplay.' },
    FAILED: { description: 'Could not go on.' },
  },
});

const MAYBE = { nullable: true } as const;

@ObjectType({
  description:
    'A bulk redelivery of what there was when it was made. It goes on after a restart; with dryRun nothing is sent and only matched is told.',
})
export class Replay {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => ID, { ...MAYBE, description: 'The webhook; null where deliveries of several may match.' })
  webhookId!: string | null;

  @Field(() => Boolean, { description: 'Whether it only counts.' })
  dryRun!: boolean;

  @Field(() => ReplayStateEnum, {
    description: 'DONE: everything is handed to the webhooks, which send it at their own pace.',
  })
  state!: ReplayState;

  @Field(() => BigIntScalar, { description: 'Deliveries or events that matched when it was made.' })
  matched!: number;

  @Field(() => BigIntScalar, { description: 'How many of them are handed to the webhooks.' })
  sent!: number;

  @Field(() => String, { ...MAYBE, description: 'Why it failed.' })
  error!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { ...MAYBE, description: 'When it ended.' })
  doneAt!: Date | null;
}

export function toReplay(replay: StoredReplay): Replay {
  const { _id: id, webhookId, dryRun, state, matched, sent, error, createdAt, doneAt } = replay;
  return { id, webhookId, dryRun, state, matched, sent, error, createdAt, doneAt };
}
