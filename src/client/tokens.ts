import type { SessionPartsFragment } from '../generated/graphql';
import { pause } from './abort';
import { passing } from './errors';

/**
 * An access token or an API key, or what gives one. It is asked at each request and at each connection, so it should keep
 * what it has; `refused` is a token that the server has just refused, and one that is the same again ends the attempt.
 */
export type TokenSource = string | ((refused?: string) => string | Promise<string>);

/** A session is renewed so long before its token runs out. */
const RENEW_BEFORE_MS = 60_000;
/** The server gives the same answer to the same refresh token for 10 s: an answer that got lost is asked for again. */
const RENEW_TRIES = 3;
const RENEW_WITHIN_MS = 3_000;
const RENEW_PAUSE_MS = 500;

type Tokens = Pick<SessionPartsFragment, 'accessToken' | 'refreshToken'>;

/** The tokens of a session, renewed ahead of their end, or when one was refused; however many ask, once. */
export class SessionTokens {
  private renewal: Promise<void> | null = null;
  private renewAt: number;

  /** @param renew gives new tokens for a refresh token */
  constructor(
    private tokens: Tokens,
    private readonly renew: (refreshToken: string, timeoutMs: number) => Promise<Tokens>,
  ) {
    this.renewAt = renewalOf(tokens);
  }

  /** @throws TrailGraphError where the session has ended, NoAnswer */
  readonly current = async (refused?: string): Promise<string> => {
    if (refused === this.tokens.accessToken || Date.now() >= this.renewAt) {
      this.renewal ??= this.renewOnce().finally(() => {
        this.renewal = null;
      });
      await this.renewal;
    }
    return this.tokens.accessToken;
  };

  private async renewOnce(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        this.tokens = await this.renew(this.tokens.refreshToken, RENEW_WITHIN_MS);
        this.renewAt = renewalOf(this.tokens);
        return;
      } catch (error) {
        if (!passing(error) || tries === RENEW_TRIES) throw error;
        await pause(RENEW_PAUSE_MS, new AbortController().signal);
      }
    }
  }
}

/**
 * When tokens that have just come are to be renewed, in this machine's time. By how long the token lives, not by when it
 * ends: this machine's clock may be wrong by more than that. Infinity where the token does not tell.
 */
function renewalOf({ accessToken }: Tokens): number {
  const { iat, exp } = claimsOf(accessToken);
  if (typeof iat !== 'number' || typeof exp !== 'number') return Infinity;
  const livesMs = (exp - iat) * 1_000;
  return Date.now() + Math.max(livesMs - RENEW_BEFORE_MS, livesMs / 2);
}

function claimsOf(jwt: string): { iat?: unknown; exp?: unknown } {
  try {
    const [, payload = ''] = jwt.split('.');
    return (JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))) ?? {}) as object;
  } catch {
    return {};
  }
}
