import type { Extra } from 'graphql-ws/use/ws';
import { WebSocket } from 'ws';
import type { Caller } from '../auth/accounts';
import { Unauthenticated } from '../domain/errors';
import type { Metrics } from '../observe/metrics';
import type { Authenticate } from './authenticate';

const WATCH_EVERY_MS = 1_000;
/** A socket that has so much unread for so long is closed with 4413 (requirements C6). */
const MAX_UNREAD = 1024 * 1024;
const UNREAD_FOR_MS = 10_000;
const TOO_MUCH_UNREAD = 4413;
const FORBIDDEN = 4403;

/** What we know of a socket whose caller was let in. */
export interface Watched {
  caller: Caller | null;
  authorization: string | undefined;
  /** On whose number of sockets it counts. */
  owner: string;
  /** Ends what runs on it. */
  endOperations(): void;
  unreadSince: number | undefined;
}

export type WatchedSocket = Extra & { watched?: Watched };

/** Closes sockets whose caller does not hold any more (4403), and those that do not read (4413). */
export class WsWatch {
  private readonly sockets = new Set<WatchedSocket>();
  private readonly timer = setInterval(() => this.look(), WATCH_EVERY_MS);

  constructor(
    private readonly authenticate: Authenticate,
    private readonly metrics: Metrics,
  ) {}

  add(extra: WatchedSocket): void {
    this.sockets.add(extra);
  }

  remove(extra: WatchedSocket): void {
    this.sockets.delete(extra);
  }

  close(): void {
    clearInterval(this.timer);
    this.sockets.clear();
  }

  private look(): void {
    const now = performance.now();
    for (const extra of this.sockets) {
      const { socket, watched } = extra;
      if (!watched || socket.readyState !== WebSocket.OPEN) continue;
      watched.unreadSince = socket.bufferedAmount > MAX_UNREAD ? (watched.unreadSince ?? now) : undefined;
      if (watched.unreadSince !== undefined && now - watched.unreadSince > UNREAD_FOR_MS) {
        this.metrics.closedSlow();
        end(extra, TOO_MUCH_UNREAD, 'too much is unread');
      } else if (watched.authorization) {
        void this.checkCaller(extra, watched);
      }
    }
  }

  private async checkCaller(extra: WatchedSocket, watched: Watched): Promise<void> {
    try {
      watched.caller = await this.authenticate(watched.authorization);
    } catch (error) {
      // Anything else means that nobody can tell just now.
      if (error instanceof Unauthenticated) end(extra, FORBIDDEN, 'Forbidden');
    }
  }
}

/** What runs is ended first: a socket that is closing takes whatever is sent, and a replay would race through it. */
function end({ socket, watched }: WatchedSocket, code: number, reason: string): void {
  watched?.endOperations();
  socket.close(code, reason);
}
