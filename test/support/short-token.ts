import { ACCESS_TOKEN_SECONDS } from '../../src/auth/access-tokens';
import { isRole } from '../../src/auth/roles';
import { SigningKeyRing } from '../../src/auth/signing-keys';
import type { TestTrailGraph } from './trailgraph';

/** A token of the same session and of the same installation that runs out this soon. */
export async function shortToken(app: TestTrailGraph, token: string, livesMs: number): Promise<string> {
  const { signingKeys, box, now } = app.core;
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    sub: string;
    sid: string;
    role: string;
  };
  if (!isRole(claims.role)) throw new Error(`${claims.role} is no role`);
  const tokens = await SigningKeyRing.open({ keys: signingKeys, box, now });
  const issued = await tokens.issue({
    userId: claims.sub,
    sessionId: claims.sid,
    role: claims.role,
    now: new Date(now().getTime() - ACCESS_TOKEN_SECONDS * 1_000 + livesMs),
  });
  return issued.token;
}
