import { GraphQLError } from 'graphql';
import { Invalid } from '../domain/errors';

/** Of one user or key; anonymous ones (WS_OPERATIONS=all) by address (requirements C5). */
export const MOST_SOCKETS = 100;
/** Operations that run on one socket. */
export const MOST_OPERATIONS = 20;

/** Counts the sockets that each caller has open, at all processes. */
export interface SocketPlaces {
  /** @returns null where the caller has as many as one may have */
  take(owner: string): Promise<SocketPlace | null>;
  give(place: SocketPlace): void;
}

export interface SocketPlace {
  owner: string;
  id: string;
}

/** @param running the operations of the socket, the one that is asked for among them */
export function tooManyOperations(running: number): [GraphQLError] | undefined {
  if (running <= MOST_OPERATIONS) return undefined;
  const originalError = new Invalid(
    `${MOST_OPERATIONS} operations run on this socket already, which is the most: complete one, or open another socket.`,
  );
  return [new GraphQLError(originalError.message, { originalError })];
}
