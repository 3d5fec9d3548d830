import type { Accounts, Caller } from './accounts';
import { hashToken } from './opaque-token';

/** A revoked session, a disabled user: heard of within this time (requirements C5, D2). */
const TRUSTED_MS = 1_000;
const MOST = 10_000;

/** Remembers for a second who a token belongs to, so that a burst of requests costs one look-up. */
export class CallerCache {
  private readonly known = new Map<string, { caller: Promise<Caller>; until: number }>();

  constructor(private readonly accounts: Accounts) {}

  /** @throws Unauthenticated */
  authenticate(token: string): Promise<Caller> {
    const key = hashToken(token);
    const now = Date.now();
    const there = this.known.get(key);
    if (there && there.until > now) return there.caller;
    if (this.known.size >= MOST) this.known.delete(this.known.keys().next().value!);
    const caller = this.accounts.authenticate(token);
    this.known.set(key, { caller, until: now + TRUSTED_MS });
    caller.catch(() => this.known.delete(key));
    return caller;
  }
}
