import { createHmac } from 'node:crypto';
import type { Session } from '../domain/user';
import { randomSecret, tokenMatches } from './opaque-token';

/** How long the token before the last rotation still gets the same answer: two tabs may refresh at once. */
export const ROTATION_GRACE_MS = 10_000;

/** `tgr_<session id>_<secret>`; an id has no underscore. */
const FORM = /^tgr_([A-Za-z0-9-]{1,64})_[A-Za-z0-9_-]{43}$/;

/**
 * What a refresh token that names a session is to it. `reused`: it was replaced before and may be stolen, so the
 * session is to be revoked.
 */
export type RefreshVerdict = 'current' | 'just-rotated' | 'reused' | 'expired' | 'revoked';

/**
 * Makes and judges refresh tokens: opaque to clients, stored as SHA-256 (`hashToken`), replaced at each use.
 */
export class RefreshTokens {
  /** @param secret at least 32 bytes, the same in every process; without it no successor can be foretold */
  constructor(private readonly secret: Buffer) {}

  /** The first token of a session. */
  first(sessionId: string): string {
    return `tgr_${sessionId}_${randomSecret()}`;
  }

  /**
   * The token that follows this one. It is derived, so that the second tab gets the same successor although only
   * hashes are stored.
   */
  next(token: string): string {
    const mac = createHmac('sha256', this.secret).update(token).digest('base64url');
    return `tgr_${sessionIdOf(token)}_${mac}`;
  }
}

/** The session that a refresh token names; null for what has not the form of one. */
export function sessionIdOf(token: string): string | null {
  return FORM.exec(token)?.[1] ?? null;
}

/**
 * Judges a token by the session that it names. With `just-rotated` the answer is the successor that the other tab got
 * and nothing is written.
 */
export function judgeRefresh(token: string, session: Session, now: Date): RefreshVerdict {
  if (session.revokedAt !== null) return 'revoked';
  if (session.expiresAt <= now) return 'expired';
  if (tokenMatches(token, session.refreshHash)) return 'current';
  const { previousHash, rotatedAt } = session;
  if (previousHash === null || rotatedAt === null || !tokenMatches(token, previousHash)) return 'reused';
  return now.getTime() - rotatedAt.getTime() <= ROTATION_GRACE_MS ? 'just-rotated' : 'reused';
}
