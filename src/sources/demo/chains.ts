import { Dice, STREAM } from './prng';

/**
 * Where the sessions of roles lie in the sequence of records.
 *
 * Records come in blocks of 64. The even and the odd ones of a block each hold one chain: a session is issued, some
 * records later its calls begin, and now and then the session has another session issued. So whether record n is part
 * of a chain follows from its block alone. The last two of a block belong to no chain.
 */
export const BLOCK = 64;
const LANE_SLOTS = BLOCK / 2 - 1;

/** By whom the first session of a chain is issued. */
export type ChainKind = 'user' | 'cross' | 'service' | 'saml' | 'web';

const KINDS: readonly ChainKind[] = [
  'user',
  'user',
  'user',
  'cross',
  'cross',
  'service',
  'service',
  'saml',
  'web',
];

export interface ChainStep {
  /** Tells the chain from all others of the same seed. */
  chain: number;
  kind: ChainKind;
  /** Which of the chain's two sessions: the first, or the one that it has issued. */
  leg: 0 | 1;
  /** The session is issued; the same told to the account of the role; a call of the session. */
  part: 'issue' | 'twin' | 'call';
  /** The numbers of the records that issue the sessions, up to this leg. */
  issuedAt: readonly number[];
  /** The leg's role is of another account than its caller. */
  crosses: boolean;
}

type Part = Pick<ChainStep, 'leg' | 'part' | 'crosses'>;

function parts(kind: ChainKind, dice: Dice): Part[] {
  const crosses = kind === 'cross';
  const calls = dice.between(3, 8);
  const hops = kind !== 'service' && dice.chance(0.25);
  const hopCrosses = dice.chance(0.5);
  const leg = (number: 0 | 1, across: boolean, length: number): Part[] => [
    { leg: number, part: 'issue', crosses: across },
    ...(across ? [{ leg: number, part: 'twin', crosses: true } as const] : []),
    ...Array<Part>(length).fill({ leg: number, part: 'call', crosses: across }),
  ];
  return hops ? [...leg(0, crosses, 2), ...leg(1, hopCrosses, calls)] : leg(0, crosses, calls);
}

/** What record n is in the chain of its lane; null for a record of no chain. */
export function chainStepAt(seed: number, n: number): ChainStep | null {
  const block = Math.floor(n / BLOCK);
  const within = n - block * BLOCK;
  const lane = within % 2;
  const target = (within - lane) / 2;
  if (target >= LANE_SLOTS) return null;

  const chain = block * 2 + lane;
  const dice = Dice.at(seed, STREAM.chain, chain);
  const kind = dice.pick(KINDS);
  const issuedAt: number[] = [];
  let slot = dice.below(8);
  for (const part of parts(kind, dice)) {
    if (slot > target) return null;
    if (part.part === 'issue') issuedAt.push(block * BLOCK + slot * 2 + lane);
    if (slot === target) return { chain, kind, issuedAt, ...part };
    // The twin comes right after what it is the twin of.
    slot += part.part === 'issue' && part.crosses ? 1 : dice.between(1, 4);
  }
  return null;
}
