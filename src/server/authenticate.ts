import type { Caller } from '../auth/caller';
import { Unauthenticated } from '../domain/errors';

/**
 * Who calls, by the Authorization header or connectionParams.authorization: `Bearer <access token or API key>`.
 * Null where there is none. @throws Unauthenticated where there is one that does not hold
 */
export type Authenticate = (authorization: string | undefined) => Promise<Caller | null>;

export function authenticateBy(callers: { authenticate(token: string): Promise<Caller> }): Authenticate {
  return async (authorization) => {
    if (authorization === undefined || authorization === '') return null;
    return callers.authenticate(bearer(authorization));
  };
}

/** @throws Unauthenticated where the header is not `Bearer <token>` */
export function bearer(authorization: string): string {
  const match = /^Bearer +([^\s]+)$/i.exec(authorization);
  if (!match) throw new Unauthenticated('Expected `Authorization: Bearer <token>`.');
  return match[1]!;
}
