import { backoffMs, type Random } from '../domain/backoff';
import { ProxyFailure, TunnelRefused } from './failure';

/** What a proxy made of one request for a tunnel, where it gave none. */
export interface Refusal {
  /** Its answer; null where it gave none in time, or closed the connection. */
  status: number | null;
  message: string;
}

/** How the proxy fares; `message` is for the operator. */
export interface ProxyState {
  failing: boolean;
  message: string | null;
}

export interface ProxyGateParts {
  now: () => number;
  random: Random;
  /** Hears of each failure of the proxy, and once of its end. */
  onState: (state: ProxyState) => void;
}

interface Trouble {
  since: number;
  tries: number;
  retryAt: number;
}

const PROXY_BACKOFF = { baseMs: 1_000, maxMs: 30_000 };
const TARGET_BACKOFF = { baseMs: 2_000, maxMs: 60_000 };
/** While one request finds out whether the proxy is back, the others look again after this. */
const PROBE_MS = 2_000;
const TARGETS_KEPT = 1_000;

/**
 * Tells failures of the proxy from those of who is behind it, and keeps requests back meanwhile.
 *
 * A proxy that can't be reached fails for everybody: one request at a time finds out whether it is back. A proxy that
 * answers, but gives no tunnel (407, 502, 503, ...), says so of one target: it counts as the proxy's failure and only
 * that target is kept back, until another target got through since its first refusal. From then on it is the target's own.
 */
export class ProxyGate {
  private down: Trouble | null = null;
  /** While one finds out whether the proxy is back, the others wait. */
  private probeUntil = 0;
  private failing = false;
  private lastTunnelAt = Number.NEGATIVE_INFINITY;
  private readonly refused = new Map<string, Trouble>();

  constructor(private readonly parts: ProxyGateParts) {}

  /**
   * Milliseconds that a request to a target has to wait; 0 lets it go. While the proxy is down, who is let go is the one
   * that finds out.
   */
  waitMs(target: string): number {
    const now = this.parts.now();
    const forTarget = (this.refused.get(target)?.retryAt ?? 0) - now;
    if (forTarget > 0) return forTarget;
    if (this.down === null) return 0;
    const forAll = Math.max(this.down.retryAt, this.probeUntil) - now;
    if (forAll > 0) return forAll;
    this.probeUntil = now + PROBE_MS;
    return 0;
  }

  /** A tunnel stands. */
  tunnelled(target: string): void {
    this.lastTunnelAt = this.parts.now();
    this.down = null;
    this.refused.delete(target);
    if (!this.failing) return;
    this.failing = false;
    this.parts.onState({ failing: false, message: null });
  }

  /** The proxy could not be reached, or does not speak as a proxy does. */
  unreachable(message: string): ProxyFailure {
    this.down = this.after(this.down, PROXY_BACKOFF);
    return this.failure(message, this.down);
  }

  /** The proxy was reached and gave no tunnel. */
  refusedBy(target: string, refusal: Refusal): ProxyFailure | TunnelRefused {
    // It answers: the others need not wait any more.
    this.down = null;
    const before = this.refused.get(target);
    if (before && this.lastTunnelAt > before.since) {
      before.retryAt = 0; // From here on the webhook's own schedule holds.
      return new TunnelRefused(refusal.message, refusal.status);
    }
    const trouble = this.after(before ?? null, TARGET_BACKOFF);
    this.refused.delete(target);
    if (this.refused.size >= TARGETS_KEPT) this.refused.delete(this.refused.keys().next().value!);
    this.refused.set(target, trouble);
    return this.failure(refusal.message, trouble);
  }

  /** Requests that were under way together count once. */
  private after(before: Trouble | null, bounds: { baseMs: number; maxMs: number }): Trouble {
    const now = this.parts.now();
    if (before && before.retryAt > now) return before;
    const tries = (before?.tries ?? 0) + 1;
    return {
      since: before?.since ?? now,
      tries,
      retryAt: now + backoffMs(tries, bounds, this.parts.random),
    };
  }

  private failure(message: string, { retryAt }: Trouble): ProxyFailure {
    this.failing = true;
    this.parts.onState({ failing: true, message });
    return new ProxyFailure(message, Math.max(1, Math.round(retryAt - this.parts.now())));
  }
}
