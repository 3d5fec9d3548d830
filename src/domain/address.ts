/**
 * IP addresses as 16 bytes: one form for both families, so that ranges compare byte by byte. An IPv4 address a.b.c.d
 * is ::ffff:a.b.c.d.
 */

/** Longest text of an address: eight groups, the last two as a dotted quad. */
const MAX_TEXT = 45;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

/**
 * The 16 bytes of an IPv4 or IPv6 literal, null for anything else. Strict: no leading zeros in a dotted quad (they
 * mean octal to some), no zone, no brackets, no port, no blanks. `::ffff:a.b.c.d` and `a.b.c.d` give the same bytes.
 */
export function parseAddress(text: string): Uint8Array | null {
  if (text.length < 2 || text.length > MAX_TEXT) return null;
  const bytes = new Uint8Array(16);
  if (text.includes(':')) return parseGroups(text, bytes) ? bytes : null;
  bytes[10] = 0xff;
  bytes[11] = 0xff;
  return parseQuad(text, 0, bytes, 12) ? bytes : null;
}

/** Whether the bytes are an IPv4 address mapped into IPv6. */
export function isIPv4(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** IPv4 as a dotted quad, IPv6 as eight groups without `::`; parseAddress reads both back. */
export function formatAddress(bytes: Uint8Array): string {
  if (isIPv4(bytes)) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** Reads a dotted quad from `start` to the end of `text` into four bytes at `at`. */
function parseQuad(text: string, start: number, bytes: Uint8Array, at: number): boolean {
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = start; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (digits === 0 || part > 3) return false;
      bytes[at + part] = value;
      part++;
      digits = 0;
      value = 0;
    } else if (code >= DIGIT_0 && code <= DIGIT_9 && !(digits > 0 && value === 0)) {
      value = value * 10 + code - DIGIT_0;
      digits++;
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  return part === 4;
}

/** Reads the groups of an IPv6 literal; `::` once at most and for one group at least, a dotted quad only at the end. */
function parseGroups(text: string, bytes: Uint8Array): boolean {
  let at = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    const end = groupEnd(text, i);
    if (at > 14) return false;
    if (text[end] === '.') {
      if (at > 12 || !parseQuad(text, i, bytes, at)) return false;
      at += 4;
      i = text.length;
      break;
    }
    if (end === i || end - i > 4) return false;
    const group = Number.parseInt(text.slice(i, end), 16);
    bytes[at++] = group >> 8;
    bytes[at++] = group & 0xff;
    if (end === text.length) break;
    if (text[end] !== ':') return false;
    i = end + 1;
    if (text[i] === ':') {
      if (gap >= 0) return false;
      gap = at;
      i++;
    } else if (i === text.length) {
      return false;
    }
  }
  if (gap < 0) return at === 16;
  if (at > 14) return false;
  bytes.copyWithin(16 - (at - gap), gap, at);
  bytes.fill(0, gap, 16 - (at - gap));
  return true;
}

function groupEnd(text: string, start: number): number {
  let i = start;
  while (i < text.length && isHexDigit(text.charCodeAt(i))) i++;
  return i;
}

function isHexDigit(code: number): boolean {
  return (code >= DIGIT_0 && code <= DIGIT_9) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
}

interface Prefix {
  bytes: Uint8Array;
  bits: number;
  reachable: boolean;
}

/**
 * The IANA IPv4 and IPv6 Special-Purpose Address Registries (column "Globally Reachable"), with multicast; the more
 * specific prefix stands first. Where the registry says N/A (6to4, Teredo) the traffic did cross the Internet.
 */
const SPECIAL_PURPOSE: readonly Prefix[] = [
  ...prefixes(true, '192.0.0.9/32 192.0.0.10/32 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24'),
  ...prefixes(
    false,
    '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24',
  ),
  ...prefixes(false, '192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24'),
  ...prefixes(false, '224.0.0.0/4 240.0.0.0/4'),
  ...prefixes(true, '::ffff:0:0/96 64:ff9b::/96'),
  ...prefixes(true, '2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:3::/32 2001:4:112::/48'),
  ...prefixes(true, '2001:20::/28 2001:30::/28'),
  ...prefixes(false, '2001::/23 2001:db8::/32 3fff::/20'),
  ...prefixes(true, '2000::/3'),
  // What is not global unicast: unspecified, loopback, discard, local NAT64, SRv6, ULA, link-local, multicast, reserved.
  ...prefixes(false, '::/0'),
];

/** Whether packets to the address (16 bytes) can cross the Internet, by IANA's registries of special purposes. */
export function isGloballyReachable(bytes: Uint8Array): boolean {
  return SPECIAL_PURPOSE.find((prefix) => contains(prefix, bytes))?.reachable ?? false;
}

function contains(prefix: Prefix, bytes: Uint8Array): boolean {
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== prefix.bytes[i]) return false;
  const rest = prefix.bits & 7;
  return rest === 0 || ((bytes[whole] ?? 0) ^ (prefix.bytes[whole] ?? 0)) >> (8 - rest) === 0;
}

function prefixes(reachable: boolean, list: string): Prefix[] {
  return list.split(' ').map((text) => {
    const [address = '', bits = ''] = text.split('/');
    const bytes = parseAddress(address);
    if (!bytes) throw new Error(`not an address range: ${text}`);
    return { bytes, bits: Number(bits) + (address.includes(':') ? 0 : 96), reachable };
  });
}
