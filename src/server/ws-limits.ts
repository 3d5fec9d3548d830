import { GraphQLError } from 'graphql';
import { Invalid } from '../domain/errors';
import type { WatchedSocket } from './ws-watch';

/** Of one user or key in this process; anonymous ones (WS_OPERATIONS=all) by address (requirements C5). */
export const MOST_SOCKETS = 100;
/** Operations that run on one socket. */
export const MOST_OPERATIONS = 20;

/** How many sockets each caller has open. */
export class SocketCounts {
  private readonly open = new Map<string, Set<WatchedSocket>>();

  /** @returns false where the caller has as many as one may have */
  add(owner: string, socket: WatchedSocket): boolean {
    const sockets = this.open.get(owner) ?? new Set();
    if (sockets.size >= MOST_SOCKETS) return false;
    sockets.add(socket);
    this.open.set(owner, sockets);
    return true;
  }

  remove(owner: string, socket: WatchedSocket): void {
    const sockets = this.open.get(owner);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.open.delete(owner);
  }
}

/** @param running the operations of the socket, the one that is asked for among them */
export function tooManyOperations(running: number): [GraphQLError] | undefined {
  if (running <= MOST_OPERATIONS) return undefined;
  const originalError = new Invalid(
    `${MOST_OPERATIONS} operations run on this socket already, which is the most: complete one, or open another socket.`,
  );
  return [new GraphQLError(originalError.message, { originalError })];
}
