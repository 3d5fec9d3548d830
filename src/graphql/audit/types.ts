import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { AuditOutcome, AuditEntry as StoredEntry } from '../../domain/audit';
import { connectionTypes } from '../connection';
import { DateTimeScalar, JsonScalar } from '../scalars';

export const AuditOutcomeEnum = {
  DONE: 'DONE',
  REFUSED: 'REFUSED',
  FAILED: 'FAILED',
  UNKNOWN: 'UNKNOWN',
} as const;

registerEnumType(AuditOutcomeEnum, {
  name: 'AuditOutcome',
  description: 'What came of an action.',
  valuesConfig: {
    DONE: { description: 'It was done.' },
    REFUSED: { description: 'The caller may not, or asked for what can not be.' },
    FAILED: { description: 'It failed on our side.' },
    UNKNOWN: { description: 'It is under way, or the server ended before it could say.' },
  },
});

@ObjectType({ description: 'Who changed, or tried to change, what, when, from where. Kept for a year.' })
export class AuditEntry {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => DateTimeScalar, { description: 'When it began.' })
  at!: Date;

  @Field(() => String, {
    description: 'An e-mail address, `key <name> (tg_<id>)`, `anonymous`, or `operator at the machine`.',
  })
  actor!: string;

  @Field(() => String, { description: "The mutation's name, or the command's." })
  action!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Id of what it was about, or the address that was tried.',
  })
  target!: string | null;

  @Field(() => String, { nullable: true, description: 'Where it came from; null at the machine itself.' })
  ip!: string | null;

  @Field(() => JsonScalar, { nullable: true, description: 'The arguments, without what is secret.' })
  changes!: unknown;

  @Field(() => AuditOutcomeEnum, { description: 'What came of it.' })
  outcome!: AuditOutcome;

  @Field(() => String, { nullable: true, description: 'The code of the error, where it was not done.' })
  error!: string | null;

  @Field(() => String, { nullable: true, description: 'Of the request, as the log has it.' })
  requestId!: string | null;
}

const auditTypes = connectionTypes('AuditEntry', () => AuditEntry);

@ObjectType({ description: 'A page of the audit log, newest first.' })
export class AuditEntryConnection extends auditTypes.ConnectionBase {}

export function toAuditEntry({ _id: id, ...entry }: StoredEntry): AuditEntry {
  return { id, ...entry };
}
