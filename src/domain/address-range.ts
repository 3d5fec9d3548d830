import { isIPv4, parseAddress } from './address';

/** The first and the last address of a CIDR as 16 bytes each; null where the text is not a CIDR. */
export function addressRange(text: string): { low: Uint8Array; high: Uint8Array } | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!address || !/^\d{1,3}$/.test(length)) return null;
  const family = text.includes(':') ? 128 : 32;
  if (Number(length) > family || (family === 32 && !isIPv4(address))) return null;
  const bits = Number(length) + (family === 32 ? 96 : 0);
  const low = Uint8Array.from(address);
  const high = Uint8Array.from(address);
  for (let bit = bits; bit < 128; bit++) {
    const mask = 0x80 >> (bit % 8);
    low[bit >> 3]! &= ~mask;
    high[bit >> 3]! |= mask;
  }
  return { low, high };
}
