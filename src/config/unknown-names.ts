import { ALIASES, ALL_SETTINGS, SECRET_SETTINGS } from './settings';

const OURS = 'TRAILGRAPH_';

/**
 * What Kubernetes sets for a Service whose name begins with `trailgraph`, and Docker for a link: TRAILGRAPH_SERVICE_HOST,
 * TRAILGRAPH_API_SERVICE_PORT_HTTP, TRAILGRAPH_PORT, TRAILGRAPH_PORT_4000_TCP_ADDR.
 */
const SET_BY_PLATFORMS =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

/** Two slips of the hand: one character too many, too few or another, or two that changed places (that counts as two). */
const NEAR = 2;

/** Every name that the environment may hold for us. */
export const KNOWN_NAMES: readonly string[] = [
  ...Object.keys(ALL_SETTINGS.shape),
  ...Object.keys(ALIASES),
  ...SECRET_SETTINGS.map((name) => `${name}_FILE`),
];

/** A name in the environment that looks like ours and is none. */
export interface UnknownName {
  name: string;
  /** The setting that was probably meant; null where none is near. */
  meant: string | null;
}

/** Names of the environment that begin with TRAILGRAPH_, or nearly are one that does, and mean nothing to us. */
export function unknownNames(environment: Readonly<Record<string, string | undefined>>): UnknownName[] {
  const ours = KNOWN_NAMES.filter((name) => name.startsWith(OURS));
  return Object.keys(environment)
    .filter((name) => !KNOWN_NAMES.includes(name) && !SET_BY_PLATFORMS.test(name))
    .map((name) => ({ name, meant: nearest(name, ours) }))
    .filter(({ name, meant }) => meant !== null || name.startsWith(OURS))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nearest(name: string, known: readonly string[]): string | null {
  const [best] = known
    .filter((other) => Math.abs(other.length - name.length) <= NEAR)
    .map((other) => ({ other, distance: editDistance(name, other) }))
    .filter(({ distance }) => distance <= NEAR)
    .sort((a, b) => a.distance - b.distance);
  return best?.other ?? null;
}

/** Levenshtein's: how many characters to put in, take out or change. Of names about as long as ours. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const here = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      here.push(Math.min(above[column]! + 1, here[column - 1]! + 1, change));
    }
    above = here;
  }
  return above[b.length]!;
}
