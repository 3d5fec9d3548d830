import { createHash } from 'node:crypto';
import type { CloudTrailRecord } from '../event';
import { canonicalNumber, jsonTokens } from './json-tokens';

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** Longer parts of a canonical text are replaced by their hash, so that deep nesting costs no copying. */
const FOLD_OVER = 256;

/**
 * What makes an event one: its eventID where that is a UUID (AWS makes it unique, also when one action is told to
 * several accounts), else the SHA-256 of its canonical text, so that a file, a page and a push of the same record agree.
 */
export function eventIdentity(record: CloudTrailRecord, text: string): string {
  const id = record.eventID;
  if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase();
  return sha256(canonicalText(text));
}

interface Frame {
  list: boolean;
  parts: { key: string; value: string }[];
  key: string;
}

/**
 * A text in which equal records are equal: keys sorted, numbers by exact value, strings in one spelling, white space
 * gone. A key that stands twice stays twice, in order.
 */
export function canonicalText(text: string): string {
  const stack: Frame[] = [{ list: true, parts: [], key: '' }];
  let pendingKey: string | null = null;
  for (const token of jsonTokens(text)) {
    const top = stack[stack.length - 1]!;
    if (token.kind === '{' || token.kind === '[') {
      stack.push({ list: token.kind === '[', parts: [], key: pendingKey ?? '' });
      pendingKey = null;
    } else if (token.kind === '}' || token.kind === ']') {
      stack.pop();
      stack[stack.length - 1]!.parts.push({ key: top.key, value: close(top) });
    } else if (token.kind === 'string' && !top.list && pendingKey === null) {
      pendingKey = canonicalString(text.slice(token.start, token.end));
    } else if (token.kind === 'string' || token.kind === 'number' || token.kind === 'literal') {
      const source = text.slice(token.start, token.end);
      const value = token.kind === 'string' ? canonicalString(source) : canonicalScalar(token.kind, source);
      top.parts.push({ key: pendingKey ?? '', value: fold(value) });
      pendingKey = null;
    }
  }
  return stack[0]!.parts[0]?.value ?? '';
}

function close(frame: Frame): string {
  if (frame.list) return fold(`[${frame.parts.map((part) => part.value).join(',')}]`);
  frame.parts.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return fold(`{${frame.parts.map((part) => `${part.key}:${part.value}`).join(',')}}`);
}

function fold(text: string): string {
  return text.length > FOLD_OVER ? `#${sha256(text)}` : text;
}

function canonicalScalar(kind: 'number' | 'literal', source: string): string {
  return kind === 'number' ? canonicalNumber(source) : source;
}

function canonicalString(source: string): string {
  return JSON.stringify(JSON.parse(source));
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
