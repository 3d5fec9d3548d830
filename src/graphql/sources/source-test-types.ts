import { Field, ObjectType, registerEnumType } from 'type-graphql';
import type { CheckStatus } from '../../domain/source-check';
import { JsonScalar } from '../scalars';

export const CheckStatusEnum = { PASS: 'PASS', WARN: 'WARN', FAIL: 'FAIL', SKIPPED: 'SKIPPED' } as const;
registerEnumType(CheckStatusEnum, {
  name: 'CheckStatus',
  description:
    'WARN: works, and should be looked at. SKIPPED: not tried, since a step that it rests on did not succeed.',
  valuesConfig: {
    PASS: { description: 'Works.' },
    WARN: { description: 'Works, and should be looked at.' },
    FAIL: { description: 'Does not work: see its remedy.' },
    SKIPPED: { description: 'Not tried.' },
  },
});
const MAYBE = { nullable: true } as const;

@ObjectType({
  description: 'One step of a connection test, in order: credentials, identity, permission, sample.',
})
export class SourceCheck {
  @Field(() => String, {
    description: 'credentials, identity, permission (one for each action), settings, sample or overlap.',
  })
  name!: string;

  @Field(() => CheckStatusEnum, { description: 'How it came out.' })
  status!: CheckStatus;

  @Field(() => String, { description: 'What was found, or what went wrong and with which resource.' })
  message!: string;

  @Field(() => String, { ...MAYBE, description: 'What to do about it.' })
  remedy!: string | null;

  @Field(() => String, { ...MAYBE, description: 'The AWS action that was tried, like s3:ListBucket.' })
  awsAction!: string | null;
}

@ObjectType({ description: 'What a test of a source has shown. Nothing of it is stored.' })
export class SourceTest {
  @Field(() => Boolean, { description: 'Whether no step has failed.' })
  ok!: boolean;

  @Field(() => String, { ...MAYBE, description: 'Whose rights the calls have; null where nobody told.' })
  callerArn!: string | null;

  @Field(() => [SourceCheck], { description: 'The steps, in order.' })
  checks!: SourceCheck[];

  @Field(() => [JsonScalar], { description: 'Up to three records that the source would bring.' })
  sampleRecords!: object[];

  @Field(() => JsonScalar, {
    ...MAYBE,
    description: 'The least IAM policy under which the source can be read; null for kinds that need none.',
  })
  policyDocument!: object | null;
}
