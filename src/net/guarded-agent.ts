import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isIP } from 'node:net';
import type { DiagnosticsChannel } from 'undici';
import { Agent, buildConnector } from 'undici';
import { type AddressGuard, portOf } from './address-guard';
import { BlockedAddress, DeadlineExceeded, failedAddressOf, handshakeFailure } from './failure';
import { guardedLookup, type Resolve, systemResolve } from './guarded-lookup';
import { ProxiedConnect, type ProxyOptions } from './proxied-connect';

export interface GuardedAgentOptions {
  /** Look-up, TCP and TLS together; 5 s. */
  connectTimeoutMs?: number;
  /** Sockets per origin; 16. Further requests wait for one, within their own deadline. */
  maxSocketsPerOrigin?: number;
  /** How long an idle socket is kept; 4 s. */
  keepAliveMs?: number;
  /** Bounded by its owner; absent: the system's resolver. */
  resolve?: Resolve;
  /** The way out of here, where it is not a direct one. */
  proxy?: ProxyOptions;
  /** Certificate authorities to trust in place of the built-in ones, PEM. */
  ca?: string | Buffer;
}

/** Of the addresses that were tried in vain, how many an error tells. */
const MAX_TOLD = 4;

const CONNECT_TIMEOUT_MS = 5_000;

/** What undici tells when it writes a request to a socket. */
const SENT = 'undici:client:sendHeaders';

/**
 * HTTP connections that only ever reach addresses that the guard lets through. The check is made on the addresses that
 * the socket then goes to, so a name that resolves differently a moment later changes nothing; Host and SNI keep the
 * name. HTTP/1.1 only; a proxy is used where `options.proxy` names it, whatever the environment says.
 *
 * The owner closes it.
 */
export class GuardedAgent {
  readonly dispatcher: Agent;
  private readonly resolve: Resolve;
  private readonly sentTo = new WeakMap<object, string>();
  private readonly proxied: ProxiedConnect | null;

  constructor(
    private readonly guard: AddressGuard,
    private readonly options: GuardedAgentOptions = {},
  ) {
    this.resolve = options.resolve ?? systemResolve;
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const { proxy, ca } = options;
    const { resolve } = this;
    const parts = { guard, resolve, timeoutMs, ...(ca === undefined ? {} : { ca }) };
    this.proxied = proxy ? new ProxiedConnect({ ...parts, proxy }) : null;
    this.dispatcher = new Agent({
      allowH2: false,
      pipelining: 1,
      connections: options.maxSocketsPerOrigin ?? 16,
      keepAliveTimeout: options.keepAliveMs ?? 4_000,
      connect: (target, callback) => this.connect(target, callback),
    });
    subscribe(SENT, this.onSent);
  }

  /** The address that the request with this very body object was last written to; null while it was not. */
  addressOf(body: object): string | null {
    return this.sentTo.get(body) ?? null;
  }

  /** Milliseconds for which the way to a URL is closed, as the proxy fails; 0: it is open. */
  closedForMs(url: URL): number {
    return this.proxied?.closedForMs(url) ?? 0;
  }

  /** What a request really failed of: of the proxy, where it waited for that when its time was up. */
  causeOf(url: URL, error: unknown): unknown {
    return this.proxied && error instanceof DeadlineExceeded ? this.proxied.blame(url, error) : error;
  }

  /** Ends what is in flight and closes every socket. */
  async close(): Promise<void> {
    unsubscribe(SENT, this.onSent);
    this.proxied?.close();
    await this.dispatcher.destroy();
  }

  private connect(target: buildConnector.Options, callback: buildConnector.Callback): void {
    const { hostname } = target;
    if (this.proxied?.serves(hostname)) {
      this.proxied.connect(target, callback);
      return;
    }
    const port = portOf(target);
    const literal = isIP(hostname) !== 0;
    const reason = literal ? this.guard.check(hostname, port) : null;
    if (reason !== null) {
      queueMicrotask(() => callback(new BlockedAddress(reason, hostname), null));
      return;
    }
    const tried: string[] = literal ? [hostname] : [];
    // One connector a connection, because only so its look-up knows the port.
    const connect = buildConnector({
      allowH2: false,
      timeout: this.options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      ...(this.options.ca === undefined ? {} : { ca: this.options.ca }),
      lookup: guardedLookup(
        this.guard,
        async (name) => {
          const records = await this.resolve(name);
          tried.push(...records.map(({ address }) => address));
          return records;
        },
        port,
      ),
    });
    connect(target, (failed, socket) => {
      if (failed === null) {
        callback(null, socket);
        return;
      }
      const error = target.protocol === 'https:' ? handshakeFailure(failed) : failed;
      if (failedAddressOf(error) === null && tried.length > 0)
        Object.assign(error, { address: tried.slice(0, MAX_TOLD).join(', ') });
      callback(error, null);
    });
  }

  private readonly onSent = (message: unknown): void => {
    const { request, socket } = message as DiagnosticsChannel.ClientSendHeadersMessage;
    // Not among undici's types, but the object that was given as the body (a test holds it to that).
    const { body } = request as { body?: unknown };
    if (typeof body !== 'object' || body === null) return;
    // At the other end of a socket by a proxy stands the proxy.
    const behind = this.proxied?.addressOf(socket);
    const address = behind === undefined ? socket.remoteAddress : behind;
    if (typeof address === 'string') this.sentTo.set(body, address);
  };
}
