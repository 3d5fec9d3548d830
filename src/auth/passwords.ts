import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, parseOptions, verify } from '@node-rs/argon2';
import { RateLimited } from '../domain/errors';
import { isCommonPassword } from './common-passwords';

/** OWASP's choice for argon2id: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
/** `Algorithm.Argon2id`: an ambient const enum, which isolated modules can't read. */
const ARGON2ID: Algorithm = 2;

/** 4 x 19 MiB, and never more threads than the pool has. */
const MAX_AT_ONCE = 4;
/** At some 30 ms a hash, who stands last in the queue waits about half a second. */
const MAX_WAITING = 64;

const MIN_LENGTH = 8;
const MAX_LENGTH = 128;
/** UTF-16 units before normalisation, which may join several into one character. */
const MAX_UNITS = 1_024;

/** Why a password can't be taken; null for one that can. Length in characters, as a user counts them. */
export function passwordFault(password: string): string | null {
  const length = [...canonical(password.slice(0, MAX_UNITS))].length;
  if (length < MIN_LENGTH) return `a password has at least ${MIN_LENGTH} characters`;
  if (length > MAX_LENGTH || password.length > MAX_UNITS)
    return `a password has at most ${MAX_LENGTH} characters`;
  return isCommonPassword(canonical(password)) ? 'this password is among the most common ones' : null;
}

/**
 * Hashes and verifies passwords with argon2id, at most four at once: each takes 19 MiB and a thread. One instance serves
 * a process.
 */
export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** Of the right form and cost, and of no password at all. */
  private readonly decoy =
    `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(16)}$${unpadded(32)}`;

  /** In PHC form. @throws RateLimited when too many wait already */
  hash(password: string): Promise<string> {
    const options = { algorithm: ARGON2ID, memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };
    return this.slot(() => hash(canonical(password), options));
  }

  /**
   * Whether a password is the one that was hashed. Without a hash (no such user) it is false and takes as long.
   * @throws RateLimited when too many wait already; an error for a hash that is none
   */
  async verify(stored: string | null, password: string): Promise<boolean> {
    // No password is longer, so nothing is lost by not looking at more of it.
    const bounded = canonical(password.slice(0, MAX_UNITS));
    const matches = await this.slot(() => verify(stored ?? this.decoy, bounded));
    return matches && stored !== null;
  }

  /** Whether a hash was made at another cost than today's, to be made anew at the next login. */
  needsRehash(stored: string): boolean {
    const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(stored);
    return (
      algorithm !== ARGON2ID || memoryCost !== MEMORY_KIB || timeCost !== PASSES || parallelism !== LANES
    );
  }

  private async slot<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < MAX_AT_ONCE) this.running++;
    else await this.turn();
    try {
      return await work();
    } finally {
      // A slot is handed on without being freed in between.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }

  private turn(): Promise<void> {
    if (this.waiting.length >= MAX_WAITING) throw new RateLimited('too many sign-ins at once', 1);
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** One form for what keyboards of different systems send for the same character (RFC 8265 asks for as much). */
function canonical(password: string): string {
  return password.normalize('NFKC');
}

function unpadded(bytes: number): string {
  return randomBytes(bytes).toString('base64').replace(/=+$/, '');
}
