import { Field, ID, InputType, Int } from 'type-graphql';
import type { AddressKind, Outcome } from '../../domain/event';
import type { EventFilter } from '../../domain/filter';
import { DateTimeScalar } from '../scalars';
import { AddressKindEnum, OutcomeEnum } from './enrichment-types';

const LIST = { nullable: true } as const;

@InputType('EventFilter', {
  description:
    'Members are AND-ed, values in a list OR-ed, a trailing * matches a prefix, addresses also take CIDR, text looks into names, ARNs, addresses, errors and resources. One language for queries, subscriptions, webhooks and drop filters. Nests at most 4 deep and holds at most 200 values of at most 1 KB.',
})
export class EventFilterInput implements EventFilter {
  @Field(() => DateTimeScalar, { ...LIST, description: 'eventTime at or after this.' })
  from?: Date | null;

  @Field(() => DateTimeScalar, { ...LIST, description: 'eventTime before this.' })
  to?: Date | null;

  @Field(() => String, {
    ...LIST,
    description: 'Text that stands in a name, an ARN, an address, an error or a resource, in any case.',
  })
  text?: string | null;

  @Field(() => [ID], { ...LIST, description: 'Sources that stored the event first.' })
  sourceIds?: string[] | null;

  @Field(() => [ID], { ...LIST, description: 'Ids of events.' })
  ids?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Such as AssumeRole or Delete*.' })
  eventNames?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Such as iam.amazonaws.com.' })
  eventSources?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Such as eu-central-1 or us-*.' })
  awsRegions?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Accounts that received the event.' })
  accountIds?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Names or ARNs of who acted.' })
  actors?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Such as Root or AssumedRole.' })
  identityTypes?: string[] | null;

  @Field(() => [String], { ...LIST, description: 'Access keys that signed the request.' })
  accessKeyIds?: string[] | null;

  @Field(() => [String], {
    ...LIST,
    description: 'What stands in sourceIPAddress, or a CIDR such as 203.0.113.0/24.',
  })
  addresses?: string[] | null;

  @Field(() => [AddressKindEnum], { ...LIST, description: 'Kinds of sourceIPAddress.' })
  addressKinds?: AddressKind[] | null;

  @Field(() => [String], { ...LIST, description: 'ISO 3166-1 alpha-2.' })
  countryCodes?: string[] | null;

  @Field(() => [Int], { ...LIST, description: 'Autonomous system numbers.' })
  asns?: number[] | null;

  @Field(() => [String], { ...LIST, description: 'Such as AccessDenied.' })
  errorCodes?: string[] | null;

  @Field(() => OutcomeEnum, { ...LIST, description: 'Whether the action succeeded.' })
  outcome?: Outcome | null;

  @Field(() => Boolean, { ...LIST, description: 'Whether the action only reads.' })
  readOnly?: boolean | null;

  @Field(() => Boolean, { ...LIST, description: 'Whether the root of an account acted.' })
  root?: boolean | null;

  @Field(() => [String], { ...LIST, description: 'ARNs of what was touched.' })
  resourceARNs?: string[] | null;

  @Field(() => [EventFilterInput], { ...LIST, description: 'All of these must match.' })
  all?: EventFilterInput[] | null;

  @Field(() => [EventFilterInput], { ...LIST, description: 'At least one of these must match.' })
  any?: EventFilterInput[] | null;

  @Field(() => [EventFilterInput], { ...LIST, description: 'None of these may match.' })
  none?: EventFilterInput[] | null;
}
