import { type GraphQLAnswer, postGraphQL } from './graphql-http';
import { newSignInId, type SignedIn, storeSession } from './stored-session';

const TOKENS = '{ accessToken refreshToken expiresAt }';
const LOGIN = `mutation ($input: CredentialsInput!) { login(input: $input) ${TOKENS} }`;
const SIGN_UP = `mutation ($input: CredentialsInput!) { signUp(input: $input) ${TOKENS} }`;
const SIGN_UP_WITH_TOKEN = `mutation ($input: CredentialsInput!, $setupToken: String) { signUp(input: $input, setupToken: $setupToken) ${TOKENS} }`;
const REFRESH = `mutation ($refreshToken: String!) { refreshSession(refreshToken: $refreshToken) ${TOKENS} }`;
const LOGOUT = 'mutation { logout }';

const RENEW_BEFORE_MS = 60_000;
/** The server gives the same answer to the same refresh token for 10 s: a lost answer is asked for again within that. */
const RENEW_AGAIN_MS = 3_000;
/** Codes that say "not now": the session may well be good. */
const PASSING_CODES = ['RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL_SERVER_ERROR'];

export interface Credentials {
  email: string;
  password: string;
}

export interface SessionView {
  email: string | null;
  /** Why nobody is signed in any more; null when there is nothing to tell. */
  ended: string | null;
}

/** A refusal by the server, with its code. */
class Refused extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/**
 * Who is signed in on this page. The access token is renewed a minute before it runs out, by a timer and, since timers
 * sleep with the machine, before each use. A renewal that the server refuses ends the session; one that can't reach it
 * is tried again.
 */
export class Session {
  private view: SessionView;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private renewal: Promise<void> | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(private signedIn: SignedIn | null) {
    this.view = { email: signedIn?.email ?? null, ended: null };
    if (signedIn) this.renewIn(signedIn.renewAt - Date.now());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SessionView => this.view;

  /** @throws Error whose message is for the user */
  async signIn(credentials: Credentials): Promise<void> {
    const answer = await postGraphQL({ query: LOGIN, variables: { input: credentials } }, {});
    this.become(tokensOf(answer, 'login', { id: newSignInId(), email: credentials.email }));
  }

  /** @throws Error whose message is for the user */
  async signUp(credentials: Credentials, setupToken: string): Promise<void> {
    const request = setupToken
      ? { query: SIGN_UP_WITH_TOKEN, variables: { input: credentials, setupToken } }
      : { query: SIGN_UP, variables: { input: credentials } };
    const answer = await postGraphQL(request, {});
    this.become(tokensOf(answer, 'signUp', { id: newSignInId(), email: credentials.email }));
  }

  /** Forgets the session here first: signing out never fails for want of a server. */
  async signOut(): Promise<void> {
    const authorization = this.currentAuthorization();
    this.become(null);
    if (authorization) await postGraphQL({ query: LOGOUT }, { authorization });
  }

  /** The value for an Authorization header as it stands, without renewing. */
  currentAuthorization(): string | undefined {
    return this.signedIn ? `Bearer ${this.signedIn.accessToken}` : undefined;
  }

  /** The value for an Authorization header, renewed first when that is due. */
  async authorization(): Promise<string | undefined> {
    if (this.signedIn && this.signedIn.renewAt <= Date.now()) await this.renew();
    return this.currentAuthorization();
  }

  private renew(): Promise<void> {
    this.renewal ??= this.renewOnce().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async renewOnce(): Promise<void> {
    const before = this.signedIn;
    if (!before) return;
    try {
      const variables = { refreshToken: before.refreshToken };
      const answer = await postGraphQL({ query: REFRESH, variables }, {});
      const renewed = tokensOf(answer, 'refreshSession', before);
      if (this.signedIn === before) this.become(renewed);
    } catch (error) {
      // Signed out, or in as somebody else, meanwhile.
      if (this.signedIn !== before) return;
      if (error instanceof Refused && !PASSING_CODES.includes(error.code ?? '')) {
        this.become(null, 'The session has ended. Please sign in again.');
      } else {
        this.renewIn(RENEW_AGAIN_MS);
      }
    }
  }

  private become(signedIn: SignedIn | null, ended: string | null = null): void {
    clearTimeout(this.timer);
    this.signedIn = signedIn;
    this.view = { email: signedIn?.email ?? null, ended };
    storeSession(signedIn);
    if (signedIn) this.renewIn(signedIn.renewAt - Date.now());
    for (const listener of this.listeners) listener();
  }

  private renewIn(ms: number): void {
    this.timer = setTimeout(() => void this.renew(), Math.max(0, ms));
  }
}

function tokensOf(
  { result, serverTime }: GraphQLAnswer,
  field: string,
  who: Pick<SignedIn, 'id' | 'email'>,
): SignedIn {
  const error = result.errors?.[0];
  if (error) {
    const code = error.extensions?.code;
    throw new Refused(error.message, typeof code === 'string' ? code : undefined);
  }
  const { accessToken, refreshToken, expiresAt } = (result.data?.[field] ?? {}) as Record<string, unknown>;
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string' || typeof expiresAt !== 'string') {
    throw new Error('The server answered without a session.');
  }
  // By the server's clock: the browser's may be wrong by more than a token's life.
  const lifetime = Date.parse(expiresAt) - (serverTime ?? Date.now());
  const renewAt = Date.now() + Math.max(lifetime - RENEW_BEFORE_MS, lifetime / 2);
  return { id: who.id, email: who.email, accessToken, refreshToken, renewAt };
}
