import { randomUUID } from 'node:crypto';
import { Conflict, Forbidden, Invalid, TokenReused, Unauthenticated } from '../domain/errors';
import { normalEmail, type Role, type Session, type User } from '../domain/user';
import type { AccessTokens } from './access-tokens';
import { asPerson, type Person } from './caller';
import { hashToken, tokenMatches } from './opaque-token';
import { type Passwords, passwordFault } from './passwords';
import { judgeRefresh, type RefreshTokens, sessionIdOf } from './refresh-tokens';

/** What accounts need of the users' store. */
export interface UserKeeper {
  byEmail(email: string): Promise<User | null>;
  get(id: string): Promise<User | null>;
  insert(user: User): Promise<void>;
  loggedIn(id: string, at: Date): Promise<void>;
  setPassword(id: string, from: string | null, to: string): Promise<boolean>;
  firstUser(candidate: string): Promise<{ userId: string; done: boolean }>;
  firstUserDone(): Promise<void>;
}

/** What accounts need of the sessions' store. */
export interface SessionKeeper {
  insert(session: Session): Promise<void>;
  get(id: string): Promise<Session | null>;
  rotate(id: string, from: string, to: string, now: Date, expiresAt: Date): Promise<boolean>;
  revoke(id: string, now: Date): Promise<void>;
  revokeOf(userId: string, now: Date, but?: string | null): Promise<void>;
}

export interface AccountsParts {
  users: UserKeeper;
  sessions: SessionKeeper;
  passwords: Passwords;
  accessTokens: Pick<AccessTokens, 'issue' | 'verify'>;
  refreshTokens: RefreshTokens;
  now: () => Date;
  /** Whether anybody may sign up after the first user. */
  signUpOpen: boolean;
  /** What the first sign-up must show where the server can be reached from elsewhere; null where it can't. */
  setupToken: string | null;
}

/** What a caller gets who signed in. The tokens are shown here once. */
export interface SignedIn {
  accessToken: string;
  refreshToken: string;
  expiresAt: Date;
  user: User;
}

/** As they were typed: neither is checked or normalised yet. */
export interface Credentials {
  email: string;
  password: string;
}

const SESSION_DAYS = 30;
const WRONG = 'The e-mail address or the password is wrong.';

/** Whoever changes a password gave another one than the one that stands. */
export class WrongPassword extends Invalid {
  constructor() {
    super('The current password is wrong.', [{ path: ['current'], message: 'is not the current password' }]);
  }
}

/** Sign-up, login, and the tokens that follow from them. */
export class Accounts {
  constructor(private readonly parts: AccountsParts) {}

  /** The first user becomes ADMIN, whoever asks at the same time. */
  async signUp(credentials: Credentials, setupToken: string | null): Promise<SignedIn> {
    const { users } = this.parts;
    const email = this.checked(credentials);
    const first = await users.firstUser(randomUUID());
    if (!first.done) {
      this.checkSetupToken(setupToken);
      const admin = await this.createFirst(first.userId, email, credentials.password);
      if (admin) return this.signIn(admin);
    }
    if (!this.parts.signUpOpen) {
      throw new Forbidden('Sign-up is closed: ask an administrator for an account, or set SIGNUP=open.');
    }
    return this.signIn(await this.create(randomUUID(), email, credentials.password, 'VIEWER'));
  }

  /** @returns null where somebody else became the first user meanwhile */
  private async createFirst(id: string, email: string, password: string): Promise<User | null> {
    const { users } = this.parts;
    try {
      const admin = await this.create(id, email, password, 'ADMIN');
      await users.firstUserDone();
      return admin;
    } catch (error) {
      if (!(error instanceof Conflict) || !(await users.get(id))) throw error;
      await users.firstUserDone();
      return null;
    }
  }

  /** For an operator at the machine: no set-up token, any role. */
  async createUser(credentials: Credentials, role: Role): Promise<User> {
    const email = this.checked(credentials);
    const first = await this.parts.users.firstUser(randomUUID());
    const user = await this.create(
      first.done ? randomUUID() : first.userId,
      email,
      credentials.password,
      first.done ? role : 'ADMIN',
    );
    if (!first.done) await this.parts.users.firstUserDone();
    return user;
  }

  /**
   * What guesses at an account's password are counted on: the account, whether there is one or not, with the password
   * that it has. Under another one they are counted anew, so that an operator who sets one ends the pause of before.
   */
  async guessedAt(text: string): Promise<string> {
    const email = normalEmail(text);
    if (email === null) return text.slice(0, 254);
    const user = await this.parts.users.byEmail(email);
    return user ? `${email} ${user.passwordHash}` : email;
  }

  async login({ email, password }: Credentials): Promise<SignedIn> {
    const { users, passwords, now } = this.parts;
    const address = normalEmail(email);
    const user = address === null ? null : await users.byEmail(address);
    const matches = await passwords.verify(user?.passwordHash ?? null, password);
    if (!user || !matches || user.disabled) throw new Unauthenticated(WRONG);
    const passwordHash = await this.rehashed(user, password);
    await users.loggedIn(user._id, now());
    const signedIn = await this.signIn({ ...user, lastLoginAt: now() });
    // A change of the password ended the sessions that it found, maybe just before this one was made.
    if ((await users.get(user._id))?.passwordHash === passwordHash) return signedIn;
    await this.parts.sessions.revoke(sessionIdOf(signedIn.refreshToken) ?? '', now());
    throw new Unauthenticated(WRONG);
  }

