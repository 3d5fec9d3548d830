import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface WsMessage {
  type: string;
  id?: string;
  payload?: unknown;
}

export interface RawSocketOptions {
  origin?: string;
  path?: string;
  /** None where null. */
  protocol?: string | null;
  /** Answers no ping of the server's. */
  deaf?: boolean;
}

/** A WebSocket on which a test says what it likes, right or wrong. No message is missed. */
export class RawSocket {
  readonly messages: WsMessage[] = [];
  /** How many pings of the protocol below came. */
  pings = 0;
  readonly closed: Promise<{ code: number; reason: string }>;
  private wake: () => void = () => undefined;

  private constructor(private readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.wake();
      });
    });
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as WsMessage);
      this.wake();
    });
    socket.on('ping', () => {
      this.pings += 1;
    });
    socket.on('error', () => undefined);
  }

  /** @throws Error with the status where the handshake is refused */
  static async open(url: string, options: RawSocketOptions = {}): Promise<RawSocket> {
    const { origin, path = '/graphql', protocol = 'graphql-transport-ws', deaf = false } = options;
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, protocol ?? [], {
      autoPong: !deaf,
      ...(origin ? { origin } : {}),
    });
    const raw = new RawSocket(socket);
    await once(socket, 'open');
    return raw;
  }

  /** One whose caller was let in. */
  static async authorized(url: string, token: string): Promise<RawSocket> {
    const socket = await RawSocket.open(url);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await socket.next('connection_ack');
    return socket;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables?: object): void {
    this.send({ type: 'subscribe', id, payload: { query, variables } });
  }

  /** The next message of these types, once it comes. @throws Error where the socket is closed before */
  async next(...types: string[]): Promise<WsMessage> {
    for (;;) {
      const index = this.messages.findIndex(({ type }) => types.includes(type));
      if (index >= 0) return this.messages.splice(index, 1)[0]!;
      if (this.socket.readyState >= WebSocket.CLOSING) throw new Error(`closed without ${types.join()}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  cut(): void {
    this.socket.terminate();
  }
}
