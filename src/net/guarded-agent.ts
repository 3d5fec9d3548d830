import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isIP } from 'node:net';
import type { DiagnosticsChannel } from 'undici';
import { Agent, buildConnector } from 'undici';
import { type AddressGuard, portOf } from './address-guard';
import { BlockedAddress, failedAddressOf } from './failure';
import { guardedLookup, type Resolve, systemResolve } from './guarded-lookup';

export interface GuardedAgentOptions {
  /** Look-up, TCP and TLS together; 5 s. */
  connectTimeoutMs?: number;
  /** Sockets per origin; 16. Further requests wait for one, within their own deadline. */
  maxSocketsPerOrigin?: number;
  /** How long an idle socket is kept; 4 s. */
  keepAliveMs?: number;
  resolve?: Resolve;
  /** Certificate authorities to trust in place of the built-in ones, PEM. */
  ca?: string | Buffer;
}

/** Of the addresses that were tried in vain, how many an error tells. */
const MAX_TOLD = 4;

/** What undici tells when it writes a request to a socket. */
const SENT = 'undici:client:sendHeaders';

/**
 * HTTP connections that only ever reach addresses that the guard lets through. The check is made on the addresses that
 * the socket then goes to, so a name that resolves differently a moment later changes nothing; Host and SNI keep the
 * name. HTTP/1.1 only; environment proxies are not used.
 *
 * The owner closes it.
 */
export class GuardedAgent {
  readonly dispatcher: Agent;
  private readonly resolve: Resolve;
  private readonly sentTo = new WeakMap<object, string>();

  constructor(
    private readonly guard: AddressGuard,
    private readonly options: GuardedAgentOptions = {},
  ) {
    this.resolve = options.resolve ?? systemResolve;
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

  /** Ends what is in flight and closes every socket. */
  async close(): Promise<void> {
    unsubscribe(SENT, this.onSent);
    await this.dispatcher.destroy();
  }

  private connect(target: buildConnector.Options, callback: buildConnector.Callback): void {
    const { hostname } = target;
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
      timeout: this.options.connectTimeoutMs ?? 5_000,
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
    connect(target, (...outcome) => {
      const [error] = outcome;
      if (error !== null && failedAddressOf(error) === null && tried.length > 0)
        Object.assign(error, { address: tried.slice(0, MAX_TOLD).join(', ') });
      callback(...outcome);
    });
  }

  private readonly onSent = (message: unknown): void => {
    const { request, socket } = message as DiagnosticsChannel.ClientSendHeadersMessage;
    // Not among undici's types, but the object that was given as the body (a test holds it to that).
    const { body } = request as { body?: unknown };
    if (typeof body === 'object' && body !== null && socket.remoteAddress !== undefined)
      this.sentTo.set(body, socket.remoteAddress);
  };
}
