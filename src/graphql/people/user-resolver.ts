import { Arg, Authorized, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { Accounts } from '../../auth/accounts';
import type { SignInDoor } from '../../auth/sign-in-door';
import type { UserAdmin } from '../../auth/user-admin';
import { Forbidden, Invalid } from '../../domain/errors';
import type { Role } from '../../domain/user';
import type { UserStore } from '../../store/users';
import { AfterArg, FirstArg, IdArg } from '../arguments';
import { pageRequest, toConnection } from '../connection';
import type { Context } from '../context';
import { RoleEnum } from './role';
import { CredentialsInput, toUser, UpdateUserInput, User, UserConnection } from './types';

export interface UserResolverParts {
  users: Pick<UserStore, 'page' | 'count'>;
  accounts: Pick<Accounts, 'createUser'>;
  admin: UserAdmin;
  door: SignInDoor;
}

@Resolver()
export class UserResolver {
  constructor(private readonly parts: UserResolverParts) {}

  @Authorized('ADMIN')
  @Query(() => UserConnection, { description: 'People with an account, oldest first.' })
  async users(
    @FirstArg(50) first: number | null,
    @AfterArg() after?: string | null,
  ): Promise<UserConnection> {
    const [page, totalCount] = await Promise.all([
      this.parts.users.page(pageRequest({ first, after })),
      this.parts.users.count(),
    ]);
    return { ...toConnection(page, toUser), totalCount };
  }

  @Authorized('ADMIN')
  @Mutation(() => User, { description: 'Makes an account for somebody.' })
  async createUser(
    @Arg('input', () => CredentialsInput, { description: 'The address and a first password.' })
    input: CredentialsInput,
    @Arg('role', () => RoleEnum, { description: 'What the person may do.' }) role: Role,
  ): Promise<User> {
    return toUser(await this.parts.accounts.createUser(input, role));
  }

  @Authorized('ADMIN')
  @Mutation(() => User, {
    description:
      'Changes role or state of an account. The last active ADMIN can be neither disabled nor demoted: CONFLICT.',
  })
  async updateUser(
    @IdArg() id: string,
    @Arg('input', () => UpdateUserInput, { description: 'What changes.' }) input: UpdateUserInput,
  ): Promise<User> {
    return toUser(await this.parts.admin.update(id, changeOf(input)));
  }

  @Authorized('ADMIN')
  @Mutation(() => ID, {
    description:
      'Takes an account away and ends its sessions. The last active ADMIN can not be deleted: CONFLICT. API keys that the person made stay.',
  })
  async deleteUser(@IdArg() id: string): Promise<string> {
    await this.parts.admin.delete(id);
    return id;
  }

  @Authorized('VIEWER')
  @Mutation(() => Boolean, {
    description:
      "Sets the caller's own password and ends the other sessions. An API key has no password: FORBIDDEN.",
  })
  async changePassword(
    @Arg('current', () => String, { description: 'The password that stands.' }) current: string,
    @Arg('next', () => String, { description: 'The one to come.' }) next: string,
    @Ctx() { caller, ip }: Context,
  ): Promise<boolean> {
    if (caller?.kind !== 'person') throw new Forbidden('An API key has no password.');
    await this.parts.door.changePassword(caller, current, next, ip);
    return true;
  }
}

/** @throws Invalid for a null: neither can be cleared */
function changeOf({ role, disabled }: UpdateUserInput): { role?: Role; disabled?: boolean } {
  const fields = Object.entries({ role, disabled })
    .filter(([, value]) => value === null)
    .map(([name]) => ({ path: ['input', name], message: 'can not be cleared' }));
  if (fields[0]) throw new Invalid(`${fields[0].path[1]} ${fields[0].message}.`, fields);
  return { ...(role ? { role } : {}), ...(typeof disabled === 'boolean' ? { disabled } : {}) };
}
