import { Arg, Authorized, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Accounts } from '../../auth/accounts';
import type { User as StoredUser } from '../../domain/user';
import type { Context } from '../context';
import { CredentialsInput, Session, toSession, toUser, Viewer } from './types';

@Resolver()
export class PeopleResolver {
  constructor(
    private readonly accounts: Accounts,
    private readonly users: { get(id: string): Promise<StoredUser | null> },
  ) {}

  @Query(() => Viewer, { nullable: true, description: 'Who is calling; null when anonymous.' })
  async viewer(@Ctx() { caller }: Context): Promise<Viewer | null> {
    if (!caller) return null;
    const user = await this.users.get(caller.userId);
    return { user: user ? toUser(user) : null, role: caller.role };
  }

  @Mutation(() => Session, {
    description:
      'The first user becomes ADMIN; one document decides for ever who that was. Where HOST is not loopback it takes the set-up token that the log shows at start. After that SIGNUP=open lets anyone sign up as VIEWER; closed (the default) is FORBIDDEN.',
  })
  async signUp(
    @Arg('input', () => CredentialsInput, { description: 'Who signs up.' }) input: CredentialsInput,
    @Arg('setupToken', () => String, {
      nullable: true,
      description: 'From the log, where HOST is not loopback.',
    })
    setupToken: string | null,
  ): Promise<Session> {
    return toSession(await this.accounts.signUp(input, setupToken ?? null));
  }

  @Mutation(() => Session, { description: 'Signs in.' })
  async login(
    @Arg('input', () => CredentialsInput, { description: 'Who signs in.' }) input: CredentialsInput,
  ): Promise<Session> {
    return toSession(await this.accounts.login(input));
  }

  @Mutation(() => Session, { description: 'New tokens for a refresh token, which is used up by it.' })
  async refreshSession(
    @Arg('refreshToken', () => String, { description: 'The newest one.' }) refreshToken: string,
  ): Promise<Session> {
    return toSession(await this.accounts.refresh(refreshToken));
  }

  @Authorized('VIEWER')
  @Mutation(() => Boolean, { description: 'Ends the session: its tokens are worth nothing any more.' })
  async logout(@Ctx() { caller }: Context): Promise<boolean> {
    if (!caller) return false;
    await this.accounts.logout(caller.sessionId);
    return true;
  }
}
