import type { StreamPosition } from './commit';
import { Invalid } from './errors';

/** A position after all events of a commit; far beyond any of them, and as long as a cursor may hold. */
export const END_OF_COMMIT = 999_999_999_999_999;

/** The opaque text of a place in the stream of stored events. */
export function streamCursor(position: StreamPosition): string {
  return Buffer.from(`s:${position.n}.${position.pos}`).toString('base64url');
}

/** @throws Invalid where the text is not one of `streamCursor`. */
export function parseStreamCursor(text: string, path: (string | number)[]): StreamPosition {
  const match = /^s:(\d{1,15})\.(\d{1,15})$/.exec(
    Buffer.from(text.slice(0, 100), 'base64url').toString('latin1'),
  );
  if (!match) throw invalidCursor(path);
  return { n: Number(match[1]), pos: Number(match[2]) };
}

/** A place in a list that is sorted by one value and then by id. */
export interface PageKey {
  value: number | string;
  id: string;
}

/** The opaque text of a place in a sorted list. */
export function pageCursor(key: PageKey): string {
  return Buffer.from(JSON.stringify([key.value, key.id])).toString('base64url');
}

/** @throws Invalid where the text is not one of `pageCursor`. */
export function parsePageCursor(text: string, path: (string | number)[]): PageKey {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text.slice(0, 4000), 'base64url').toString('utf8'));
  } catch {
    throw invalidCursor(path);
  }
  if (!Array.isArray(parsed) || parsed.length !== 2) throw invalidCursor(path);
  const [value, id] = parsed as unknown[];
  if ((typeof value !== 'number' && typeof value !== 'string') || typeof id !== 'string')
    throw invalidCursor(path);
  return { value, id };
}

function invalidCursor(path: (string | number)[]): Invalid {
  return new Invalid('This cursor is not one of ours: give a cursor that an earlier answer returned.', [
    { path, message: 'not a cursor that an earlier answer returned' },
  ]);
}
