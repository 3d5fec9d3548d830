import { type ExecutionArgs, type ExecutionResult, locatedError, subscribe } from 'graphql';
import { type Asked, askedOf } from './asked';
import { SubscriptionGroup } from './group';
import { Membership } from './membership';
import { type RenderedEvents, type Rendering, renderedEvents } from './rendered-events';
import type { Wire } from './wire';

type Result = ExecutionResult | AsyncIterableIterator<ExecutionResult>;

/**
 * Runs subscriptions to eventEnriched so that those with the same document, variables and role are executed once for
 * each event. What they get is written to their sockets here; the iterator that graphql-ws holds only ends.
 *
 * A subscriber with `after` first reads by itself, from the store, until it has seen what its group has; so does one
 * whose socket could not keep up with its group.
 */
export class SharedSubscriptions {
  private readonly groups = new Map<string, OpenGroup>();

  constructor(private readonly rendering: Rendering) {}

  /** What graphql's own `subscribe` does, for this operation of this socket. */
  async subscribe(args: ExecutionArgs, wire: Wire): Promise<Result> {
    const asked = askedOf(args);
    if (!asked) return (await subscribe(args)) as Result;
    const stopping = new AbortController();
    try {
      return ending(await this.begin(asked, wire, stopping.signal), stopping);
    } catch (error) {
      stopping.abort();
      const { field } = asked;
      return { errors: [locatedError(error, field, [field.alias?.value ?? field.name.value])] };
    }
  }

  /** @throws where it can't begin. @returns what is under way then, as it ends with the signal */
  private async begin(asked: Asked, wire: Wire, signal: AbortSignal): Promise<{ ended: Promise<void> }> {
    const open = await this.enter(asked);
    try {
      // A cursor is checked by reading from it, which is also where most of those begin who have one.
      const own = asked.after === null ? null : await renderedEvents(asked, 'cursor', this.rendering);
      const at = asked.context.subscriptions.events.newest();
      const member = new Membership(asked, open.group, wire, this.rendering, signal);
      const ended = member.run(at, own).finally(() => this.leave(open));
      ended.catch(() => undefined); // Told by the iterator; where the operation has ended before, to nobody.
      return { ended };
    } catch (error) {
      this.leave(open);
      throw error;
    }
  }

  /** The group of all that ask the same, made where there is none. To be left once. */
  private async enter(asked: Asked): Promise<OpenGroup> {
    const known = this.groups.get(asked.key);
    const open = known ?? new OpenGroup(asked, this.rendering, () => this.forget(open));
    this.groups.set(asked.key, open);
    open.users++;
    try {
      await open.ready;
      return open;
    } catch (error) {
      this.leave(open);
      throw error;
    }
  }

  private leave(open: OpenGroup): void {
    open.users--;
    if (open.users > 0) return;
    this.forget(open);
    open.close();
  }

  private forget(open: OpenGroup): void {
    if (this.groups.get(open.key) === open) this.groups.delete(open.key);
  }
}

/** A group with the events that it renders. */
class OpenGroup {
  readonly key: string;
  /** There once `ready` is. */
  group!: SubscriptionGroup;
  readonly ready: Promise<void>;
  users = 0;
  private events: RenderedEvents | null = null;
  private closed = false;

  constructor(asked: Asked, rendering: Rendering, onEnd: () => void) {
    this.key = asked.key;
    this.ready = this.open(asked, rendering, onEnd);
  }

  close(): void {
    this.closed = true;
    void this.events?.return?.();
  }

  private async open(asked: Asked, rendering: Rendering, onEnd: () => void): Promise<void> {
    this.events = await renderedEvents(asked, 'now', rendering);
    this.group = new SubscriptionGroup(asked.context.subscriptions.events.newest());
    if (this.closed) return this.close();
    void this.group.run(this.events).then(onEnd);
  }
}

/** Yields nothing, and ends as the subscription does. */
function ending(
  { ended }: { ended: Promise<void> },
  stopping: AbortController,
): AsyncIterableIterator<ExecutionResult> {
  const done = { done: true as const, value: undefined };
  return {
    next: () => ended.then(() => done),
    return: async () => {
      stopping.abort();
      await ended.catch(() => undefined); // Nobody is there to hear of it.
      return done;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
