import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { messageOf } from '../domain/errors';
import type { ProxyAddress } from './proxy-address';

/** How far the way to a target had come: to the proxy, or beyond it. */
export type TunnelStage = 'proxy' | 'target';

/** The proxy could not be reached, or failed in its TLS. */
export class ProxyUnreachable extends Error {
  override name = 'ProxyUnreachable';
}

/** The proxy was reached, and gave no tunnel; `status` is null where it gave no answer. */
export class NoTunnel extends Error {
  override name = 'NoTunnel';
  constructor(
    message: string,
    readonly status: number | null,
  ) {
    super(message);
  }
}

export interface TunnelRequest {
  proxy: ProxyAddress;
  /** A literal address, or a name that the proxy is to resolve. */
  host: string;
  port: number;
  userAgent: string;
  /** Certificate authorities to trust in place of the built-in ones, PEM. */
  ca?: string | Buffer;
  signal: AbortSignal;
  onStage: (stage: TunnelStage) => void;
}

/** What a proxy says beside its status is not read beyond this. */
const MAX_ANSWER_HEAD = 16 * 1024;

/**
 * Asks a proxy for a tunnel (CONNECT) and gives the socket that leads to the other end.
 * @throws ProxyUnreachable, NoTunnel; neither says more of the proxy's address than the operator wrote, and no password
 */
export function openTunnel(tunnel: TunnelRequest): Promise<Socket> {
  const { proxy, host, port, onStage } = tunnel;
  let stage: TunnelStage = 'proxy';
  return new Promise((resolve, reject) => {
    const request = connectRequest(tunnel);
    request.once('socket', (socket) => {
      socket.once(proxy.secure ? 'secureConnect' : 'connect', () => {
        stage = 'target';
        onStage(stage);
      });
    });
    request.once('connect', (response, socket: Socket, head: Buffer) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined).destroy();
      reject(new NoTunnel(`the proxy answered ${status} to CONNECT ${authorityOf(host, port)}`, status));
    });
    request.on('error', (error) => {
      const why = tunnel.signal.aborted ? 'no answer in time' : messageOf(error, 200);
      reject(
        stage === 'proxy'
          ? new ProxyUnreachable(`the proxy ${authorityOf(proxy.host, proxy.port)} can't be reached: ${why}`)
          : new NoTunnel(`the proxy gave no tunnel to ${authorityOf(host, port)}: ${why}`, null),
      );
    });
    request.end();
  });
}

function connectRequest({ proxy, host, port, userAgent, ca, signal }: TunnelRequest): ClientRequest {
  const authority = authorityOf(host, port);
  const options = {
    method: 'CONNECT',
    host: proxy.host,
    port: proxy.port,
    path: authority,
    headers: {
      host: authority,
      'user-agent': userAgent,
      ...(proxy.authorization === null ? {} : { 'proxy-authorization': proxy.authorization }),
    },
    // A connection is a tunnel: there is nothing to keep.
    agent: false as const,
    maxHeaderSize: MAX_ANSWER_HEAD,
    signal,
  };
  if (!proxy.secure) return httpRequest(options);
  return httpsRequest({
    ...options,
    ...(isIP(proxy.host) === 0 ? { servername: proxy.host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
}

function authorityOf(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
