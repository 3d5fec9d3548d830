import { ACCEPTED_SHAPES } from './record-shapes';

/** The bytes hold no records in any shape that we know; the message says why, and what is taken. */
export class UnknownShape extends Error {
  override name = 'UnknownShape';
}

/** @param why a sentence without its full stop; what is taken is said after it */
export function unknown(why: string): UnknownShape {
  return new UnknownShape(`${why}. ${ACCEPTED_SHAPES}`);
}
