import type { Redis } from 'ioredis';
import type { Caller } from '../auth/caller';
import { formatAddress, isIPv4, parseAddress } from '../domain/address';
import { RateLimited } from '../domain/errors';
import { RateLimit, type RateState } from '../valkey/rate-limits';

export interface RequestRatesOptions {
  valkey: Redis;
  prefix: string;
  /** Points a minute for each user or key; 0: no limit. */
  caller: number;
  /** Points a minute for each address of anonymous callers; 0: no limit. */
  anonymous: number;
}

/** Who spends: a caller, else an address. */
export interface Spender {
  caller: Pick<Caller, 'kind' | 'id'> | null;
  ip: string | null;
}

/** What an answer tells in its `extensions`. */
export interface Told {
  /** In points. */
  cost?: { requested: number; limit: number };
  rateLimit?: RateState;
}

/** What everybody may spend in a minute (requirements D7), in points of cost. */
export class RequestRates {
  private readonly callers: RateLimit | null;
  private readonly addresses: RateLimit | null;

  constructor({ valkey, prefix, caller, anonymous }: RequestRatesOptions) {
    const limitOf = (pointsPerMinute: number): RateLimit | null =>
      pointsPerMinute === 0 ? null : new RateLimit({ valkey, prefix, pointsPerMinute });
    this.callers = limitOf(caller);
    this.addresses = limitOf(anonymous);
  }

  /**
   * Takes points, and notes what is left in `told`.
   * @throws RateLimited where there are not enough
   */
  async spend({ caller, ip }: Spender, points: number, told: Told): Promise<void> {
    const limit = caller ? this.callers : this.addresses;
    if (!limit) return;
    const key = caller ? `${caller.kind}:${caller.id}` : `address:${networkOf(ip)}`;
    const { exceeded, ...state } = await limit.spend(key, points);
    told.rateLimit = state;
    if (exceeded) {
      throw new RateLimited(
        `${caller ? 'You have' : 'Your address has'} spent the ${state.limit.toLocaleString('en-US')} points of this minute: try again in ${state.resetSeconds} s.`,
        state.resetSeconds,
      );
    }
  }
}

/** An IPv4 address, or the /64 of an IPv6 address: who has one of those has all of its addresses. */
function networkOf(ip: string | null): string {
  const bytes = ip === null ? null : parseAddress(ip.split('%')[0]!);
  if (!bytes) return 'unknown';
  if (!isIPv4(bytes)) bytes.fill(0, 8);
  return formatAddress(bytes);
}