  /** @returns the hash that stands for the password from now on */
  private async rehashed({ _id, passwordHash }: User, password: string): Promise<string> {
    const { users, passwords } = this.parts;
    if (!passwords.needsRehash(passwordHash)) return passwordHash;
    const anew = await passwords.hash(password);
    return (await users.setPassword(_id, passwordHash, anew)) ? anew : passwordHash;
  }

  /**
   * Sets another password and ends the user's other sessions.
   * @throws WrongPassword; Invalid for a password that can't be taken; Conflict where it was changed meanwhile
   */
  async changePassword({ id, sessionId }: Person, current: string, next: string): Promise<void> {
    const { users, passwords, sessions, now } = this.parts;
    const fault = passwordFault(next);
    if (fault) throw new Invalid(`${fault}.`, [{ path: ['next'], message: fault }]);
    const user = await users.get(id);
    if (!(await passwords.verify(user?.passwordHash ?? null, current)) || !user) throw new WrongPassword();
    if (!(await users.setPassword(id, user.passwordHash, await passwords.hash(next))))
      throw new Conflict('The password was changed meanwhile: log in with the new one.');
    await sessions.revokeOf(id, now(), sessionId);
  }

  /** Replaces a refresh token. One that was replaced before ends the session: it may be stolen. */
  async refresh(refreshToken: string): Promise<SignedIn> {
    const { sessions, users, refreshTokens, now } = this.parts;
    const id = sessionIdOf(refreshToken);
    const session = id === null ? null : await sessions.get(id);
    if (!session) throw new Unauthenticated('The refresh token is not valid: log in again.');
    const verdict = judgeRefresh(refreshToken, session, now());
    const refused = 'The refresh token is used up, revoked or too old: log in again.';
    if (verdict === 'reused') {
      await sessions.revoke(session._id, now());
      throw new TokenReused(refused, session.userId);
    }
    if (verdict !== 'current' && verdict !== 'just-rotated') {
      throw new Unauthenticated(refused);
    }
    const user = await users.get(session.userId);
    if (!user || user.disabled) throw new Unauthenticated('The account is disabled.');
    const next = refreshTokens.next(refreshToken);
    if (verdict === 'current') {
      await sessions.rotate(session._id, hashToken(refreshToken), hashToken(next), now(), this.sessionEnd());
    }
    return { ...(await this.access(user, session._id)), refreshToken: next, user };
  }

  /** An access token that lasts longer, for the session of one that was just issued to a client that can't refresh. */
  async prolonged(
    { user, refreshToken }: SignedIn,
    seconds: number,
  ): Promise<{ token: string; expiresAt: Date }> {
    const sessionId = sessionIdOf(refreshToken);
    if (sessionId === null) throw new Error('a refresh token names no session');
    const { accessTokens, now } = this.parts;
    return accessTokens.issue({ userId: user._id, sessionId, role: user.role, now: now(), seconds });
  }

  async logout(sessionId: string): Promise<void> {
    await this.parts.sessions.revoke(sessionId, this.parts.now());
  }

  /** @throws Unauthenticated where the token, its session or its user does not hold */
  async authenticate(accessToken: string): Promise<Person> {
    const { accessTokens, sessions, users, now } = this.parts;
    const claims = await accessTokens.verify(accessToken, now());
    const session = await sessions.get(claims.sessionId);
    if (!session || session.revokedAt !== null)
      throw new Unauthenticated('The session has ended: log in again.');
    const user = await users.get(claims.userId);
    if (!user || user.disabled) throw new Unauthenticated('The account is disabled.');
    return asPerson(user, { sessionId: session._id, expiresAt: claims.expiresAt });
  }

  private checked({ email, password }: Credentials): string {
    const address = normalEmail(email);
    const fault = passwordFault(password);
    const fields = [
      ...(address === null ? [{ path: ['input', 'email'], message: 'not an e-mail address' }] : []),
      ...(fault ? [{ path: ['input', 'password'], message: fault }] : []),
    ];
    if (address === null || fields.length > 0) throw new Invalid(`${fields[0]!.message}.`, fields);
    return address;
  }

  private checkSetupToken(given: string | null): void {
    const { setupToken } = this.parts;
    if (setupToken === null || (given !== null && tokenMatches(given, hashToken(setupToken)))) return;
    throw new Forbidden('The first user needs the set-up token that the log shows at start (setupToken).');
  }

  private async create(id: string, email: string, password: string, role: Role): Promise<User> {
    const { users, passwords, now } = this.parts;
    const passwordHash = await passwords.hash(password);
    const user: User = {
      _id: id,
      email,
      passwordHash,
      role,
      disabled: false,
      createdAt: now(),
      lastLoginAt: null,
    };
    await users.insert(user);
    return user;
  }

  private async signIn(user: User): Promise<SignedIn> {
    const { sessions, refreshTokens, now } = this.parts;
    const id = randomUUID();
    const refreshToken = refreshTokens.first(id);
    await sessions.insert({
      _id: id,
      userId: user._id,
      refreshHash: hashToken(refreshToken),
      previousHash: null,
      rotatedAt: null,
      createdAt: now(),
      expiresAt: this.sessionEnd(),
      revokedAt: null,
    });
    return { ...(await this.access(user, id)), refreshToken, user };
  }

  private async access(user: User, sessionId: string): Promise<{ accessToken: string; expiresAt: Date }> {
    const { token, expiresAt } = await this.parts.accessTokens.issue({
      userId: user._id,
      sessionId,
      role: user.role,
      now: this.parts.now(),
    });
    return { accessToken: token, expiresAt };
  }

  private sessionEnd(): Date {
    return new Date(this.parts.now().getTime() + SESSION_DAYS * 86_400_000);
  }
}
