import { randomSecret } from './opaque-token';

const MIN_LENGTH = 32;
const MAX_LENGTH = 256;
const HINT_LENGTH = 4;

/** A new token for a push source: `tgi_` and 43 random characters. Stored by `hashToken`, shown once. */
export function newIngestToken(): string {
  return `tgi_${randomSecret()}`;
}

/** Why a token that a user brings along can't serve, without the token in it; null where it can. */
export function ingestTokenFault(token: string): string | null {
  if (token.length < MIN_LENGTH) return `an ingest token has at least ${MIN_LENGTH} characters`;
  if (token.length > MAX_LENGTH) return `an ingest token has at most ${MAX_LENGTH} characters`;
  return /^[\x21-\x7e]*$/.test(token) ? null : 'an ingest token holds printable ASCII without spaces';
}

/** The last four characters, by which a user tells secrets apart. */
export function secretHint(secret: string): string {
  return secret.slice(-HINT_LENGTH);
}
