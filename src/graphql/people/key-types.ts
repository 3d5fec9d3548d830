import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { keyPrefix, type ApiKey as StoredKey } from '../../domain/api-key';
import type { Role } from '../../domain/user';
import { DateTimeScalar } from '../scalars';
import { RoleEnum } from './role';

@ObjectType({
  description:
    'A key for programs: `Authorization: Bearer tg_...` over HTTP, in connectionParams and at the push door. It belongs to the installation, not to who made it.',
})
export class ApiKey {
  @Field(() => ID, { description: 'Its id, which is part of the key.' })
  id!: string;

  @Field(() => String, { description: 'What it is for.' })
  name!: string;

  @Field(() => String, { description: 'How the key begins; the rest is secret.' })
  prefix!: string;

  @Field(() => RoleEnum, { description: 'What its holder may do.' })
  role!: Role;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Its last use, right to a minute.' })
  lastUsedAt!: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it runs out; null: never.' })
  expiresAt!: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was ended; listed for 90 days more.' })
  revokedAt!: Date | null;
}

@ObjectType({ description: 'A new API key. The secret is shown only here.' })
export class CreateApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key.' })
  apiKey!: ApiKey;

  @Field(() => String, { description: 'The whole key, `tg_<id>_<secret>`; only its hash is kept.' })
  secret!: string;
}

@InputType({ description: 'What an API key is to be.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: '1 to 100 characters: what it is for.' })
  name!: string;

  @Field(() => RoleEnum, { description: 'What its holder may do.' })
  role!: Role;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it runs out; absent: never.' })
  expiresAt?: Date | null;
}

export function toApiKey(key: StoredKey): ApiKey {
  const { _id: id, name, role, createdAt, lastUsedAt, expiresAt, revokedAt } = key;
  return { id, name, prefix: keyPrefix(key), role, createdAt, lastUsedAt, expiresAt, revokedAt };
}
