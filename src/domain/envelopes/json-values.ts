import { isSpace, ValueScan } from '../records/value-scan';

/** Where a JSON value stands in a text: from `start` up to but without `end`. */
export interface Range {
  start: number;
  end: number;
}

/** The members of a JSON object by name; of a name that stands twice the last one, as JSON.parse has it. */
export interface ObjectScan {
  members: Map<string, Range>;
  /** Just after the closing brace; null where the text ends before it. */
  end: number | null;
}

/** An object with more members than this is none of the envelopes, and no record either. */
const MAX_MEMBERS = 1_000;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;
const COMMA = 0x2c;

/** The first place from `at` on that is no white space; the text's length where there is none. */
export function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** Where the object or list that begins at `at` ends; null where the text ends first. */
export function endOfValue(text: string, at: number): number | null {
  const scan = new ValueScan();
  scan.begin();
  const end = scan.end(text, at);
  return end < 0 ? null : end;
}

/**
 * Finds the members of an object without parsing what stands in them. What a cut text still shows is told as well, so
 * that the beginning of a text says of what shape it is.
 * @param text one character a byte
 * @param at where the object's brace stands
 * @returns null where this is no JSON object
 */
export function scanObject(text: string, at: number): ObjectScan | null {
  if (text.charCodeAt(at) !== OPEN_BRACE) return null;
  const members = new Map<string, Range>();
  const cut = { members, end: null };
  let i = skipSpace(text, at + 1);
  if (text.charCodeAt(i) === CLOSE_BRACE) return { members, end: i + 1 };
  while (members.size <= MAX_MEMBERS) {
    i = skipSpace(text, i);
    if (i >= text.length) return cut;
    if (text.charCodeAt(i) !== QUOTE) return null;
    const keyEnd = endOfValue(text, i);
    if (keyEnd === null) return cut;
    const key = keyOf(text.slice(i, keyEnd));
    i = skipSpace(text, keyEnd);
    if (i >= text.length) return cut;
    if (key === null || text.charCodeAt(i) !== COLON) return null;
    const start = skipSpace(text, i + 1);
    const end = endOfValue(text, start);
    members.set(key, { start, end: end ?? text.length });
    if (end === null) return cut;
    i = skipSpace(text, end);
    if (i >= text.length) return cut;
    if (text.charCodeAt(i) === CLOSE_BRACE) return { members, end: i + 1 };
    if (text.charCodeAt(i) !== COMMA) return null;
    i++;
  }
  return null;
}

function keyOf(quoted: string): string | null {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return null;
  }
}

/** The string that stands in a range; null where something else does. */
export function stringIn(bytes: Buffer, range: Range | undefined): string | null {
  if (!range || bytes[range.start] !== QUOTE) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', range.start, range.end));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** A member of an object that is a string; null where it is none, or there is none. */
export function stringMember(bytes: Buffer, name: string): string | null {
  const scan = scanObject(bytes.toString('latin1'), 0);
  return stringIn(bytes, scan?.members.get(name));
}
