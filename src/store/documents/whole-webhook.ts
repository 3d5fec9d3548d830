import { CLOSED_BREAKER } from '../../domain/breaker';
import type { Webhook } from '../../domain/webhook';

/** What is known of a receiver before the first attempt. */
export function untried(): Pick<
  Webhook,
  | 'oldSecrets'
  | 'lookedAt'
  | 'consecutiveFailures'
  | 'failingSince'
  | 'proxyOutSince'
  | 'breaker'
  | 'outbox'
  | 'exhaustedToldAt'
  | 'recentMs'
> {
  return {
    oldSecrets: [],
    lookedAt: null,
    consecutiveFailures: 0,
    failingSince: null,
    proxyOutSince: null,
    breaker: { ...CLOSED_BREAKER },
    outbox: [],
    exhaustedToldAt: null,
    recentMs: [],
  };
}

/** A webhook that an earlier version wrote lacks what came later. */
export function whole(webhook: Partial<Webhook>): Webhook {
  const events = ['CLOUDTRAIL'] as const;
  const since = {
    ...untried(),
    events,
    maxPerSecond: null,
    ordered: false,
    signingKey: null,
    since: null,
    tally: null,
    closedTallies: [],
  };
  return Object.assign(since, webhook) as unknown as Webhook;
}
