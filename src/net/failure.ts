/** Why a connection or an exchange over it did not come to its end. */
export type NetworkFailure =
  | 'dns'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'tls'
  | 'blocked_address'
  /** The operator's proxy did not do its part: nothing is known of the other side. */
  | 'proxy'
  | 'other';

/** A name could not be looked up. */
export class LookupFailed extends Error {
  override name = 'LookupFailed';
  readonly code = 'ERR_LOOKUP_FAILED';
  constructor(hostname: string, reason: string) {
    super(`${hostname.slice(0, 255)}: ${reason}`);
  }
}

/** The guard refuses an address: nothing was sent there. */
export class BlockedAddress extends Error {
  override name = 'BlockedAddress';
  readonly code = 'ERR_BLOCKED_ADDRESS';
  constructor(
    reason: string,
    readonly address: string,
  ) {
    super(reason);
  }
}

/** The time for the whole exchange is up. */
export class DeadlineExceeded extends Error {
  override name = 'DeadlineExceeded';
  readonly code = 'ERR_DEADLINE_EXCEEDED';
  constructor(readonly timeoutMs: number) {
    super(`no complete answer within ${timeoutMs} ms`);
  }
}

/** The connection stood, and ended before TLS did: whoever listens there closed it. */
export class HandshakeClosed extends Error {
  override name = 'HandshakeClosed';
  readonly code = 'ERR_TLS_HANDSHAKE_CLOSED';
  constructor(override readonly cause: unknown) {
    super('the connection was closed in the TLS handshake', { cause });
  }
}

/** The operator's proxy did not do its part. */
export class ProxyFailure extends Error {
  override name = 'ProxyFailure';
  readonly code = 'ERR_PROXY';
  constructor(
    message: string,
    /** When it is to be asked again. */
    readonly retryInMs: number,
  ) {
    super(message);
  }
}

/** The proxy works, but gives no tunnel to this target: it may not, or can't be reached. */
export class TunnelRefused extends Error {
  override name = 'TunnelRefused';
  readonly code: 'ERR_TUNNEL_FORBIDDEN' | 'ERR_TUNNEL_TIMEOUT' | 'ERR_TUNNEL_REFUSED';
  constructor(message: string, status: number | null) {
    super(message);
    if (status === 403 || status === 407) this.code = 'ERR_TUNNEL_FORBIDDEN';
    else this.code = status === null || status === 504 ? 'ERR_TUNNEL_TIMEOUT' : 'ERR_TUNNEL_REFUSED';
  }
}

const BY_CODE: Readonly<Record<string, NetworkFailure>> = {
  ERR_LOOKUP_FAILED: 'dns',
  ERR_PROXY: 'proxy',
  ERR_BLOCKED_ADDRESS: 'blocked_address',
  ERR_TUNNEL_FORBIDDEN: 'blocked_address',
  ERR_TUNNEL_TIMEOUT: 'timeout',
  ERR_TUNNEL_REFUSED: 'refused',
  ERR_DEADLINE_EXCEEDED: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  // Nothing took the connection: no listener, or no way there.
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EHOSTDOWN: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  EPROTO: 'tls',
};

/** The codes of getaddrinfo and c-ares, and those of OpenSSL's certificate checks (node:tls gives them as `code`). */
const DNS_CODE = /^(ENOTFOUND|ENODATA|ENONAME|ESERVFAIL|EREFUSED|EBADRESP|EBADNAME|EAI_[A-Z]+)$/;
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

const TLS_FAULTS: readonly [RegExp, string][] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet'],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, 'its certificate is for another host name'],
  [/^CERT_REVOKED$/, 'its certificate was revoked'],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT.*|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED)$/,
    'its certificate is of nobody that is trusted here, or comes without those between it and its authority (NODE_EXTRA_CA_CERTS names an authority of your own)',
  ],
  [/^(EPROTO|ERR_SSL_.*)$/, 'it does not speak TLS, or no version or cipher of it that is taken here'],
];

/** Sorts whatever an exchange failed with into a class; `other` for what has none. */
export function networkFailureOf(error: unknown): NetworkFailure {
  const code = codeOf(error);
  if (code === null) return 'other';
  if (DNS_CODE.test(code)) return 'dns';
  if (TLS_CODE.test(code)) return 'tls';
  return BY_CODE[code] ?? 'other';
}

/** What an https connection failed of: a closed socket that had connected was closed in the handshake. */
export function handshakeFailure(error: Error): Error {
  const closed = ['ECONNRESET', 'ECONNABORTED', 'EPIPE'].includes(codeOf(error) ?? '');
  return closed && memberOf(error, 'syscall') !== 'connect' ? new HandshakeClosed(error) : error;
}

/** In words for an operator, what is wrong with the receiver's TLS; null where it failed of something else. */
export function tlsFaultOf(error: unknown): string | null {
  if (networkFailureOf(error) !== 'tls') return null;
  const closed = error instanceof HandshakeClosed;
  const code = codeOf(closed ? error.cause : error) ?? 'TLS';
  if (closed) return `it closed the connection in the TLS handshake (${code})`;
  const known = TLS_FAULTS.find(([codes]) => codes.test(code));
  return `${known ? known[1] : 'its certificate can not be verified'} (${code})`;
}

/** The address that a connection failed at, where the error knows it. */
export function failedAddressOf(error: unknown): string | null {
  const address = memberOf(error, 'address');
  if (typeof address === 'string') return address;
  // An AggregateError of several tries; the first says it.
  const tries = memberOf(error, 'errors');
  return Array.isArray(tries) && tries.length > 0 ? failedAddressOf(tries[0]) : null;
}

function codeOf(error: unknown): string | null {
  const code = memberOf(error, 'code');
  return typeof code === 'string' ? code : null;
}

/** By its members and not by its class: an error may come from another realm. */
function memberOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}
