import { Field, ID, InputType, ObjectType } from 'type-graphql';
import type { SignedIn } from '../../auth/accounts';
import type { Role, User as StoredUser } from '../../domain/user';
import { countedConnectionTypes } from '../connection';
import { DateTimeScalar } from '../scalars';
import { ApiKey } from './key-types';
import { RoleEnum } from './role';

@ObjectType({ description: 'A person with an account.' })
export class User {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'In lower case.' })
  email!: string;

  @Field(() => RoleEnum, { description: 'What this person may do.' })
  role!: Role;

  @Field(() => Boolean, { description: 'Whether the account is closed to logins.' })
  disabled!: boolean;

  @Field(() => DateTimeScalar, { description: 'When the account was made.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'The last login.' })
  lastLoginAt!: Date | null;
}

@ObjectType({ description: 'Who is calling: a person or an API key. Null when anonymous.' })
export class Viewer {
  @Field(() => User, { nullable: true, description: 'The person.' })
  user!: User | null;

  @Field(() => ApiKey, { nullable: true, description: 'The API key.' })
  apiKey!: ApiKey | null;

  @Field(() => RoleEnum, { description: 'What the caller may do.' })
  role!: Role;
}

@ObjectType({
  description:
    'accessToken is a JWT for `Authorization: Bearer` and for connectionParams; refreshToken is opaque, rotated at each use.',
})
export class Session {
  @Field(() => String, { description: 'Good for 15 minutes.' })
  accessToken!: string;

  @Field(() => String, { description: 'Give it to refreshSession; good once, and for 30 days.' })
  refreshToken!: string;

  @Field(() => DateTimeScalar, { description: 'When the access token runs out.' })
  expiresAt!: Date;

  @Field(() => User, { description: 'Who signed in.' })
  user!: User;
}

@InputType({ description: 'An e-mail address and a password.' })
export class CredentialsInput {
  @Field(() => String, { description: 'Case does not matter.' })
  email!: string;

  @Field(() => String, { description: '8 to 128 characters, not one of the most common passwords.' })
  password!: string;
}

@InputType({ description: 'An absent member keeps what is there.' })
export class UpdateUserInput {
  @Field(() => RoleEnum, { nullable: true, description: 'What the person may do from now on.' })
  role?: Role | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the account is closed to logins; closing it ends its sessions.',
  })
  disabled?: boolean | null;
}

const userTypes = countedConnectionTypes('User', () => User);

@ObjectType({ description: 'A page of users, oldest first.' })
export class UserConnection extends userTypes.ConnectionBase {}

export function toUser(user: StoredUser): User {
  const { _id: id, email, role, disabled, createdAt, lastLoginAt } = user;
  return { id, email, role, disabled, createdAt, lastLoginAt };
}

export function toSession(signedIn: SignedIn): Session {
  return { ...signedIn, user: toUser(signedIn.user) };
}
