import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { AddressGuard } from './address-guard';
import { BlockedAddress } from './failure';

export interface ResolvedAddress {
  address: string;
  family: number;
}

/**
 * All addresses of a name, in the order in which they are to be tried; rejects where it has none.
 * @param signal when nobody waits for the answer any more; to be heeded where that is possible
 */
export type Resolve = (hostname: string, signal?: AbortSignal) => Promise<ResolvedAddress[]>;

/** The system's resolver, /etc/hosts included. */
export const systemResolve: Resolve = (hostname) => systemLookup(hostname, { all: true });

/**
 * Resolves a name once and checks every record: one blocked record condemns the name, since which of them a
 * connection takes is not ours to choose.
 * @throws BlockedAddress
 */
export async function resolveChecked(
  guard: AddressGuard,
  resolve: Resolve,
  hostname: string,
  port?: number,
): Promise<ResolvedAddress[]> {
  const records = await resolve(hostname);
  if (records.length === 0)
    throw Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' });
  for (const { address } of records) {
    const reason = guard.check(address, port);
    if (reason !== null) throw new BlockedAddress(`${hostname}: ${reason}`, address);
  }
  return records;
}

/**
 * A `lookup` for net.connect, http.Agent and https.Agent: the socket goes to the very addresses that were checked.
 * Node calls it for names only, so a literal address needs `AddressGuard.checkUrl` before.
 */
export function guardedLookup(
  guard: AddressGuard,
  resolve: Resolve = systemResolve,
  port?: number,
): LookupFunction {
  return (hostname, options, callback) => {
    resolveChecked(guard, resolve, hostname, port).then(
      (records) => {
        const first = records[0]!;
        if (options.all === true) callback(null, records);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, ''),
    );
  };
}
