import { NO_RHYTHM, silenceLimitMs } from './rhythm';
import type { Source, SourceHealth } from './source';

/** What the watch found of a source beyond its own fetches; null where nothing is amiss. */
export type SourceConcern = UnreadBatches | Silence;

/** Batches of late that could not be read, or are tried again and again. */
export interface UnreadBatches {
  kind: 'batches';
  count: number;
  /** The newest error, and when. */
  error: string;
  at: Date;
}

/** Nothing came for longer than usual. */
export interface Silence {
  kind: 'silence';
  /** When something came last. */
  since: Date;
  usualMs: number;
  /** When it became too long. */
  at: Date;
}

const SILENCE_REMEDY =
  "Look whether what sends still does: the trail is logging, the bucket's notifications and the queue stand, the sender has the right URL and token. Where it became quieter for good, this goes away with what comes next.";
const BATCHES_REMEDY =
  'Look at its batches (states FAILED and QUARANTINED, and PENDING ones with an error), mend the cause, then have them tried again: `trailgraph batch retry ID`.';

/** Whether nothing came from a source for too long. Never of one that is paused, nor of the demo. */
export function silenceOf(source: Source, now: Date): Silence | null {
  const rhythm = { ...NO_RHYTHM, ...source.rhythm };
  const limit = silenceLimitMs(rhythm);
  if (source.state !== 'ACTIVE' || source.kind === 'DEMO' || limit === null || !rhythm.lastAt) return null;
  const since = rhythm.lastAt;
  if (now.getTime() - since.getTime() <= limit) return null;
  return { kind: 'silence', since, usualMs: rhythm.meanMs, at: new Date(since.getTime() + limit) };
}

/**
 * How a source fares: by its fetches, or for one that is pushed to by what came, and by what the watch found.
 * @param received records that came so far
 */
export function healthOf(source: Source, received: number, now: Date): SourceHealth {
  const own = source.kind === 'HTTP_PUSH' ? pushed(source, received) : source.status;
  const concern = source.state === 'ACTIVE' ? (source.concern ?? null) : null;
  if (concern === null || own.health === 'FAILING') return own;
  // What a fetch itself warns of is more to the point than that little comes.
  if (own.health === 'DEGRADED' && concern.kind === 'silence') return own;
  return { ...own, health: 'DEGRADED', ...told(concern, now) };
}

/**
 * How far a source is settled, and how old that is.
 * @param oldest when the oldest of what is not settled was delivered; null where everything is
 * @returns everything that was delivered before `checkpoint` is settled. What is pushed lags only while it waits to be
 * stored; what is fetched may also lag since nobody looked
 */
export function lagOf(
  source: Source,
  oldest: Date | null,
  now: Date,
): { checkpoint: Date | null; lagMs: number | null } {
  const age = (at: Date | null): number | null => at && Math.max(0, now.getTime() - at.getTime());
  if (source.kind === 'HTTP_PUSH')
    return { checkpoint: oldest ?? source.heardAt ?? null, lagMs: age(oldest) };
  const { lastSuccessAt } = source.status;
  const checkpoint =
    oldest && lastSuccessAt && oldest > lastSuccessAt ? lastSuccessAt : (oldest ?? lastSuccessAt);
  return { checkpoint, lagMs: age(checkpoint) };
}

function pushed({ status, heardAt }: Source, received: number): SourceHealth {
  return {
    ...status,
    health: received > 0 ? 'HEALTHY' : 'UNKNOWN',
    lastSuccessAt: heardAt ?? status.lastSuccessAt,
  };
}

function told(concern: SourceConcern, now: Date): Pick<SourceHealth, 'lastError' | 'lastErrorAt' | 'remedy'> {
  if (concern.kind === 'batches') {
    const { count, error, at } = concern;
    const what = count === 1 ? 'a batch could not be read' : `${count} batches could not be read`;
    return { lastError: `${what} of late: ${error}`, lastErrorAt: at, remedy: BATCHES_REMEDY };
  }
  const silentMs = now.getTime() - concern.since.getTime();
  return {
    lastError: `nothing came for ${spelled(silentMs)}; usually something comes every ${spelled(concern.usualMs)}`,
    lastErrorAt: concern.at,
    remedy: SILENCE_REMEDY,
  };
}

/** A duration for people, in its two largest units: 3 h 10 min. */
export function spelled(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const largest = units.findIndex(([, unit]) => ms >= unit);
  if (largest < 0) return '1 s';
  const parts: string[] = [];
  let left = ms;
  for (const [name, unit] of units.slice(largest, largest + 2)) {
    const whole = Math.floor(left / unit);
    if (whole > 0) parts.push(`${whole} ${name}`);
    left -= whole * unit;
  }
  return parts.join(' ');
}
