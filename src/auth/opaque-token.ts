import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 bits: beyond guessing, so that a plain SHA-256 is enough to store it by. */
const RANDOM_BYTES = 32;

/** A random secret of 43 characters that pass in URLs, headers and shells. */
export function randomSecret(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

/** What is stored in place of a token: its SHA-256, hex. Only for tokens too long to be guessed. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether a token is the one that was hashed; takes the same time wherever they differ. */
export function tokenMatches(token: string, storedHash: string): boolean {
  const given = Buffer.from(hashToken(token));
  const stored = Buffer.from(storedHash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}
