import { createHmac } from 'node:crypto';

/** What tokens are derived for. */
export type TokenPurpose = 'direct ingest token' | 'set-up token';

/** A token that every process with the same master key knows, and nobody else. */
export function derivedToken(masterKey: Buffer, purpose: TokenPurpose): string {
  return createHmac('sha256', masterKey).update(`trailgraph ${purpose}`).digest('base64url');
}
