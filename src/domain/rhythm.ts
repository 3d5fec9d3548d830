/** How regularly something new comes from a source, learned from its commits. */
export interface Rhythm {
  /** When something new came last, or the source was made active again. */
  lastAt: Date | null;
  /** When the gap under way began to count: gaps are measured from one second on. */
  beatAt: Date | null;
  /** Gaps that were learned from. */
  gaps: number;
  /** Time that those gaps took together, at most a year. */
  learnedMs: number;
  meanMs: number;
  deviationMs: number;
  /** The longest gap, fading by half in a week: it remembers nights and weekends. */
  longestMs: number;
}

export const NO_RHYTHM: Readonly<Rhythm> = {
  lastAt: null,
  beatAt: null,
  gaps: 0,
  learnedMs: 0,
  meanMs: 0,
  deviationMs: 0,
  longestMs: 0,
};

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;
/** What comes within this of the last is the same burst: one fetch commits many slices. */
const BURST_MS = 1_000;
/** The weights of Jacobson's estimator of round-trip times (RFC 6298), the mean a little slower. */
const MEAN_WEIGHT = 1 / 16;
const DEVIATION_WEIGHT = 1 / 8;
/** Before so many gaps over so long a time, nothing is known to be usual. */
const ENOUGH_GAPS = 10;
const ENOUGH_MS = 60 * MINUTE_MS;
/** CloudTrail itself delivers within 15 minutes as a rule. */
const LEAST_SILENCE_MS = 15 * MINUTE_MS;

/**
 * The silence from which on something is amiss: six times what is usual, twice what is the longest of late, and never
 * under 15 minutes. Null while too little is known.
 */
export function silenceLimitMs(rhythm: Rhythm): number | null {
  if (rhythm.gaps < ENOUGH_GAPS || rhythm.learnedMs < ENOUGH_MS) return null;
  return limitOf(rhythm);
}

/** Learns from something new that came at `at`; what came before the last is not looked at. */
export function heard(rhythm: Rhythm, at: Date): Rhythm {
  const { beatAt } = rhythm;
  const lastAt = rhythm.lastAt && rhythm.lastAt > at ? rhythm.lastAt : at;
  if (beatAt === null) return { ...rhythm, lastAt, beatAt: at };
  const gapMs = at.getTime() - beatAt.getTime();
  if (gapMs < BURST_MS) return { ...rhythm, lastAt };
  return { ...learn(rhythm, gapMs), lastAt, beatAt: at };
}

function learn(rhythm: Rhythm, measuredMs: number): Rhythm {
  // An outage must not become what is usual: it counts no more than what was just too long.
  const limit = silenceLimitMs(rhythm);
  const gapMs = limit === null ? measuredMs : Math.min(measuredMs, limit);
  const first = rhythm.gaps === 0;
  const off = Math.abs(gapMs - rhythm.meanMs);
  const faded = rhythm.longestMs * 0.5 ** (gapMs / WEEK_MS);
  return {
    ...rhythm,
    gaps: Math.min(rhythm.gaps + 1, ENOUGH_GAPS),
    learnedMs: Math.min(rhythm.learnedMs + gapMs, 52 * WEEK_MS),
    meanMs: first ? gapMs : rhythm.meanMs + MEAN_WEIGHT * (gapMs - rhythm.meanMs),
    deviationMs: first ? gapMs / 2 : rhythm.deviationMs + DEVIATION_WEIGHT * (off - rhythm.deviationMs),
    longestMs: Math.max(gapMs, faded),
  };
}

function limitOf({ meanMs, deviationMs, longestMs }: Rhythm): number {
  return Math.max(LEAST_SILENCE_MS, 6 * (meanMs + deviationMs), 2 * longestMs);
}
