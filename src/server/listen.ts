import type { FastifyInstance } from 'fastify';
import { Invalid, messageOf } from '../domain/errors';

export interface Place {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The setting that the port comes from. */
  setting: 'PORT' | 'METRICS_PORT';
}

const REMEDIES: Readonly<Record<string, (place: Place) => string>> = {
  EADDRINUSE: ({ port, host, setting }) =>
    `Port ${port} on ${host} is in use: stop what listens there, or set ${setting} to another one (0 takes a free one).`,
  EACCES: ({ port, setting }) =>
    `Port ${port} may not be taken by this user: set ${setting} to one from 1024 on.`,
  EADDRNOTAVAIL: ({ host }) =>
    `HOST ${host} is no address of this machine: set it to one that is, or to 0.0.0.0 for all of them.`,
};

/**
 * Has a server listen. Where it can't, the server is closed.
 * @throws Invalid that says which setting to change
 */
export async function listenAt(app: FastifyInstance, place: Place): Promise<void> {
  try {
    await app.listen({ host: place.host, port: place.port });
  } catch (error) {
    await app.close();
    const { code, syscall } = error as { code?: unknown; syscall?: unknown };
    const remedy = REMEDIES[String(code)];
    if (remedy) throw new Invalid(remedy(place));
    if (syscall === 'getaddrinfo')
      throw new Invalid(
        `HOST ${place.host} is no address, and no name that leads to one (${messageOf(error)}).`,
      );
    throw error;
  }
}
