import { Permanent } from '../../domain/errors';
import type { RangePage, RangeRequest } from '../../domain/fetched';
import { roundRobin } from '../s3/round-robin';
import { faultError, isUnknownClient, lookupFault } from './lookup-fault';
import {
  type LookedUp,
  type LookupPlace,
  type LookupRequests,
  type LookupWindow,
  partitionOf,
} from './lookup-requests';
import { pageBatches } from './page-batches';
import { KEPT_MS, type OpenRead } from './partition-state';
import { nextPage } from './partition-walk';

/** A window of all Regions of an account is read to its end before the next begins. */
export const RANGE_WINDOW_MS = 24 * 3_600_000;

type RegionRead = Pick<OpenRead, 'windows' | 'token' | 'oldest' | 'pages'>;

/** Where a walk goes on: a window, an account in it, and how far each of its Regions was read. */
interface Position {
  /** The window's beginning, ms since the epoch. */
  window: number;
  account: string;
  regions: Record<string, RegionRead>;
}

/** A page of a Region, and where it goes on behind it. */
interface RegionPage {
  place: LookupPlace;
  events: LookedUp[];
  read: RegionRead;
}

export interface RangeContext {
  request: RangeRequest;
  places: LookupPlace[];
  requests: LookupRequests;
  now: () => Date;
  signal: AbortSignal;
}

/**
 * Walks a stretch of the past, window by window from the oldest on, one account at a time and its Regions at the same
 * time. Requests are spare ones: live polls go first.
 * @throws Permanent where the stretch begins before what LookupEvents keeps, and what a page throws
 */
export async function* walkRange(context: RangeContext): AsyncGenerator<RangePage, void> {
  const { request, places, now } = context;
  const oldest = now().getTime() - KEPT_MS;
  const resumed = positionOf(request.position);
  if (!resumed && request.from.getTime() < oldest) {
    throw new Permanent('LookupEvents keeps events for 90 days, and the range begins earlier', {
      remedy: `Begin at ${new Date(oldest).toISOString()} or later; what is older is in the bucket of a trail.`,
    });
  }
  const accounts = [...new Set(places.map(({ accountId }) => accountId))].sort();
  const from = request.from.getTime();
  const windows = Math.max(1, Math.ceil((request.to.getTime() - from) / RANGE_WINDOW_MS));
  let position = resumed;
  for (let index = 0; index < windows; index++) {
    const window = from + index * RANGE_WINDOW_MS;
    if (position && window < position.window) continue;
    for (const [nth, account] of accounts.entries()) {
      const at = position?.window === window ? position : null;
      if (at && account < at.account) continue;
      const regions = at?.account === account ? at.regions : {};
      const inWindow = { context, window, account, regions };
      for await (const page of walkWindow(inWindow)) {
        const done = (nth + page.walked) / accounts.length;
        yield { ...page, walked: Math.min(1, (index + done) / windows) };
      }
      position = null;
    }
  }
}

/** All Regions of an account in one window. Its `walked` is of this window and account alone. */
async function* walkWindow(input: {
  context: RangeContext;
  window: number;
  account: string;
  regions: Record<string, RegionRead>;
}): AsyncGenerator<RangePage, void> {
  const { context, window, account, regions } = input;
  const { request, requests, now, signal } = context;
  const asked = frozen(request, window, now().getTime() - KEPT_MS);
  const places = context.places.filter(({ accountId }) => accountId === account);
  const reads = new Map(
    places.map(({ region }) => [
      region,
      regions[region] ?? { windows: asked, token: null, oldest: null, pages: 0 },
    ]),
  );
  const walks = places.map((place) => walkRegion(place, reads.get(place.region)!, { requests, signal }));
  for await (const { place, events, read } of roundRobin(walks, places.length)) {
    // Only with its own page: other Regions may have read on meanwhile, and what they read is not given yet.
    reads.set(place.region, read);
    const left = [...reads.values()].reduce((sum, { windows }) => sum + windows.length, 0);
    const all = places.length * Math.max(1, asked.length);
    yield {
      batches: await pageBatches(request.source, partitionOf(place), events),
      position: { window, account, regions: Object.fromEntries(reads) },
      walked: 1 - left / all,
      through: new Date(Math.max(window, request.from.getTime())),
    };
  }
}

async function* walkRegion(
  place: LookupPlace,
  from: RegionRead,
  { requests, signal }: { requests: LookupRequests; signal: AbortSignal },
): AsyncGenerator<RegionPage, void> {
  const read = structuredClone(from);
  try {
    while (read.windows.length > 0) {
      const events = await nextPage(requests, place, read, { urgency: 'spare', signal });
      yield { place, events, read: structuredClone(read) };
    }
  } catch (error) {
    signal.throwIfAborted();
    // Wrong keys show in the Regions that every account has.
    if (place.optIn && isUnknownClient(error)) {
      yield { place, events: [], read: { ...read, windows: [] } };
      return;
    }
    const fault = lookupFault(error, place.source);
    throw faultError({ ...fault, message: `LookupEvents in ${partitionOf(place)}: ${fault.message}` });
  }
}

/** Both categories of a window, without what LookupEvents keeps no more. */
function frozen(request: RangeRequest, window: number, oldest: number): LookupWindow[] {
  const start = Math.ceil(Math.max(window, oldest) / 1_000) * 1_000;
  // The range excludes its end, and a window of LookupEvents does not.
  const end = Math.ceil(Math.min(window + RANGE_WINDOW_MS, request.to.getTime()) / 1_000) * 1_000 - 1_000;
  if (start > end) return [];
  return [
    { start, end, insight: false },
    { start, end, insight: true },
  ];
}

function positionOf(position: Record<string, unknown> | null): Position | null {
  const { window, account, regions } = position ?? {};
  if (typeof window !== 'number' || typeof account !== 'string' || typeof regions !== 'object' || !regions)
    return null;
  return { window, account, regions: structuredClone(regions) as Record<string, RegionRead> };
}
