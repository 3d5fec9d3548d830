import type { Caller } from './caller';
import { hashToken } from './opaque-token';

/** A revoked session or key, a disabled user: heard of within this time (requirements D2). */
const TRUSTED_MS = 1_000;
const MOST = 10_000;

/** Remembers for a second who a token belongs to, so that a burst of requests costs one look-up. */
export class CallerCache {
  private readonly known = new Map<string, { caller: Promise<Caller>; until: number }>();

  constructor(private readonly callers: { authenticate(token: string): Promise<Caller> }) {}

  /** @throws Unauthenticated */
  authenticate(token: string): Promise<Caller> {
    const key = hashToken(token);
    const now = performance.now();
    const there = this.known.get(key);
    if (there && there.until > now) return there.caller;
    if (this.known.size >= MOST) this.known.delete(this.known.keys().next().value!);
    const caller = this.callers.authenticate(token);
    this.known.set(key, { caller, until: now + TRUSTED_MS });
    caller.catch(() => this.known.delete(key));
    return caller;
  }
}
