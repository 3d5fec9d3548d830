import type { StreamPosition } from '../../domain/commit';
import type { Asked } from './asked';
import type { SubscriptionGroup } from './group';
import { type RenderedEvents, type Rendering, renderedEvents } from './rendered-events';
import type { Wire } from './wire';

/** A socket that could not keep up so often reads on alone for good: the others would wait for it each time. */
const MOST_FALLS = 3;

/** One subscriber: alone where it is behind its group, else a member of it. */
export class Membership {
  private falls = 0;

  constructor(
    private readonly asked: Asked,
    private readonly group: SubscriptionGroup,
    private readonly wire: Wire,
    private readonly rendering: Rendering,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Sends what comes after a place until the signal or the events end.
   * @param own the events after that place, where they were asked for already
   * @throws what ended the events
   */
  async run(from: StreamPosition, own: RenderedEvents | null): Promise<void> {
    let at: StreamPosition | null = from;
    let alone = own;
    while (at && !this.signal.aborted) {
      if (alone || !this.mayJoin(at)) {
        at = await this.readAlone(alone ?? (await renderedEvents(this.asked, at, this.rendering)));
        alone = null;
      } else {
        at = await this.group.join(this.wire, at, this.signal);
        this.falls++;
      }
    }
  }

  private mayJoin(at: StreamPosition): boolean {
    return this.falls < MOST_FALLS && this.group.covers(at);
  }

  /** @returns the place where the group can be joined; null at the end */
  private async readAlone(events: RenderedEvents): Promise<StreamPosition | null> {
    const stop = (): void => void events.return?.();
    this.signal.addEventListener('abort', stop, { once: true });
    try {
      if (this.signal.aborted) stop();
      for await (const { at, render } of events) {
        await this.send(await render());
        if (this.mayJoin(at)) return at;
      }
      return null;
    } finally {
      this.signal.removeEventListener('abort', stop);
    }
  }

  /** Kept once the system has taken it: a socket that is not read holds its own reading back. */
  private send(text: string): Promise<void> {
    return new Promise((resolve) => this.wire.next(text, resolve));
  }
}
