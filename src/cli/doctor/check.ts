import { messageOf } from '../../domain/errors';
import { explained } from '../../store/refusal';

/** What a look at one thing found. */
export interface Check {
  /** What was looked at, in a word or two. */
  name: string;
  status: 'PASS' | 'WARN' | 'FAIL';
  message: string;
  /** What to do; null where all is well. */
  remedy: string | null;
}

export function pass(name: string, message: string): Check {
  return { name, status: 'PASS', message, remedy: null };
}

export function warn(name: string, message: string, remedy: string): Check {
  return { name, status: 'WARN', message, remedy };
}

export function fail(name: string, message: string, remedy: string): Check {
  return { name, status: 'FAIL', message, remedy };
}

/** A look that may itself fail, which then is what it found. */
export async function look(name: string, remedy: string, find: () => Promise<Check>): Promise<Check> {
  try {
    return await find();
  } catch (error) {
    return fail(name, messageOf(explained(error)), remedy);
  }
}
