import type { FastifyRequest } from 'fastify';
import type { Caller } from '../auth/caller';
import { atLeast } from '../auth/roles';
import { Forbidden, Unauthenticated } from '../domain/errors';
import type { Role } from '../domain/user';

/** Who asks for what changes something, and from where. */
export interface Asker {
  /** Null where nobody signed in. */
  caller: Caller | null;
  ip: string;
  requestId: string;
}

/** Who an access token belongs to. @throws Unauthenticated */
export type Authenticate = (token: string) => Promise<Caller>;

/** There is no Authorization header, or it is none that we know: which of both, `header` says. */
export class NoToken extends Unauthenticated {
  override name = 'NoToken';
  constructor(readonly header: 'missing' | 'malformed') {
    super('Expected `Authorization: Bearer <token>`.');
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    restCaller?: Caller;
  }
}

/** A hook that turns away, before the body is read, whoever has no token or is not at least of this role. */
export function admits(authenticate: Authenticate, needed: Role) {
  return async (request: FastifyRequest): Promise<void> => {
    const caller = await authenticate(tokenOf(request));
    if (!atLeast(caller.role, needed)) throw new Forbidden(`This takes the role ${needed}.`);
    request.restCaller = caller;
  };
}

/** A hook that knows who asks where a token comes along, and lets in also those without. */
export function recognises(authenticate: Authenticate) {
  return async (request: FastifyRequest): Promise<void> => {
    if (request.headers.authorization) request.restCaller = await authenticate(tokenOf(request));
  };
}

export function askerOf({ restCaller, ip, id }: FastifyRequest): Asker {
  return { caller: restCaller ?? null, ip, requestId: id };
}

/** The role of whoever was admitted. */
export function roleOf({ restCaller }: FastifyRequest): Role {
  if (!restCaller) throw new Error('the door was passed without a caller');
  return restCaller.role;
}

function tokenOf({ headers: { authorization } }: FastifyRequest): string {
  if (!authorization) throw new NoToken('missing');
  const match = /^Bearer +([^\s]+)$/i.exec(authorization);
  if (!match) throw new NoToken('malformed');
  return match[1]!;
}
