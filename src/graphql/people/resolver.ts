import { Arg, Authorized, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Accounts } from '../../auth/accounts';
import type { SignInDoor } from '../../auth/sign-in-door';
import type { ApiKey as StoredKey } from '../../domain/api-key';
import { Forbidden } from '../../domain/errors';
import type { User as StoredUser } from '../../domain/user';
import type { Context } from '../context';
import { toApiKey } from './key-types';
import { CredentialsInput, Session, toSession, toUser, Viewer } from './types';

@Resolver()
export class PeopleResolver {
  constructor(
    private readonly parts: {
      accounts: Pick<Accounts, 'logout'>;
      door: SignInDoor;
      users: { get(id: string): Promise<StoredUser | null> };
      keys: { get(id: string): Promise<StoredKey | null> };
    },
  ) {}

  @Query(() => Viewer, { nullable: true, description: 'Who is calling; null when anonymous.' })
  async viewer(@Ctx() { caller }: Context): Promise<Viewer | null> {
    if (!caller) return null;
    const { id, role } = caller;
    if (caller.kind === 'key') {
      const key = await this.parts.keys.get(id);
      return { user: null, apiKey: key ? toApiKey(key) : null, role };
    }
    const user = await this.parts.users.get(id);
    return { user: user ? toUser(user) : null, apiKey: null, role };
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
    @Ctx() { ip }: Context,
  ): Promise<Session> {
    return toSession(await this.parts.door.signUp(input, setupToken ?? null, ip));
  }

  @Mutation(() => Session, {
    description:
      'Signs in. After 5 failures for an address or an account each further one takes longer: RATE_LIMITED, with extensions.retryAfterSeconds.',
  })
  async login(
    @Arg('input', () => CredentialsInput, { description: 'Who signs in.' }) input: CredentialsInput,
    @Ctx() { ip }: Context,
  ): Promise<Session> {
    return toSession(await this.parts.door.login(input, ip));
  }

  @Mutation(() => Session, { description: 'New tokens for a refresh token, which is used up by it.' })
  async refreshSession(
    @Arg('refreshToken', () => String, { description: 'The newest one.' }) refreshToken: string,
    @Ctx() { ip }: Context,
  ): Promise<Session> {
    return toSession(await this.parts.door.refresh(refreshToken, ip));
  }

  @Authorized('VIEWER')
  @Mutation(() => Boolean, { description: 'Ends the session: its tokens are worth nothing any more.' })
  async logout(@Ctx() { caller }: Context): Promise<boolean> {
    if (caller?.kind !== 'person') throw new Forbidden('An API key has no session: revoke the key instead.');
    await this.parts.accounts.logout(caller.sessionId);
    return true;
  }
}
