import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { AddressKind, Outcome } from '../../domain/event';

export const OutcomeEnum = { SUCCESS: 'SUCCESS', FAILURE: 'FAILURE' } as const;
registerEnumType(OutcomeEnum, {
  name: 'Outcome',
  description: 'Whether the action succeeded.',
  valuesConfig: {
    SUCCESS: { description: 'No error is told.' },
    FAILURE: { description: 'The record tells an error, or a failed sign-in.' },
  },
});

export const AddressKindEnum = {
  PUBLIC: 'PUBLIC',
  PRIVATE: 'PRIVATE',
  AWS_SERVICE: 'AWS_SERVICE',
  AWS_INTERNAL: 'AWS_INTERNAL',
  UNKNOWN: 'UNKNOWN',
} as const;
registerEnumType(AddressKindEnum, {
  name: 'AddressKind',
  description:
    "What stands in sourceIPAddress: a public or private address, an AWS service's DNS name, `AWS Internal`, or something else.",
  valuesConfig: {
    PUBLIC: { description: 'An address that the Internet routes.' },
    PRIVATE: { description: 'An address of a special-purpose range.' },
    AWS_SERVICE: { description: "The DNS name of an AWS service, which called on somebody's behalf." },
    AWS_INTERNAL: { description: '`AWS Internal`.' },
    UNKNOWN: { description: 'Nothing, or something else.' },
  },
});

@ObjectType({
  description:
    'country, region and subregion as the UN M49 standard names them; the rest from the city database. All offline look-ups; a miss is null, never an error.',
})
export class Geo {
  @Field(() => String, { nullable: true, description: 'Name of the country.' })
  country!: string | null;

  @Field(() => String, { nullable: true, description: 'ISO 3166-1 alpha-2.' })
  countryCode!: string | null;

  @Field(() => String, { nullable: true, description: 'UN M49 region, such as Europe.' })
  region!: string | null;

  @Field(() => String, { nullable: true, description: 'UN M49 sub-region, such as Northern Europe.' })
  subregion!: string | null;

  @Field(() => String, { nullable: true, description: 'State or province.' })
  subdivision!: string | null;

  @Field(() => String, { nullable: true, description: 'City.' })
  city!: string | null;

  @Field(() => Float, { nullable: true, description: 'Degrees.' })
  latitude!: number | null;

  @Field(() => Float, { nullable: true, description: 'Degrees.' })
  longitude!: number | null;

  @Field(() => String, { nullable: true, description: 'IANA time zone, where the city database has it.' })
  timeZone!: string | null;
}

@ObjectType({ description: 'The network that announces the address.' })
export class Network {
  @Field(() => Int, { nullable: true, description: 'Autonomous system number.' })
  asn!: number | null;

  @Field(() => String, { nullable: true, description: 'Who runs it.' })
  organization!: string | null;
}

@ObjectType({ description: 'Who acted, normalised over all identity types.' })
export class Actor {
  @Field(() => String, { description: 'A name to read and to filter by.' })
  name!: string;

  @Field(() => String, { description: 'userIdentity.type, or Unknown.' })
  kind!: string;

  @Field(() => String, { nullable: true, description: 'ARN of the caller.' })
  arn!: string | null;

  @Field(() => String, { nullable: true, description: 'Account of the caller.' })
  accountId!: string | null;

  @Field(() => Boolean, { description: 'Whether it was the root of an account.' })
  root!: boolean;

  @Field(() => Boolean, { nullable: true, description: 'Whether it signed in with a second factor.' })
  mfa!: boolean | null;

  @Field(() => String, { nullable: true, description: 'The role or user that issued the session.' })
  issuerArn!: string | null;
}

@ObjectType({ description: 'What TrailGraph adds to a record.' })
export class Enrichment {
  @Field(() => AddressKindEnum, { description: 'What stands in sourceIPAddress.' })
  addressKind!: AddressKind;

  @Field(() => Geo, { nullable: true, description: 'Where a public address lies.' })
  geo!: Geo | null;

  @Field(() => Network, { nullable: true, description: 'The network of a public address.' })
  network!: Network | null;

  @Field(() => Actor, { description: 'Who acted.' })
  actor!: Actor;

  @Field(() => OutcomeEnum, { description: 'Whether the action succeeded.' })
  outcome!: Outcome;
}
