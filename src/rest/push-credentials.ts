import type { IncomingHttpHeaders } from 'node:http';
import { Unauthenticated } from '../domain/errors';

/** What a sender shows at the door. */
export interface PushCredential {
  token: string;
  /** Whether it may be somebody's access token: only in the header made for those. */
  bearer: boolean;
}

const MAX_LENGTH = 8_192;
const EXPECTED =
  'Expected the ingest token as `Authorization: Bearer <token>`, as the password of basic authentication, ' +
  'in X-Amz-Firehose-Access-Key, or as ?token= where a sender can do nothing else.';

/**
 * Finds the token of a request, in the order in which senders should prefer: Authorization, Firehose's access key, and
 * the query of the URL for senders that have neither.
 * @throws Unauthenticated where there is none, without repeating what was sent
 */
export function credentialOf(headers: IncomingHttpHeaders, query: unknown): PushCredential {
  const { authorization } = headers;
  if (authorization) return fromAuthorization(authorization);
  const accessKey = headers['x-amz-firehose-access-key'];
  const found = accessKey ?? (query as { token?: unknown } | undefined)?.token;
  if (typeof found !== 'string' || found === '' || found.length > MAX_LENGTH)
    throw new Unauthenticated(EXPECTED);
  return { token: found, bearer: false };
}

function fromAuthorization(header: string): PushCredential {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +([^\s]+)$/i.exec(header.slice(0, MAX_LENGTH)) ?? [];
  if (scheme.toLowerCase() === 'bearer') return { token: value, bearer: true };
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) throw new Unauthenticated(EXPECTED);
  return { token: pair.slice(colon + 1), bearer: false };
}
