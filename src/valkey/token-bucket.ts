import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type BucketAsk, LIVE_WAITS_MS, LocalBuckets, SPARE_SHARE, type Urgency } from './local-buckets';
import { Script } from './script';

export interface TokenBucketOptions {
  /** Asked by whoever counts here, on any machine. */
  valkey: Pick<Redis, 'evalsha' | 'eval'>;
  /** Before every key. */
  prefix: string;
  perSecond: number;
  /** Of the local buckets; tests give their own. */
  now?: () => number;
}

/** Of the rate, for each process where Valkey does not answer. */
export const LOCAL_SHARE = 0.5;
/** After a failure Valkey is not asked for so long: a frozen one takes a second to fail. */
const VALKEY_REST_MS = 2_000;
/** A hold may grow while one waits. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * A bucket holds one token, so that requests are spread and no second sees more than the rate and one. Time is the
 * server's. Returns the milliseconds to wait, 0 where a token was taken. A bucket that nobody asks is forgotten.
 */
const SCRIPT = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate = tonumber(ARGV[1]) / 1000
local spare = ARGV[2] == 'spare'
local hold = tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'nextAt', 'heldUntil', 'waitedAt', 'spareAt')
local nextAt = tonumber(kept[1]) or 0
local heldUntil = tonumber(kept[2]) or 0
local waitedAt = tonumber(kept[3]) or 0
local spareAt = tonumber(kept[4]) or 0
local wait = 0
if hold > 0 then
  heldUntil = math.max(heldUntil, now + hold)
else
  wait = math.max(nextAt, heldUntil) - now
  if spare and waitedAt + tonumber(ARGV[4]) > now then wait = math.max(wait, spareAt - now) end
  if wait <= 0 then
    wait = 0
    nextAt = now + 1 / rate
    if spare then spareAt = now + 1 / rate / tonumber(ARGV[5]) end
  elseif not spare then
    waitedAt = now
  end
end
redis.call('HSET', KEYS[1], 'nextAt', math.ceil(nextAt), 'heldUntil', math.ceil(heldUntil), 'waitedAt', waitedAt, 'spareAt', math.ceil(spareAt))
redis.call('PEXPIRE', KEYS[1], 120000)
return math.ceil(wait)
`);

/**
 * Holds a rate across all processes that share a Valkey. While it does not answer, each process keeps half of the rate
 * by itself.
 */
export class TokenBucket {
  private readonly local: LocalBuckets;
  private restUntil = 0;

  constructor(private readonly options: TokenBucketOptions) {
    this.local = new LocalBuckets(options.now ?? (() => performance.now()));
  }

  /** Returns when a request may be made. @throws the signal's reason */
  async take(key: string, urgency: Urgency, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const wait = await this.ask({ key, perSecond: this.options.perSecond, urgency, holdMs: 0 });
      if (wait <= 0) return;
      await delay(Math.min(wait, LONGEST_SLEEP_MS), undefined, { signal });
    }
  }

  /** Nobody gets a token of this key for so long. */
  async hold(key: string, holdMs: number): Promise<void> {
    await this.ask({ key, perSecond: this.options.perSecond, urgency: 'live', holdMs: Math.ceil(holdMs) });
  }

  private async ask(ask: BucketAsk): Promise<number> {
    if (performance.now() >= this.restUntil) {
      try {
        return await this.askValkey(ask);
      } catch {
        // Away, frozen or full: what it would have said is not worth a fetch.
        this.restUntil = performance.now() + VALKEY_REST_MS;
      }
    }
    return this.local.ask({ ...ask, perSecond: ask.perSecond * LOCAL_SHARE });
  }

  private async askValkey({ key, perSecond, urgency, holdMs }: BucketAsk): Promise<number> {
    const { valkey, prefix } = this.options;
    const args = [perSecond, urgency, holdMs, LIVE_WAITS_MS, SPARE_SHARE];
    return Number(await SCRIPT.run(valkey, `${prefix}:rate:${key}`, args));
  }
}
