import { END_OF_COMMIT, streamCursor } from '../../domain/cursor';
import { SLICE_STRIDE, type StoredEvent } from '../../domain/event';
import type { EventFilter } from '../../domain/filter';
import { type CommitStore, sliceKey } from '../../store/commits';
import type { EventOrderField, EventStore } from '../../store/events';
import type { PageRequest } from '../../store/page';
import { type Connection, toConnection } from '../connection';
import { type EnrichedEvent, toEvent } from './types';

/** Reads events as the API shows them: committed ones only, each with its place in the stream. */
export class EventReader {
  constructor(
    private readonly events: EventStore,
    private readonly commits: CommitStore,
  ) {}

  async get(id: string): Promise<EnrichedEvent | null> {
    const event = await this.events.get(id.toLowerCase());
    return event ? ((await this.placed([event])).get(event._id) ?? null) : null;
  }

  async byIds(ids: string[]): Promise<EnrichedEvent[]> {
    const events = await this.events.byIds(ids);
    const placed = await this.placed(events);
    return events.flatMap((event) => placed.get(event._id) ?? []);
  }

  async page(
    filter: EventFilter | null,
    order: { field: EventOrderField; descending: boolean },
    request: PageRequest,
  ): Promise<Connection<EnrichedEvent>> {
    const page = await this.events.page(filter, order, request);
    const placed = await this.placed(page.items.map(({ item }) => item));
    const items = page.items.filter(({ item }) => placed.has(item._id));
    return toConnection({ ...page, items }, (event) => placed.get(event._id)!);
  }

  count(filter: EventFilter | null, limit: number): Promise<number> {
    return this.events.count(filter, limit);
  }

  /** The place after everything that is committed. */
  async liveCursor(): Promise<string> {
    return streamCursor({ n: await this.commits.head(), pos: END_OF_COMMIT });
  }

  /** One look-up for all slices; what is not committed yet has no place and is left out. */
  private async placed(events: StoredEvent[]): Promise<Map<string, EnrichedEvent>> {
    const slices = new Map<string, { run: string; slice: number }>();
    for (const event of events) {
      for (const { run, slice } of placesOf(event)) slices.set(sliceKey(run, slice), { run, slice });
    }
    const numbers = await this.commits.numbers([...slices.values()]);
    const placed = new Map<string, EnrichedEvent>();
    for (const event of events) {
      for (const { run, slice, pos } of placesOf(event)) {
        const n = numbers.get(sliceKey(run, slice));
        if (n === undefined) continue;
        placed.set(event._id, toEvent(event, { n, pos }));
        break;
      }
    }
    return placed;
  }
}

/** Where an event stands; one that was just taken over stands at its old place until its new slice is committed. */
function placesOf({
  run,
  pos,
  takenFrom,
  takenPos,
}: StoredEvent): { run: string; slice: number; pos: number }[] {
  const at = (of: string, pos: number) => ({ run: of, slice: Math.floor(pos / SLICE_STRIDE), pos });
  return takenFrom === undefined ? [at(run, pos)] : [at(run, pos), at(takenFrom, takenPos ?? 0)];
}
