import { Permanent, Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { type AwsFault, commonFault, endpointOf, serviceErrorOf } from '../aws/aws-fault';

const THROTTLED = /^(Throttling.*|TooManyRequests.*|RequestLimitExceeded|SlowDown)$/;
const STALE_TOKEN = new Set(['InvalidNextTokenException']);
/** What a Region says to keys that exist, but not there. */
const UNKNOWN_CLIENT = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'AuthFailure',
  'OptInRequired',
]);
const DENIED = new Set(['AccessDeniedException', 'AccessDenied', 'OperationNotPermittedException']);

export const LOOKUP_STATEMENT = JSON.stringify({
  Effect: 'Allow',
  Action: 'cloudtrail:LookupEvents',
  Resource: '*',
});

export function isThrottled(error: unknown): boolean {
  const { code, status } = serviceErrorOf(error);
  return THROTTLED.test(code) || status === 429;
}

/** The NextToken is not taken (any more). */
export function isStaleToken(error: unknown): boolean {
  return STALE_TOKEN.has(serviceErrorOf(error).code);
}

/** The Region does not know the account: it was never switched on, or the keys are wrong everywhere. */
export function isUnknownClient(error: unknown): boolean {
  return UNKNOWN_CLIENT.has(serviceErrorOf(error).code);
}

/** Says what a call of LookupEvents failed of. */
export function lookupFault(error: unknown, source: Source): AwsFault {
  const { code, status, message } = serviceErrorOf(error);
  if (error instanceof Permanent || error instanceof Retryable) {
    const { remedy } = error.options;
    const kind = error instanceof Permanent ? 'access' : 'other';
    return { kind, message: error.message, ...(remedy ? { remedy } : {}) };
  }
  if (isUnknownClient(error)) {
    return {
      kind: 'access',
      message: `the access key id is not known there (${code})`,
      remedy: 'Give keys that exist and are active; leave out Regions that the account has not switched on.',
    };
  }
  if (code === 'InvalidSignatureException') {
    return {
      kind: 'access',
      message: `the signature is refused (${code})`,
      remedy: "Enter the access key id and the secret access key again, and check this machine's clock.",
    };
  }
  if (DENIED.has(code)) {
    return {
      kind: 'denied',
      message: `cloudtrail:LookupEvents is denied (${code})`,
      remedy: `Allow it by this statement, and look for a service control policy that denies it: ${LOOKUP_STATEMENT}`,
    };
  }
  const common = commonFault(error, source);
  if (common) return common;
  const answer = status === null ? code : `${status} ${code}`;
  return { kind: 'other', message: `${endpointOf(source)} answered ${answer}: ${message}` };
}

/** A fault of settings and permissions stays until somebody mends it. */
export function faultError({ kind, message, remedy }: AwsFault): Permanent | Retryable {
  const lasting = kind === 'access' || kind === 'denied';
  const options = remedy === undefined ? {} : { remedy };
  return lasting ? new Permanent(message, options) : new Retryable(message, options);
}
