import { messageOf } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { type NetworkFailure, networkFailureOf } from '../../net/failure';
import { BLOCKED_ENDPOINT_REMEDY, DEFAULT_REGION } from './aws-defaults';
import { RoleNotAssumed } from './credentials';

/**
 * What went wrong with a call to AWS: `access` is the source's own settings, `denied` the one thing that was asked for,
 * `missing` what is not there, `busy` a service that asks for patience or fails by itself.
 */
export type FaultKind = 'access' | 'denied' | 'missing' | 'network' | 'busy' | 'other';

/** What a failed call to AWS means: whether to try again, and what the operator can do. */
export interface AwsFault {
  kind: FaultKind;
  message: string;
  /** What the operator can do; absent where waiting is all there is to do. */
  remedy?: string;
}

/** What an error of the AWS SDK tells, by its members. */
export interface ServiceError {
  /** Like `AccessDenied`. */
  code: string;
  status: number | null;
  message: string;
  header(name: string): string | null;
  /** A member of the error's body, like `Region`. */
  member(name: string): string | null;
}

export function serviceErrorOf(error: unknown): ServiceError {
  const at = (...path: string[]): unknown =>
    path.reduce<unknown>(
      (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
      error,
    );
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  const status = at('$metadata', 'httpStatusCode') ?? at('$response', 'statusCode');
  return {
    code: text(at('Code')) ?? text(at('name')) ?? 'Unknown',
    status: typeof status === 'number' ? status : null,
    message: messageOf(error, 300),
    header: (name) => text(at('$response', 'headers', name)),
    member: (name) => text(at(name)),
  };
}

const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'ProviderError', 'TokenProviderError']);

const LOOKED_FOR_CREDENTIALS =
  'Looked in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), in the shared configuration and credentials ' +
  'files (profile, SSO, process), for a web identity, a container role and an instance role. ' +
  'Set up one of these for the server, or give the source access keys.';

const CREDENTIAL_FAULTS: Readonly<Record<string, { message: string; remedy: string }>> = {
  InvalidAccessKeyId: {
    message: 'the access key id is not known there',
    remedy: 'Give keys that exist and are active, and that belong to this endpoint and AWS partition.',
  },
  SignatureDoesNotMatch: {
    message: 'the secret access key does not fit the access key id',
    remedy: 'Enter the access key id and the secret access key again.',
  },
  ExpiredToken: {
    message: 'the session credentials have expired',
    remedy: 'Give new session credentials, or better keys or a profile that last.',
  },
  InvalidToken: {
    message: 'the session token is not valid',
    remedy: 'Give the session token that belongs to the access keys, or none for keys that last.',
  },
  RequestTimeTooSkewed: {
    message: "this machine's clock is too far off",
    remedy: 'Set the clock, for example by NTP.',
  },
};
const SAME_FAULT: Readonly<Record<string, string>> = {
  ExpiredTokenException: 'ExpiredToken',
  TokenRefreshRequired: 'ExpiredToken',
  InvalidClientTokenId: 'InvalidAccessKeyId',
};

/** Whether temporary keys have come to their end, as services say it. */
export function isExpired(error: unknown): boolean {
  const { code } = serviceErrorOf(error);
  return (SAME_FAULT[code] ?? code) === 'ExpiredToken';
}

const BUSY =
  /^(SlowDown|ServiceUnavailable|RequestTimeout|RequestLimitExceeded|BandwidthLimitExceeded|Throttl.*|TooManyRequests.*)$/;

