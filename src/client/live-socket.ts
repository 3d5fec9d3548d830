import { createClient } from 'graphql-ws/client';
import { type AnswerError, textOf } from './errors';

/** What the library needs to know of a WebSocket: the browser's, Node's own from 22 on, or that of `ws`. */
export type WebSocketClass = new (
  url: string,
  protocols?: string | string[],
) => {
  readonly readyState: number;
  close(code?: number, reason?: string): void;
};

export interface LiveSocketOptions {
  url: string;
  webSocket: WebSocketClass;
  token: string | null;
  query: string;
  variables: Record<string, unknown>;
  /** In which the socket must have been opened and let in. */
  timeoutMs: number;
  /** A server that says nothing for so long is asked whether it is there, and has so long to answer. */
  pingMs: number;
  onConnected(): void;
  onResult(result: { data?: unknown; errors?: AnswerError[] }): void;
}

/** How a subscription on a socket came to its end. */
export type SocketEnd =
  | { kind: 'stopped' }
  | { kind: 'completed' }
  | { kind: 'errors'; errors: AnswerError[] }
  /** `code` is that of WebSocket; 1006 where there was no close, or no connection at all. */
  | { kind: 'closed'; code: number; reason: string };

const ABNORMAL = 1006;

/** One subscription on a socket of its own, until it ends for any reason; nothing is tried again. */
export class LiveSocket {
  readonly ended: Promise<SocketEnd>;
  private over = false;
  private connected = false;
  private socket: InstanceType<WebSocketClass> | null = null;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private unsubscribe: () => void = () => undefined;
  private resolveEnded: (end: SocketEnd) => void = () => undefined;

  constructor(private readonly options: LiveSocketOptions) {
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.giveUpIn(options.timeoutMs, 'the server did not let us in');
    const { query, variables, onResult } = options;
    const client = this.client();
    this.unsubscribe = client.subscribe(
      { query, variables },
      {
        next: (result) => {
          if (!this.over) onResult(result as { data?: unknown; errors?: AnswerError[] });
        },
        error: (error) => this.settle(endOf(error)),
        complete: () => this.settle({ kind: 'completed' }),
      },
    );
    if (this.over) this.unsubscribe();
  }

  /** Leaves: nothing more is given. */
  stop(): void {
    this.settle({ kind: 'stopped' });
  }

  private client(): ReturnType<typeof createClient> {
    const { url, token, pingMs, onConnected } = this.options;
    return createClient({
      url: `${url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: this.watchedClass(),
      connectionParams: token === null ? {} : { authorization: `Bearer ${token}` },
      retryAttempts: 0,
      keepAlive: pingMs,
      on: {
        connected: () => {
          clearTimeout(this.deadline);
          this.connected = true;
          if (!this.over) onConnected();
        },
        ping: (received) => {
          if (!received) this.giveUpIn(pingMs, 'the server did not answer a ping');
        },
        pong: (received) => {
          if (received) clearTimeout(this.deadline);
        },
        // Ahead of the library, which opens a socket that was closed with 1000 again by itself.
        closed: (event) => this.settle(endOf(event)),
      },
    });
  }

  /** The library shows a socket only when it has opened. */
  private watchedClass(): WebSocketClass {
    const note = (socket: InstanceType<WebSocketClass>): void => {
      this.socket = socket;
    };
    return class extends this.options.webSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        note(this);
      }
    };
  }

  private giveUpIn(ms: number, reason: string): void {
    clearTimeout(this.deadline);
    if (this.over) return;
    this.deadline = setTimeout(() => {
      this.settle({ kind: 'closed', code: ABNORMAL, reason: `${reason} within ${ms} ms` });
      this.break();
    }, ms);
  }

  private settle(end: SocketEnd): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.deadline);
    this.unsubscribe();
    if (!this.connected) this.break();
    this.resolveEnded(end);
  }

  /** Without waiting for the peer, where the class of the socket can do so. */
  private break(): void {
    const socket = this.socket as { close(): void; terminate?: () => void } | null;
    if (socket?.terminate) socket.terminate();
    else socket?.close();
  }
}

/** By shape: an event of the socket, the errors of the operation, or a fault of the library. */
function endOf(error: unknown): SocketEnd {
  if (Array.isArray(error)) return { kind: 'errors', errors: error as AnswerError[] };
  const { code, reason } = (error ?? {}) as { code?: unknown; reason?: unknown };
  if (typeof code === 'number') return { kind: 'closed', code, reason: String(reason ?? '') };
  return {
    kind: 'closed',
    code: ABNORMAL,
    reason: error instanceof Error ? error.message : eventText(error),
  };
}

/** A browser's event of an error has no message. */
function eventText(event: unknown): string {
  const { message } = (event ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? textOf(event) : 'the connection failed';
}
