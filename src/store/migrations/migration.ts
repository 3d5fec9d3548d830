import type { Db } from 'mongodb';

/**
 * A change of what is stored, made once for each database. It stays as it was released: later changes get a number of
 * their own.
 */
export interface Migration {
  /** From 1 on, without a gap. */
  number: number;
  /** What it does, in kebab-case. */
  name: string;
  /**
   * Does a bounded piece of the work, of some seconds at most. Where the process dies before what it gave back is
   * stored, the same piece is done again: doing it twice must do no harm.
   * @param position where the piece before ended; null at the beginning
   * @returns where it ended; null when all is done
   */
  step(db: Db, position: string | null): Promise<string | null>;
}
