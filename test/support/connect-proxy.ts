import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** What was asked of the proxy. */
export interface Asked {
  authority: string;
  authorization: string | null;
}

/**
 * What the proxy does with a request for a tunnel: gives it, answers a status, says bytes, never answers, or closes.
 */
export type ProxyMood = 'tunnel' | 'hang' | 'close' | { status: number } | { bytes: string };

/** A proxy that opens tunnels, or fails as it is told to. It can be stopped and started at the same port. */
export class ConnectProxy {
  readonly asked: Asked[] = [];
  /** Requests that were no CONNECT. */
  plain = 0;
  mood: (authority: string) => ProxyMood = () => 'tunnel';
  /** Addresses for names that it is to resolve. */
  readonly hosts = new Map<string, string>();
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  constructor(private readonly tls: { key: Buffer; cert: Buffer } | null = null) {}

  async start(port = 0): Promise<number> {
    const onPlain = (_: IncomingMessage, response: { writeHead(status: number): { end(): void } }): void => {
      this.plain++;
      response.writeHead(400).end();
    };
    const server = this.tls ? createTlsServer(this.tls, onPlain) : createServer(onPlain);
    server.on('connection', (socket: Socket) => this.keep(socket));
    server.on('tlsClientError', () => undefined);
    server.on('connect', (request, socket: Socket) => this.onConnect(request, socket));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
    return (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server) return;
    this.server.close();
    await once(this.server, 'close');
    this.server = null;
  }

  private onConnect(request: IncomingMessage, socket: Socket): void {
    const authority = request.url ?? '';
    this.asked.push({ authority, authorization: request.headers['proxy-authorization'] ?? null });
    socket.on('error', () => undefined);
    const mood = this.mood(authority);
    if (mood === 'hang') return;
    if (mood === 'close') socket.destroy();
    else if (mood === 'tunnel') this.tunnel(authority, socket);
    else if ('status' in mood) socket.end(`HTTP/1.1 ${mood.status} So\r\ncontent-length: 0\r\n\r\n`);
    else socket.end(mood.bytes);
  }

  private tunnel(authority: string, near: Socket): void {
    const { hostname, port } = new URL(`http://${authority}`);
    const host = hostname.replace(/^\[|\]$/g, '');
    const far = connect({ host: this.hosts.get(host) ?? host, port: Number(port || 80) });
    this.keep(far);
    far.on('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    far.on('error', () => near.end('HTTP/1.1 503 Unreachable\r\ncontent-length: 0\r\n\r\n'));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
