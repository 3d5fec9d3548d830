import type { Extra } from 'graphql-ws/use/ws';
import { WebSocket } from 'ws';
import type { Caller } from '../auth/caller';
import { messageOf } from '../domain/errors';
import type { Logger } from '../observe/logger';
import type { Metrics } from '../observe/metrics';
import type { SocketPlace } from './ws-limits';

/** Half of the second within which a socket is closed whose caller does not hold any more (requirements C5). */
const WATCH_EVERY_MS = 500;
/** A socket that has so much unread for so long is closed with 4413 (requirements C6). */
const MAX_UNREAD = 1024 * 1024;
const UNREAD_FOR_MS = 10_000;
const TOO_MUCH_UNREAD = 4413;
const FORBIDDEN = 4403;

/** What we know of a socket whose caller was let in. */
export interface Watched {
  caller: Caller | null;
  /** The one that it takes of its caller's sockets. */
  place: SocketPlace;
  /** Ends what runs on it. */
  endOperations(): void;
  unreadSince: number | undefined;
}

export type WatchedSocket = Extra & { watched?: Watched };

export interface WsWatchParts {
  /** Who these callers are by now, each in its place; null for one that does not hold any more. */
  recheck: (callers: readonly Caller[]) => Promise<(Caller | null)[]>;
  now: () => Date;
  metrics: Metrics;
  log: Logger;
}

/**
 * Closes sockets whose caller does not hold any more (4403), and those that do not read (4413). All callers are asked
 * for at once, from the database itself.
 */
export class WsWatch {
  private readonly sockets = new Set<WatchedSocket>();
  private readonly timer = setInterval(() => this.look(), WATCH_EVERY_MS);
  private checking = false;

  constructor(private readonly parts: WsWatchParts) {}

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
    const open = [...this.sockets].filter(({ socket }) => socket.readyState === WebSocket.OPEN);
    for (const extra of open) {
      const { socket, watched } = extra;
      if (!watched) continue;
      watched.unreadSince = socket.bufferedAmount > MAX_UNREAD ? (watched.unreadSince ?? now) : undefined;
      if (watched.unreadSince !== undefined && now - watched.unreadSince > UNREAD_FOR_MS) {
        this.parts.metrics.closedSlow();
        end(extra, TOO_MUCH_UNREAD, 'too much is unread');
      } else if (hasExpired(watched.caller, this.parts.now())) end(extra, FORBIDDEN, 'Forbidden');
    }
    void this.checkCallers(open);
  }

  private async checkCallers(open: WatchedSocket[]): Promise<void> {
    const asked = open.flatMap((extra) =>
      extra.watched?.caller ? [[extra, extra.watched.caller] as const] : [],
    );
    // One that takes long is not overtaken: the next look finds what it missed.
    if (this.checking || asked.length === 0) return;
    this.checking = true;
    try {
      const found = await this.parts.recheck(asked.map(([, caller]) => caller));
      for (const [at, [extra]] of asked.entries()) {
        const caller = found[at] ?? null;
        if (caller === null) end(extra, FORBIDDEN, 'Forbidden');
        else if (extra.watched) extra.watched.caller = caller;
      }
    } catch (error) {
      // Nobody can tell just now; what runs out by itself is still closed.
      this.parts.log.debug({ error: messageOf(error) }, 'the callers of WebSockets could not be looked up');
    } finally {
      this.checking = false;
    }
  }
}

function hasExpired(caller: Caller | null, now: Date): boolean {
  return caller !== null && caller.expiresAt !== null && caller.expiresAt <= now;
}

/** What runs is ended first: a socket that is closing takes whatever is sent, and a replay would race through it. */
function end({ socket, watched }: WatchedSocket, code: number, reason: string): void {
  watched?.endOperations();
  socket.close(code, reason);
}
