import { ceilTo, DAY_MS, floorTo, HOUR_MS, LEVEL_MS, type Level } from './cells';

/** Stretches of time in milliseconds, the second of each exclusive; in order and apart. */
export type Ranges = [number, number][];

/** How a stretch of time is counted: by whole days, by whole hours, and the rest event by event. */
export interface RangePlan {
  days: Ranges;
  hours: Ranges;
  rest: Ranges;
}

/** @param coarsest the longest cells that may be used */
export function planRanges(from: Date, to: Date, coarsest: Level): RangePlan {
  const [start, end] = [from.getTime(), to.getTime()];
  const [hour, lastHour] = [ceilTo(start, HOUR_MS), floorTo(end, HOUR_MS)];
  if (hour >= lastHour) return { days: [], hours: [], rest: [[start, end]] };
  const rest = filled([start, hour], [lastHour, end]);
  const [day, lastDay] = [ceilTo(hour, DAY_MS), floorTo(lastHour, DAY_MS)];
  if (coarsest === 'hour' || day >= lastDay) return { days: [], hours: [[hour, lastHour]], rest };
  return { days: [[day, lastDay]], hours: filled([hour, day], [lastDay, lastHour]), rest };
}

function filled(...ranges: Ranges): Ranges {
  return ranges.filter(([from, to]) => from < to);
}

/** Counts these cells by what is finer: days by hours, hours event by event. */
export function refine(plan: RangePlan, level: Level, times: readonly number[]): RangePlan {
  const step = LEVEL_MS[level];
  const pieces = times.map((time): [number, number] => [time, time + step]);
  if (level === 'day') {
    return { ...plan, days: without(plan.days, pieces), hours: joined([...plan.hours, ...pieces]) };
  }
  return { ...plan, hours: without(plan.hours, pieces), rest: joined([...plan.rest, ...pieces]) };
}

/** Whether a time, in milliseconds, lies in one of the stretches. */
export function holds(ranges: Ranges, time: number): boolean {
  return ranges.some(([from, to]) => time >= from && time < to);
}

function without(ranges: Ranges, pieces: Ranges): Ranges {
  const gone = joined(pieces);
  return ranges.flatMap(([from, to]) => {
    const left: Ranges = [];
    let at = from;
    for (const [start, end] of gone) {
      if (end <= at || start >= to) continue;
      if (start > at) left.push([at, start]);
      at = end;
    }
    if (at < to) left.push([at, to]);
    return left;
  });
}

function joined(ranges: Ranges): Ranges {
  const all: Ranges = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = all.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}
