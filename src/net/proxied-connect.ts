import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressGuard, bareHost, portOf } from './address-guard';
import { BlockedAddress, type DeadlineExceeded, handshakeFailure } from './failure';
import { type Resolve, resolveChecked } from './guarded-lookup';
import { goesDirect, type NoProxy, type ProxyAddress } from './proxy-address';
import type { ProxyGate } from './proxy-gate';
import { NoTunnel, openTunnel, ProxyUnreachable, type TunnelStage } from './proxy-tunnel';

export interface ProxyOptions {
  address: ProxyAddress;
  /** The proxy is given names and resolves them; literal addresses are checked all the same. */
  resolves: boolean;
  noProxy: NoProxy;
  gate: ProxyGate;
  userAgent: string;
}

export interface ProxiedConnectParts {
  guard: AddressGuard;
  resolve: Resolve;
  proxy: ProxyOptions;
  /** Look-up, the way to the proxy, the tunnel and TLS together. */
  timeoutMs: number;
  ca?: string | Buffer;
}

/** Addresses of one name that a proxy is asked for in turn. */
const MAX_TRIED = 4;

/**
 * Connections by way of a proxy, always through a tunnel (CONNECT), also for http: so the proxy can't change a request,
 * and is asked for the very address that was checked. Host and SNI keep the name.
 */
export class ProxiedConnect {
  /** Of each origin that is being connected to, how far that is. */
  private readonly opening = new Map<string, TunnelStage>();
  private readonly leadTo = new WeakMap<object, string | null>();
  private readonly asking = new Set<AbortController>();
  private closed = false;

  constructor(private readonly parts: ProxiedConnectParts) {}

  /** Whether a host is reached by the proxy. */
  serves(host: string): boolean {
    return !goesDirect(host, this.parts.proxy.noProxy);
  }

  /** Milliseconds for which nothing can be sent to a URL, as the proxy fails; 0: it is worth a try. */
  closedForMs(url: URL): number {
    return this.serves(bareHost(url.hostname)) ? this.parts.proxy.gate.waitMs(url.host) : 0;
  }

  /** Where a socket leads to: null where only the proxy knows; undefined for one that is none of ours. */
  addressOf(socket: object): string | null | undefined {
    return this.leadTo.get(socket);
  }

  /** What a request failed of whose time is up: of the proxy, where its connection had not come further. */
  blame(url: URL, error: DeadlineExceeded): Error {
    const stage = this.opening.get(url.host);
    if (stage === undefined) return error;
    const { gate } = this.parts.proxy;
    const message = `no tunnel by the proxy within ${error.timeoutMs} ms`;
    return stage === 'proxy'
      ? gate.unreachable(message)
      : gate.refusedBy(url.host, { status: null, message });
  }

  connect(target: buildConnector.Options, callback: buildConnector.Callback): void {
    this.open(target).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  }

  close(): void {
    this.closed = true;
    for (const aborter of this.asking) aborter.abort();
  }

  private async open(target: buildConnector.Options): Promise<Socket> {
    const { guard, resolve, proxy, timeoutMs, ca } = this.parts;
    const port = portOf(target);
    const hosts = proxy.resolves
      ? [literalChecked(guard, target.hostname, port)]
      : await addressesOf(guard, resolve, target.hostname, port);
    const endsAt = performance.now() + timeoutMs;
    const tunnel = await this.tunnel(target.host ?? `${target.hostname}:${port}`, { hosts, port, endsAt });
    let { socket } = tunnel;
    if (target.protocol === 'https:') {
      const timeout = Math.max(1, endsAt - performance.now());
      const connect = buildConnector({ allowH2: false, timeout, ...(ca === undefined ? {} : { ca }) });
      socket = await secured(connect, { ...target, httpSocket: socket });
    }
    this.leadTo.set(socket, isIP(tunnel.host) === 0 ? null : tunnel.host);
    return socket;
  }

  /** A tunnel to the first of some addresses that the proxy can reach. */
  private async tunnel(
    name: string,
    { hosts, port, endsAt }: { hosts: string[]; port: number; endsAt: number },
  ): Promise<{ socket: Socket; host: string }> {
    const tried = hosts.slice(0, MAX_TRIED);
    let last: unknown = null;
    try {
      for (const [index, host] of tried.entries()) {
        const left = endsAt - performance.now();
        try {
          const socket = await this.ask(name, { host, port, timeoutMs: left / (tried.length - index) });
          this.parts.proxy.gate.tunnelled(name);
          return { socket, host };
        } catch (error) {
          last = error;
          if (error instanceof ProxyUnreachable || this.closed) break;
        }
      }
    } finally {
      this.opening.delete(name);
    }
    throw this.failureOf(name, last);
  }

  private async ask(
    name: string,
    { host, port, timeoutMs }: { host: string; port: number; timeoutMs: number },
  ): Promise<Socket> {
    const { proxy, ca } = this.parts;
    const { address, userAgent } = proxy;
    const aborter = new AbortController();
    this.asking.add(aborter);
    const timer = setTimeout(() => aborter.abort(), Math.max(1, timeoutMs));
    const onStage = (stage: TunnelStage): void => void this.opening.set(name, stage);
    onStage('proxy');
    try {
      const request = { proxy: address, host, port, userAgent, signal: aborter.signal, onStage };
      return await openTunnel({ ...request, ...(ca === undefined ? {} : { ca }) });
    } finally {
      clearTimeout(timer);
      this.asking.delete(aborter);
    }
  }

  private failureOf(name: string, error: unknown): unknown {
    const { gate } = this.parts.proxy;
    if (this.closed) return error;
    if (error instanceof ProxyUnreachable) return gate.unreachable(error.message);
    if (error instanceof NoTunnel) return gate.refusedBy(name, error);
    return error;
  }
}

async function addressesOf(
  guard: AddressGuard,
  resolve: Resolve,
  host: string,
  port: number,
): Promise<string[]> {
  if (isIP(host) !== 0) return [literalChecked(guard, host, port)];
  return (await resolveChecked(guard, resolve, host, port)).map(({ address }) => address);
}

/** @throws BlockedAddress for a literal address that may not be reached; a name is given back as it is */
function literalChecked(guard: AddressGuard, host: string, port: number): string {
  const reason = isIP(host) === 0 ? null : guard.check(host, port);
  if (reason !== null) throw new BlockedAddress(reason, host);
  return host;
}

function secured(
  connect: buildConnector.connector,
  target: buildConnector.Options & { httpSocket: Socket },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    connect(target, (error, socket) => {
      if (error) {
        target.httpSocket.destroy();
        reject(handshakeFailure(error));
      } else resolve(socket);
    });
  });
}
