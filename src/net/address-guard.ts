import { isIP } from 'node:net';
import { IPv4, IPv6, parse, parseCIDR } from 'ipaddr.js';
import { Invalid } from '../domain/errors';

/** A range of addresses; a single address is a range of one. */
export interface Cidr {
  /** As it was written. */
  text: string;
  network: IPv4 | IPv6;
  prefix: number;
}

export interface GuardOptions {
  /** Ranges that an operator opened although they are special. */
  allow: readonly Cidr[];
  /**
   * What may not be reached even where `allow` opens it: the ports of our own servers. An entry with a loopback address
   * covers every way to say "this machine" (all of 127.0.0.0/8, ::1, 0.0.0.0, ::). Read at each check, so it may grow.
   */
  deny?: readonly { address: string; port: number }[];
}

/** Every global IPv6 address in use lies here (RFC 4291, IANA's unicast assignments); all else is reserved. */
const GLOBAL_UNICAST = parseCIDR('2000::/3');

/** Azure's metadata and agent endpoint: a public address by its range, but local to every virtual machine there. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/** Where an IPv4 address stands in an IPv6 address that leads to it: first byte, and whether its bits are flipped. */
const EMBEDDINGS: readonly { range: [IPv4 | IPv6, number]; at: number; flipped?: true }[] = [
  { range: parseCIDR('::/96'), at: 12 }, // IPv4-compatible, deprecated (RFC 4291)
  { range: parseCIDR('::ffff:0:0/96'), at: 12 }, // IPv4-mapped (RFC 4291)
  { range: parseCIDR('::ffff:0:0:0/96'), at: 12 }, // IPv4-translated (RFC 2765)
  { range: parseCIDR('64:ff9b::/96'), at: 12 }, // NAT64 (RFC 6052)
  { range: parseCIDR('64:ff9b:1::/48'), at: 12 }, // NAT64 for local use (RFC 8215), with a /96 prefix in it
  { range: parseCIDR('2002::/16'), at: 2 }, // 6to4 (RFC 3056)
  { range: parseCIDR('2001::/32'), at: 12, flipped: true }, // Teredo, the client's address (RFC 4380)
];

/**
 * Reads a list of ranges as an operator writes it: `10.0.0.0/8, ::1`. Empty text is an empty list.
 * @throws Invalid that names the part at fault.
 */
export function parseCidrs(text: string): Cidr[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseCidr);
}

function parseCidr(text: string): Cidr {
  const [address = '', prefixText, ...rest] = text.split('/');
  const family = isIP(address);
  const width = family === 4 ? 32 : 128;
  const prefix = prefixText === undefined ? width : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1;
  if (family === 0 || rest.length > 0 || prefix < 0 || prefix > width)
    throw new Invalid(`"${text.slice(0, 60)}" is not an address range: write it like 10.0.0.0/8 or fd00::/8`);
  return { text, network: parse(address), prefix };
}

/**
 * Decides which addresses may be connected to on behalf of a user: public ones, and those that the operator opened.
 * Blocked is everything in IANA's special-purpose registries for IPv4 and IPv6, multicast, and addresses that lead to
 * such a one by translation or tunnel.
 */
export class AddressGuard {
  constructor(private readonly options: GuardOptions) {}

  /**
   * Null where one may connect, else the reason why not. Without a port the denied ports are not looked at.
   * @param address a literal address, not a name
   */
  check(address: string, port?: number): string | null {
    if (isIP(address) === 0) return `${address.slice(0, 60)} is not an IP address`;
    const parsed = parse(address);
    return this.denied(parsed, port) ?? this.special(parsed);
  }

  /**
   * Null where a request may be made to this URL as far as one can tell without a resolver, else the reason why not.
   * A name is checked when the connection is made.
   */
  checkUrl(url: URL): string | null {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return 'only http and https URLs can be called';
    if (url.username !== '' || url.password !== '') return 'a URL must not carry a user name or a password';
    const host = bareHost(url.hostname);
    return isIP(host) === 0 ? null : this.check(host, portOf(url));
  }

  private denied(address: IPv4 | IPv6, port: number | undefined): string | null {
    const target = mappedV4(address) ?? address;
    const hit = this.options.deny?.some((entry) => {
      if (entry.port !== port) return false;
      const own = parse(entry.address);
      return own.toNormalizedString() === target.toNormalizedString() || (isLocal(own) && isLocal(target));
    });
    return hit ? `port ${port} of ${target.toString()} belongs to TrailGraph itself` : null;
  }

  private special(address: IPv4 | IPv6): string | null {
    const mapped = mappedV4(address);
    if (mapped !== null && this.allows(mapped)) return null;
    const inner = embeddedV4(address);
    // Who opens a NAT64 prefix means the internet behind it, not the private addresses.
    if (inner !== null && this.special(inner) !== null)
      return `${address.toString()} leads to ${inner.toString()} (${kindOf(inner)})`;
    if (this.allows(address)) return null;
    const kind = kindOf(address);
    return kind === null ? null : `${address.toString()} is not a public address (${kind})`;
  }

  private allows(address: IPv4 | IPv6): boolean {
    return this.options.allow.some(
      ({ network, prefix }) => network.kind() === address.kind() && address.match(network, prefix),
    );
  }
}

/** The host of a URL without the brackets of an IPv6 address. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** The port that a URL of http or https leads to. */
export function portOf(url: { protocol: string; port: string }): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** What makes an address special; null for a public one. */
function kindOf(address: IPv4 | IPv6): string | null {
  const range = address.range();
  if (range !== 'unicast') return range;
  if (address instanceof IPv6) return address.match(GLOBAL_UNICAST) ? null : 'reserved';
  return address.toString() === AZURE_WIRE_SERVER ? 'cloud metadata' : null;
}

function isLocal(address: IPv4 | IPv6): boolean {
  const range = address.range();
  return range === 'loopback' || range === 'unspecified';
}

function mappedV4(address: IPv4 | IPv6): IPv4 | null {
  return address instanceof IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : null;
}

function embeddedV4(address: IPv4 | IPv6): IPv4 | null {
  if (address instanceof IPv4 || isLocal(address)) return null;
  const form = EMBEDDINGS.find(({ range }) => address.match(range));
  if (form === undefined) return null;
  const bytes = address.toByteArray().slice(form.at, form.at + 4);
  return new IPv4(form.flipped ? bytes.map((byte) => byte ^ 0xff) : bytes);
}
