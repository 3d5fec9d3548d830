import { isIP } from 'node:net';
import { IPv6, parse } from 'ipaddr.js';
import type { Cidr } from './address-guard';

/**
 * Where a request comes from.
 * @param peer the other end of the connection
 * @param forwardedFor the X-Forwarded-For header
 */
export type AddressOf = (
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
) => string | null;

/** More proxies than stand in a row anywhere. */
const MOST_HOPS = 20;

/**
 * Believes X-Forwarded-For as far as it was written by proxies that are trusted: read from its end, the first address
 * that is none of theirs is the client's. Whoever else writes one is not believed.
 */
export function clientAddress(trusted: readonly Cidr[]): AddressOf {
  return (peer, forwardedFor) => {
    const hops = [forwardedFor ?? []].flat().join(',').split(',').reverse().slice(0, MOST_HOPS);
    let client = canonical(peer ?? '');
    for (const hop of hops) {
      if (client === null || !isIn(client, trusted)) return client;
      const before = canonical(hop.trim());
      if (before === null) return client;
      client = before;
    }
    return client;
  };
}

/** Whether the address lies in one of these ranges; what is no address lies in none. */
export function isIn(text: string, ranges: readonly Cidr[]): boolean {
  const address = canonical(text);
  if (address === null) return false;
  const parsed = parse(address);
  return ranges.some(
    ({ network, prefix }) => network.kind() === parsed.kind() && parsed.match(network, prefix),
  );
}

/** One form for an address, IPv4 also where it comes mapped into IPv6. Null where it is none. */
function canonical(text: string): string | null {
  if (isIP(text) === 0) return null;
  const parsed = parse(text);
  return parsed instanceof IPv6 && parsed.isIPv4MappedAddress()
    ? parsed.toIPv4Address().toString()
    : parsed.toString();
}
