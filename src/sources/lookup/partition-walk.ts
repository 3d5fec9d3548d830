import type { Urgency } from '../../valkey/local-buckets';
import { isStaleToken } from './lookup-fault';
import type { LookedUp, LookupPlace, LookupRequests } from './lookup-requests';
import { closeRead, type Level, type OpenRead, type PartitionState } from './partition-state';

/** A window is begun again at most so often without a page in between. */
const MAX_RESTARTS = 3;
/** Events of a page are in order of time; a window that is begun again overlaps a little all the same. */
const RESTART_MARGIN_MS = 60_000;

/**
 * Reads what is open of a level, page by page, and keeps the state in step: with each page it is where reading goes on
 * once the page is kept. An empty page is given too, for its state.
 */
export async function* readLevel(
  requests: LookupRequests,
  place: LookupPlace,
  state: PartitionState,
  { level, signal }: { level: Level; signal: AbortSignal },
): AsyncGenerator<LookedUp[], void> {
  const urgency = level === 'head' ? 'live' : 'spare';
  for (let read = state.open[level]; read; read = state.open[level]) {
    const events = await nextPage(requests, place, read, { urgency, signal });
    if (read.windows.length === 0) closeRead(state, level);
    yield events;
  }
}

/**
 * Reads the next page, and moves on behind it. A NextToken that AWS does not take (any more) has the window begun
 * again, at the oldest event that was read.
 */
export async function nextPage(
  requests: LookupRequests,
  place: LookupPlace,
  read: Pick<OpenRead, 'windows' | 'token' | 'oldest' | 'pages'>,
  { urgency, signal }: { urgency: Urgency; signal: AbortSignal },
): Promise<LookedUp[]> {
  for (let restarts = 0; ; restarts++) {
    const [window] = read.windows;
    if (!window) return [];
    try {
      const page = await requests.page(place, window, { token: read.token, urgency, signal });
      for (const { time } of page.events)
        if (time !== null) read.oldest = Math.min(read.oldest ?? time, time);
      if (!window.insight) read.pages++;
      read.token = page.nextToken;
      if (page.nextToken === null) {
        read.windows = read.windows.slice(1);
        read.oldest = null;
      }
      return page.events;
    } catch (error) {
      if (read.token === null || !isStaleToken(error) || restarts >= MAX_RESTARTS) throw error;
      const end = Math.min(
        window.end,
        Math.max(window.start, (read.oldest ?? window.end) + RESTART_MARGIN_MS),
      );
      read.windows = [{ ...window, end }, ...read.windows.slice(1)];
      read.token = null;
    }
  }
}
