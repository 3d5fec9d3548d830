import { isAfter, type StreamPosition } from './commit';

/**
 * What a webhook made of a stretch of the stream: many moves of its position, merged as long as they follow on each
 * other at one revision. The stretch begins after `from` and ends with `through`.
 */
export interface Tally {
  from: StreamPosition;
  through: StreamPosition;
  /** Where the tally before it ended; another place than `from` means that the position was moved by somebody else. */
  after: StreamPosition | null;
  /** Of the webhook when it matched. */
  revision: number;
  /** Events of the webhook's sources that were held against its filter. */
  lookedAt: number;
  /** Those that it is to hear of. */
  matched: number;
  deliveries: number;
  /** Between these times every delivery of the stretch was made, and nothing of it before the first. */
  madeFrom: Date;
  madeThrough: Date;
}

/** One move of a position, or a part of it. */
export type Move = Omit<Tally, 'after'>;

/** A tally that has grown so big, or so old, is closed: one check of it stays cheap, and it goes with its deliveries. */
const CLOSE_AT_EVENTS = 5_000;
const CLOSE_AFTER_MS = 24 * 3_600_000;
/** With so many closed ones that nobody has fetched, the open one grows on. */
const MOST_CLOSED = 64;

/** The tallies that stand with a webhook. */
export interface Tallies {
  /** The one that grows; null where an earlier version made the webhook and it has not moved since. */
  tally: Tally | null;
  /** Those that are to be fetched by whoever checks them, oldest first. */
  closedTallies: Tally[];
}

/** That of a webhook at the place where it begins. */
export function emptyTally(at: StreamPosition, revision: number, now: Date): Tally {
  const nothing = { lookedAt: 0, matched: 0, deliveries: 0 };
  return { from: at, through: at, after: null, revision, ...nothing, madeFrom: now, madeThrough: now };
}

/**
 * The tally that is open after moves of the position, in their order, and those that they closed.
 */
export function tallied(
  { tally, closedTallies }: Tallies,
  moves: readonly Move[],
): { tally: Tally | null; closed: Tally[] } {
  let open = tally;
  const closed: Tally[] = [];
  for (const move of moves) {
    if (open && goesOn(open, move, closedTallies.length)) {
      open = merged(open, move);
      continue;
    }
    if (open && isAfter(open.through, open.from)) closed.push(open);
    open = { ...move, after: open?.through ?? null };
  }
  return { tally: open, closed };
}

function goesOn(open: Tally, move: Move, closed: number): boolean {
  if (open.revision !== move.revision || !isSame(open.through, move.from)) return false;
  if (closed >= MOST_CLOSED) return true;
  const age = move.madeThrough.getTime() - open.madeFrom.getTime();
  return open.matched < CLOSE_AT_EVENTS && age < CLOSE_AFTER_MS;
}

function merged(open: Tally, move: Move): Tally {
  return {
    ...open,
    through: move.through,
    lookedAt: open.lookedAt + move.lookedAt,
    matched: open.matched + move.matched,
    deliveries: open.deliveries + move.deliveries,
    // Deliveries that an earlier try left are older than the move over them.
    madeFrom: move.madeFrom < open.madeFrom ? move.madeFrom : open.madeFrom,
    madeThrough: move.madeThrough > open.madeThrough ? move.madeThrough : open.madeThrough,
  };
}

function isSame(a: StreamPosition, b: StreamPosition): boolean {
  return a.n === b.n && a.pos === b.pos;
}
