import type { FieldFault } from '../domain/errors';

export interface CustomHeader {
  name: string;
  value: string;
}

export const MAX_CUSTOM_HEADERS = 20;
/** Of one header, name and value together. */
export const MAX_CUSTOM_HEADER_BYTES = 4 * 1024;

/** A token of RFC 9110, 5.6.2. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Printable ASCII and tab: what every receiver reads alike. Above all no CR and LF. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** What we say ourselves, what frames the message, and what concerns a single hop. */
const RESERVED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const RESERVED_PREFIX = 'webhook-';

/**
 * What is wrong with the headers that a user wants sent along; empty when nothing is. No value stands in a message.
 * @param path where the list stands in the input
 */
export function customHeaderFaults(
  headers: readonly CustomHeader[],
  path: (string | number)[] = [],
): FieldFault[] {
  if (headers.length > MAX_CUSTOM_HEADERS)
    return [{ path, message: `at most ${MAX_CUSTOM_HEADERS} headers` }];
  const seen = new Set<string>();
  return headers.flatMap(({ name, value }, index) => {
    const faults: FieldFault[] = [];
    const lower = name.toLowerCase();
    const nameFault = seen.has(lower) ? 'this header is there twice' : faultOfName(name);
    if (nameFault !== null) faults.push({ path: [...path, index, 'name'], message: nameFault });
    const valueFault = faultOfValue(name, value);
    if (valueFault !== null) faults.push({ path: [...path, index, 'value'], message: valueFault });
    seen.add(lower);
    return faults;
  });
}

function faultOfName(name: string): string | null {
  const lower = name.toLowerCase();
  if (!NAME.test(name)) return 'not a header name: letters, digits and - are safe';
  return RESERVED.has(lower) || lower.startsWith(RESERVED_PREFIX) ? `${lower} can not be set` : null;
}

function faultOfValue(name: string, value: string): string | null {
  if (!VALUE.test(value)) return 'a header value holds printable ASCII on one line';
  return name.length + value.length > MAX_CUSTOM_HEADER_BYTES ? 'a header holds at most 4 KB' : null;
}