/** The faults that every AWS service has in common; null for others. */
export function commonFault(error: unknown, source: Source): AwsFault | null {
  if (error instanceof RoleNotAssumed) return roleFault(error, source);
  const { code, status, message } = serviceErrorOf(error);
  if (NO_CREDENTIALS.has(code)) {
    const profile = source.aws?.profile ? ` for the profile "${source.aws.profile}"` : '';
    return {
      kind: 'access',
      message: `no AWS credentials were found${profile}: ${message}`,
      remedy: LOOKED_FOR_CREDENTIALS,
    };
  }
  const credentials = CREDENTIAL_FAULTS[SAME_FAULT[code] ?? code];
  if (credentials)
    return { kind: 'access', message: `${credentials.message} (${code})`, remedy: credentials.remedy };
  if (BUSY.test(code) || status === 429)
    return { kind: 'busy', message: `${endpointOf(source)} asks to slow down (${code})` };
  if (status !== null && status >= 500)
    return { kind: 'busy', message: `${endpointOf(source)} failed by itself (${status} ${code})` };
  return networkFault(error, source);
}

/** STS says no in one way, whichever of both sides does not let it. */
function roleFault({ roleArn, cause }: RoleNotAssumed, source: Source): AwsFault {
  const common = commonFault(cause, source);
  if (common) return { ...common, message: `the role ${roleArn} could not be assumed: ${common.message}` };
  const { code, message } = serviceErrorOf(cause);
  const externalId = source.aws?.externalId ?? '';
  if (code === 'AccessDenied' || code === 'AccessDeniedException') {
    return {
      kind: 'access',
      message: `sts:AssumeRole on ${roleArn} is denied (${code})`,
      remedy:
        `Check that the role exists, that its trust policy names the caller, and that it has this condition: ${JSON.stringify(
          { StringEquals: { 'sts:ExternalId': externalId } },
        )}. ` +
        `The caller needs this statement: ${JSON.stringify({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roleArn })}`,
    };
  }
  return {
    kind: code === 'Unknown' ? 'other' : 'access',
    message: `the role ${roleArn} could not be assumed: ${message} (${code})`,
    remedy: `Check roleArn, that ${endpointOf(source)} offers STS, and that STS is active for this Region in the account.`,
  };
}

const NETWORK: Readonly<
  Record<Exclude<NetworkFailure, 'other' | 'blocked_address' | 'proxy'>, { says: string; remedy: string }>
> = {
  dns: {
    says: 'has no address',
    remedy: 'Check the host name of the endpoint, the Region, and the name service.',
  },
  refused: {
    says: 'does not take connections',
    remedy: 'Check host and port of the endpoint, and that it runs.',
  },
  reset: {
    says: 'broke off the connection',
    remedy: 'Check the network on the way there, and http against https.',
  },
  timeout: {
    says: 'did not answer in time',
    remedy: 'Check the network, firewalls and routes on the way there.',
  },
  tls: {
    says: 'did not agree on TLS',
    remedy: 'Check the certificate of the endpoint, and http against https.',
  },
};

/** The SDK keeps no more than the text of a system error that comes from another realm. */
const WRAPPED = /^AWS SDK error wrapper for .*\b(E[A-Z]{3,}[A-Z_]*)\b/;

function networkFault(error: unknown, source: Source): AwsFault | null {
  const { code, message, member } = serviceErrorOf(error);
  const systemCode = member('code') ?? WRAPPED.exec(message)?.[1] ?? null;
  const failure = code === 'TimeoutError' ? 'timeout' : networkFailureOf({ code: systemCode });
  // Sources have no proxy of ours.
  if (failure === 'other' || failure === 'proxy') return null;
  if (failure === 'blocked_address') {
    return {
      kind: 'access',
      message: `the endpoint ${endpointOf(source)} may not be called: ${message}`,
      remedy: BLOCKED_ENDPOINT_REMEDY,
    };
  }
  const { says, remedy } = NETWORK[failure];
  return { kind: 'network', message: `${endpointOf(source)} ${says} (${systemCode ?? code})`, remedy };
}

/** The source's endpoint as people know it. */
export function endpointOf(source: Source): string {
  const own = source.aws?.endpointUrl;
  if (own && URL.canParse(own)) return new URL(own).origin;
  return `AWS in ${source.aws?.region ?? DEFAULT_REGION}`;
}
