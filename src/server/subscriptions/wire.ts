import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** A socket with more than this unsent gets nothing more until it has taken some; below what closes it (4413). */
const ENOUGH_UNSENT = 64 * 1024;

/** One subscription of one socket, as far as its messages go: `next` messages of the graphql-transport-ws protocol. */
export class Wire {
  private readonly head: string;
  private corked = false;
  private readonly uncork = (): void => {
    this.corked = false;
    this.connection.uncork();
  };

  /** @param connection the one that the socket writes to */
  constructor(
    private readonly socket: WebSocket,
    private readonly connection: Socket,
    id: string,
    private readonly onNext: () => void,
  ) {
    this.head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  }

  /** Whether more may be sent now. */
  get ready(): boolean {
    return this.socket.bufferedAmount < ENOUGH_UNSENT;
  }

  /** @param payload an execution result as JSON text
   * @param sent told once the system has taken it, or the socket is gone */
  next(payload: string, sent?: () => void): void {
    this.onNext();
    this.gather();
    this.socket.send(`${this.head}${payload}}`, sent);
  }

  /** What is sent until the event loop turns to something else goes to the system in one call. */
  private gather(): void {
    if (this.corked) return;
    this.corked = true;
    this.connection.cork();
    process.nextTick(this.uncork);
  }
}
