import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Unavailable } from '../domain/errors';
import { isErrno } from './run-command';

/**
 * Below the range from which Linux (32768 on) and macOS (49152 on) take ports for outgoing connections: there a
 * client that reconnects to a server that is just down can be given that very port and so keep it from the server.
 */
const FIRST = 20_000;
const AFTER_LAST = 32_000;
const TRIES = 100;

/** A TCP port of 127.0.0.1 that was free a moment ago. Throws Unavailable after 100 taken ones. */
export async function findFreePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FIRST, AFTER_LAST);
    if (await isFree(port)) return port;
  }
  throw new Unavailable(
    `none of ${TRIES} ports tried between ${FIRST} and ${AFTER_LAST} of 127.0.0.1 is free`,
  );
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: '127.0.0.1', port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    if (isErrno(error, 'EADDRINUSE', 'EACCES')) return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
