import { randomInt } from 'node:crypto';
import { hashToken, randomSecret, tokenMatches } from './opaque-token';

const ID_LENGTH = 8;
const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const FORM = /^tg_([a-z0-9]{8})_[A-Za-z0-9_-]{43}$/;

export interface NewApiKey {
  /** Public part, unique: the key is found by it. */
  id: string;
  /** What lists show: `tg_<id>`. */
  prefix: string;
  /** The whole key, shown once and never stored: `tg_<id>_<secret>`. */
  key: string;
  /** What is stored: SHA-256 of the whole key, hex. */
  hash: string;
}

export function newApiKey(): NewApiKey {
  const id = Array.from({ length: ID_LENGTH }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join('');
  const prefix = `tg_${id}`;
  const key = `${prefix}_${randomSecret()}`;
  return { id, prefix, key, hash: hashToken(key) };
}

/** The id in a key, to look it up by; null for what has not the form of a key. */
export function apiKeyId(text: string): string | null {
  return FORM.exec(text)?.[1] ?? null;
}

/** Whether this is the key that was stored under its id, in constant time. Expiry and revocation are the caller's. */
export function apiKeyMatches(text: string, storedHash: string): boolean {
  return tokenMatches(text, storedHash);
}
