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

/** Sorts whatever an exchange failed with into a class; `other` for what has none. */
export function networkFailureOf(error: unknown): NetworkFailure {
  const code = codeOf(error);
  if (code === null) return 'other';
  if (DNS_CODE.test(code)) return 'dns';
  if (TLS_CODE.test(code)) return 'tls';
  return BY_CODE[code] ?? 'other';
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
