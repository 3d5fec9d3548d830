import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';

/** For http and for https. */
export type Agents = [HttpAgent, HttpsAgent];

/** Without a byte in either direction. */
export const SOCKET_IDLE_MS = 30_000;
/** Sockets of one source: listing and reading together use far fewer. */
const MAX_SOCKETS = 64;

/** @param lookup resolves the names of hosts; the system does unless told */
export function makeAgents(lookup: LookupFunction | undefined): Agents {
  // The timeout here is the one of sockets that nobody uses.
  const options = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    timeout: SOCKET_IDLE_MS,
    ...(lookup ? { lookup } : {}),
  };
  return [new HttpAgent(options), new HttpsAgent(options)];
}

/** Closes what is idle; an object that is being read is read to its end, and its socket closed after that. */
export function retireAgents(agents: Agents): void {
  for (const agent of agents) {
    agent.maxFreeSockets = 0;
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  }
}
