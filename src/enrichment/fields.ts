/** Reading fields of records whose shape nobody vouches for. */

/** AWS bounds an ARN at 2,048 characters and every name below that; what is longer is hostile and is cut. */
const MAX_TEXT = 2048;

/** The value where it is a plain object, else undefined. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}

/** The value where it is a string that is not empty, else null. */
export function asText(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
}

/** The value where it is a finite number, else null. */
export function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
