import {
  type CryptoKey,
  calculateJwkThumbprint,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose';
import { Unauthenticated } from '../domain/errors';
import type { Role } from '../domain/user';
import { isRole } from './roles';

export const ACCESS_TOKEN_SECONDS = 15 * 60;
const ISSUER = 'trailgraph';
/** The one algorithm: what a token's header says is compared with it, never obeyed. */
const ALGORITHM = 'EdDSA';
/** A new key signs only after this time, when every process has read it and can verify with it. */
export const SETTLE_MS = 60_000;
/** Far above what we issue. */
const MAX_TOKEN_LENGTH = 2_048;

/** A key pair that signs access tokens; `kid` names it in their headers. */
export interface SigningKey {
  kid: string;
  /** Ed25519; a secret. */
  privateJwk: JWK;
  publicJwk: JWK;
  createdAt: Date;
}

/** Whom an access token is for. */
export interface AccessClaims {
  userId: string;
  sessionId: string;
  role: Role;
}

interface LoadedKey {
  kid: string;
  createdAt: Date;
  sign: CryptoKey | Uint8Array;
  verify: CryptoKey | Uint8Array;
}

/** A new Ed25519 key; its kid is its thumbprint (RFC 7638). */
export async function generateSigningKey(now: Date): Promise<SigningKey> {
  const pair = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  return {
    kid: await calculateJwkThumbprint(publicJwk),
    privateJwk: await exportJWK(pair.privateKey),
    publicJwk,
    createdAt: now,
  };
}

/**
 * Issues and verifies access tokens: JWTs signed with EdDSA by a key of our own set. All keys of the set verify; two are
 * live while one takes over from the other. Times are the caller's, who corrects them by the database's clock.
 */
export class AccessTokens {
  private constructor(
    private readonly audience: string,
    private readonly keys: readonly LoadedKey[],
  ) {}

  /**
   * @param audience names this installation, so that a token of another one does not pass
   * @param keys at least one; to rotate, make a new instance
   */
  static async fromKeys(audience: string, keys: readonly SigningKey[]): Promise<AccessTokens> {
    if (keys.length === 0) throw new Error('access tokens need a signing key');
    const loaded = await Promise.all(
      keys.map(async ({ kid, createdAt, privateJwk, publicJwk }) => ({
        kid,
        createdAt,
        sign: await importJWK(privateJwk, ALGORITHM),
        verify: await importJWK(publicJwk, ALGORITHM),
      })),
    );
    return new AccessTokens(
      audience,
      loaded.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()),
    );
  }

  async issue(
    grant: AccessClaims & { now: Date; seconds?: number },
  ): Promise<{ token: string; expiresAt: Date }> {
    const issuedAt = Math.floor(grant.now.getTime() / 1_000);
    const expiresAt = issuedAt + (grant.seconds ?? ACCESS_TOKEN_SECONDS);
    const key = this.signingKey(grant.now);
    const token = await new SignJWT({ sid: grant.sessionId, role: grant.role })
      .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(this.audience)
      .setSubject(grant.userId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(key.sign);
    return { token, expiresAt: new Date(expiresAt * 1_000) };
  }

  /** @throws Unauthenticated; whether its session still lives is for the caller to see */
  async verify(token: string, now: Date): Promise<AccessClaims & { expiresAt: Date }> {
    const payload = await this.payloadOf(token, now);
    const { sub, sid, role, exp } = payload;
    if (typeof sub !== 'string' || typeof sid !== 'string' || !isRole(role) || exp === undefined)
      throw new Unauthenticated('the access token is not valid');
    return { userId: sub, sessionId: sid, role, expiresAt: new Date(exp * 1_000) };
  }

  private async payloadOf(token: string, now: Date) {
    if (token.length > MAX_TOKEN_LENGTH) throw new Unauthenticated('the access token is not valid');
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.verifyingKey(kid), {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: this.audience,
        requiredClaims: ['exp', 'sub'],
        currentDate: now,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new Unauthenticated('the access token has expired');
      if (error instanceof errors.JOSEError) throw new Unauthenticated('the access token is not valid');
      throw error;
    }
  }

  private verifyingKey(kid: string | undefined): CryptoKey | Uint8Array {
    const key = this.keys.find((each) => each.kid === kid);
    if (key === undefined) throw new errors.JWKSNoMatchingKey();
    return key.verify;
  }

  /** The newest that has settled, else the oldest. */
  private signingKey(now: Date): LoadedKey {
    const settled = this.keys.findLast(({ createdAt }) => now.getTime() - createdAt.getTime() >= SETTLE_MS);
    return settled ?? this.keys[0]!;
  }
}
