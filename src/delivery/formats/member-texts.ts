import { jsonTokens } from '../../domain/records/json-tokens';

/**
 * The JSON text of an object's own members of those names, exactly as it stands there; the last of two equal names.
 * @param objectText a JSON object that JSON.parse has accepted
 */
export function memberTexts(objectText: string, names: readonly string[]): Map<string, string> {
  const wanted = new Set(names);
  const found = new Map<string, string>();
  let depth = 0;
  let atKey = false;
  let name: string | null = null;
  let start = -1;
  for (const token of jsonTokens(objectText)) {
    const opens = token.kind === '{' || token.kind === '[';
    const closes = token.kind === '}' || token.kind === ']';
    const ends = depth === 1 && (closes || token.kind === ',');
    if (ends && name !== null && start >= 0) found.set(name, objectText.slice(start, token.start).trimEnd());
    if (ends) {
      name = null;
      start = -1;
    }
    if (depth === 1 && atKey && token.kind === 'string') {
      const key = JSON.parse(objectText.slice(token.start, token.end)) as string;
      name = wanted.has(key) ? key : null;
    } else if (depth === 1 && start < 0 && !ends && token.kind !== ':') {
      start = token.start;
    }
    if (opens) depth++;
    if (closes) depth--;
    atKey = depth === 1 && (token.kind === ',' || token.kind === '{');
  }
  return found;
}
