import { isGloballyReachable, parseAddress } from '../domain/address';
import type { AddressKind } from '../domain/event';

/** RFC 1035: a DNS name as text. */
const MAX_DNS_NAME = 253;

/**
 * What stands in sourceIPAddress, and its 16 bytes where it is a single IP literal. PRIVATE is every special-purpose
 * range that the Internet does not route; lists ("a, b"), masks and whatever else is not understood are UNKNOWN.
 */
export function readSourceAddress(value: unknown): { kind: AddressKind; address: Uint8Array | null } {
  if (typeof value !== 'string') return { kind: 'UNKNOWN', address: null };
  const address = parseAddress(value);
  if (address) return { kind: isGloballyReachable(address) ? 'PUBLIC' : 'PRIVATE', address };
  if (isAwsInternal(value)) return { kind: 'AWS_INTERNAL', address: null };
  return { kind: isAwsService(value) ? 'AWS_SERVICE' : 'UNKNOWN', address: null };
}

/** CloudTrail writes `AWS Internal`, at times with a suffix after `/` or `#`. */
function isAwsInternal(text: string): boolean {
  return text === 'AWS Internal' || text.startsWith('AWS Internal/') || text.startsWith('AWS Internal#');
}

function isAwsService(text: string): boolean {
  if (text.length > MAX_DNS_NAME) return false;
  const name = text.toLowerCase();
  if (!name.endsWith('.amazonaws.com') && !name.endsWith('.amazonaws.com.cn')) return false;
  return /^[a-z0-9._-]+$/.test(name) && !name.startsWith('.') && !name.includes('..');
}
