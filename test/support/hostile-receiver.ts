import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** One request, as far as it came. */
export interface RawRequest {
  head: string;
  webhookId: string | null;
  /** `eventID` of the record in the body, where there is one. */
  eventId: string | null;
}

/** What a receiver does once it has read a whole request. */
export type Misbehaviour = (socket: Socket, request: RawRequest, index: number) => void;

/** A receiver that speaks bytes instead of HTTP, so that it can say anything. */
export class HostileReceiver {
  readonly requests: RawRequest[] = [];
  connections = 0;
  bytesSent = 0;
  private readonly sockets = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private server: Server | null = null;

  constructor(
    private readonly behave: Misbehaviour,
    private readonly options: { tls?: TlsOptions; onConnection?: (socket: Socket) => void } = {},
  ) {}

  /** @returns the port */
  async start(host: string, port = 0): Promise<number> {
    const { tls } = this.options;
    const server = tls
      ? createTlsServer(tls, (socket) => this.read(socket))
      : createServer({ allowHalfOpen: true }, (socket) => this.read(socket));
    server.on('connection', (socket: Socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('close', () => {
        this.bytesSent += socket.bytesWritten;
        this.sockets.delete(socket);
      });
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    this.server = server;
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** Says it again and again until the socket is gone. */
  repeat(socket: Socket, everyMs: number, say: () => string | Buffer): void {
    const timer = setInterval(() => socket.write(say()), everyMs);
    this.timers.add(timer);
    socket.on('close', () => clearInterval(timer));
  }

  /** Says it as fast as it is read, until the socket is gone or so many bytes were said. */
  pour(socket: Socket, piece: Buffer, most = Number.POSITIVE_INFINITY): void {
    const more = (): void => {
      while (!socket.destroyed && socket.bytesWritten < most) {
        if (!socket.write(piece)) return void socket.once('drain', more);
      }
      socket.end();
    };
    more();
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    for (const socket of this.sockets) socket.destroy();
    if (!this.server) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private read(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.options.onConnection) {
      this.options.onConnection(socket);
      return;
    }
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = text.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const body = text.slice(end + 4, end + 4 + length);
      text = text.slice(end + 4 + length);
      const request = {
        head,
        webhookId: /^webhook-id: (\S+)/im.exec(head)?.[1] ?? null,
        eventId: /"eventID":\s*"([^"]+)"/.exec(body)?.[1] ?? null,
      };
      this.requests.push(request);
      this.behave(socket, request, this.requests.length - 1);
    });
  }
}
