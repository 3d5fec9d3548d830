import { Conflict, Forbidden, Unauthenticated } from '../domain/errors';
import { normalEmail } from '../domain/user';
import { type Accounts, type Credentials, type SignedIn, WrongPassword } from './accounts';
import type { Person } from './caller';

/** What is tried. */
export type GuessedAction = 'login' | 'signUp' | 'changePassword' | 'refresh';

/** One try. It counts as a failure until it is said to be none. */
export interface Attempt {
  /** It was wrong: a pause may follow. */
  failed(): Promise<void>;
  /** What was tried was right: what the account had counted is forgotten. */
  succeeded(): Promise<void>;
  /** It told the caller nothing, so it does not count. */
  voided(): Promise<void>;
}

/** Slows down who tries again and again. */
export interface AttemptGate {
  /**
   * @param address the caller's; null where nobody knows it
   * @param account what the attempt is about; null where it is about none
   * @throws RateLimited before anything was tried
   */
  begin(action: GuessedAction, address: string | null, account: string | null): Promise<Attempt>;
}

/**
 * Accounts for callers whom nobody knows yet: what can be guessed is tried at a bounded rate per address and per
 * account, whether or not there is such an account.
 */
export class SignInDoor {
  constructor(
    private readonly accounts: Accounts,
    private readonly gate: AttemptGate,
  ) {}

  /** @throws RateLimited, Unauthenticated */
  async login(credentials: Credentials, ip: string | null): Promise<SignedIn> {
    const account = await this.accounts.guessedAt(credentials.email);
    const attempt = await this.gate.begin('login', ip, account);
    return tried(attempt, () => this.accounts.login(credentials));
  }

  /** @throws RateLimited, Invalid, Conflict, Forbidden */
  async signUp(credentials: Credentials, setupToken: string | null, ip: string | null): Promise<SignedIn> {
    const attempt = await this.gate.begin('signUp', ip, accountOf(credentials.email));
    return tried(attempt, () => this.accounts.signUp(credentials, setupToken));
  }

  /** @throws RateLimited, Unauthenticated */
  async refresh(refreshToken: string, ip: string | null): Promise<SignedIn> {
    const attempt = await this.gate.begin('refresh', ip, null);
    return tried(attempt, () => this.accounts.refresh(refreshToken));
  }

  /** @throws RateLimited, WrongPassword, Invalid, Conflict */
  async changePassword(person: Person, current: string, next: string, ip: string | null): Promise<void> {
    const attempt = await this.gate.begin('changePassword', ip, person.id);
    return tried(attempt, () => this.accounts.changePassword(person, current, next));
  }
}

async function tried<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await (tellsSomething(error) ? attempt.failed() : attempt.voided());
    throw error;
  }
  await attempt.succeeded();
  return result;
}

/** Whether a refusal is an answer to a guess; input that is not valid and a database that is away are none. */
function tellsSomething(error: unknown): boolean {
  return [Unauthenticated, Forbidden, Conflict, WrongPassword].some((kind) => error instanceof kind);
}

/** One account for all ways to write its address; what is no address is one of its own. */
function accountOf(email: string): string {
  return normalEmail(email) ?? email.slice(0, 254);
}
