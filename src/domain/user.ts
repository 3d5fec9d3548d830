/** VIEWER reads; OPERATOR also writes sources, webhooks and what belongs to them; ADMIN also users, keys and audit. */
export type Role = 'VIEWER' | 'OPERATOR' | 'ADMIN';

export const ROLES: readonly Role[] = ['VIEWER', 'OPERATOR', 'ADMIN'];

/** An account as it stands in the store. */
export interface User {
  _id: string;
  /** As `normalEmail` gives it; unique. */
  email: string;
  /** argon2id in PHC form. */
  passwordHash: string;
  role: Role;
  disabled: boolean;
  createdAt: Date;
  lastLoginAt: Date | null;
  /** The last change by which this account ceased to be an active ADMIN (store/user-changes.ts). */
  adminChange?: number;
}

/**
 * A sign-in, from login to logout. Its refresh token is replaced at each use while the session stays, so the session
 * is the family of its refresh tokens: revoking it revokes them all.
 */
export interface Session {
  /** Stands in access tokens as `sid` and in refresh tokens. */
  _id: string;
  userId: string;
  /** SHA-256 of the refresh token that is good now, hex. */
  refreshHash: string;
  /** That of the one before it; null until the first rotation. */
  previousHash: string | null;
  rotatedAt: Date | null;
  createdAt: Date;
  expiresAt: Date;
  revokedAt: Date | null;
}

/** The longest address that SMTP can carry (RFC 5321, as RFC 3696's erratum 1690 has it). */
const MAX_EMAIL_LENGTH = 254;

/**
 * An e-mail address in the one form in which it is stored and looked up: trimmed, NFC, lower case. Null for what can't
 * be one. Nothing is ever sent there, so only its shape counts.
 */
export function normalEmail(text: string): string | null {
  const email = text.trim().normalize('NFC').toLowerCase();
  return email.length <= MAX_EMAIL_LENGTH && /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email) ? email : null;
}
