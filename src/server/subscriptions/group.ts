import { setImmediate as breathe } from 'node:timers/promises';
import type { StreamPosition } from '../../domain/commit';
import type { Wire } from './wire';

/** An answer that all members get: its JSON text, and the place of its event. */
interface Entry {
  at: StreamPosition;
  text: string;
}

/** An event of the stream, and what the group makes of it. */
export interface GroupEvent {
  at: StreamPosition;
  /** The execution result as JSON text. */
  render(): string | Promise<string>;
}

/** Answers that are kept for members whose sockets are full. */
const MOST_KEPT = 256;
const MOST_KEPT_CHARACTERS = 1024 * 1024;
/** So long the group waits for the slowest of its members; then that one goes on alone. */
const PATIENCE_MS = 1_000;
/** Rendering and sending go on for so long without letting others at the event loop. */
const SLICE_MS = 10;

/**
 * Subscriptions with the same document and the same variables: each event is rendered once and sent to all. A member
 * is a place in a short list of what was rendered; one that can't keep up leaves, to read on by itself.
 */
export class SubscriptionGroup {
  private readonly members = new Set<Member>();
  private entries: Entry[] = [];
  /** The running number of the first entry. */
  private first = 0;
  private characters = 0;
  /** Up to here everything was sent or concerned nobody: what comes after stands in the entries. */
  private base: StreamPosition;
  private freed: (() => void) | null = null;
  private ended: { error: unknown } | null = null;

  /** @param start the place after which the events begin */
  constructor(start: StreamPosition) {
    this.base = start;
  }

  /** Whether somebody who has seen everything up to a place misses nothing by joining. */
  covers(at: StreamPosition): boolean {
    return !isBefore(at, this.base);
  }

  /** Renders and sends until the events end. Never rejects: members are told of an error. */
  async run(events: AsyncIterable<GroupEvent>): Promise<void> {
    let began = performance.now();
    try {
      for await (const event of events) {
        await this.take(event);
        if (performance.now() - began < SLICE_MS) continue;
        await breathe();
        began = performance.now();
      }
      this.end({ error: null });
    } catch (error) {
      this.end({ error });
    }
  }

  /**
   * Sends what comes after a place that the group covers.
   * @returns null where it ended with the signal or with the events; the last place that was sent where the socket
   * could not keep up
   * @throws what ended the events
   */
  join(wire: Wire, after: StreamPosition, signal: AbortSignal): Promise<StreamPosition | null> {
    return new Promise((resolve, reject) => {
      const leave = (last: StreamPosition | null): void => {
        this.members.delete(member);
        signal.removeEventListener('abort', stop);
        resolve(last);
        this.trim();
      };
      const stop = (): void => leave(null);
      const member: Member = {
        wire,
        at: after,
        next: this.first,
        waiting: false,
        leave,
        end: (error) => {
          if (error !== null) reject(error);
          leave(null);
        },
      };
      if (signal.aborted) return resolve(null);
      signal.addEventListener('abort', stop, { once: true });
      this.members.add(member);
      this.serve(member);
      if (this.ended && member.next === this.first + this.entries.length) member.end(this.ended.error);
    });
  }

  private async take(event: GroupEvent): Promise<void> {
    if (this.members.size === 0) {
      this.forget(event.at);
      return;
    }
    const text = await event.render();
    this.entries.push({ at: event.at, text });
    this.characters += text.length;
    for (const member of this.members) this.serve(member);
    this.trim();
    if (this.full) await this.waitForRoom();
  }

  /** Nobody listens: what comes is not kept. */
  private forget(at: StreamPosition): void {
    this.first += this.entries.length;
    this.entries = [];
    this.characters = 0;
    this.base = at;
  }

  private get full(): boolean {
    return this.entries.length >= MOST_KEPT || this.characters >= MOST_KEPT_CHARACTERS;
  }

  private async waitForRoom(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.freed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.freed = null;
    if (!this.full) return;
    for (const member of this.members) if (member.next === this.first) member.leave(member.at);
  }

  /** Sends as much as the socket takes; the rest once it has taken that. */
  private serve(member: Member): void {
    const { wire } = member;
    if (member.waiting) return;
    while (member.next < this.first + this.entries.length) {
      const entry = this.entries[member.next - this.first]!;
      member.next++;
      if (!isBefore(member.at, entry.at)) continue;
      member.at = entry.at;
      if (wire.ready) {
        wire.next(entry.text);
        continue;
      }
      member.waiting = true;
      wire.next(entry.text, () => this.goOn(member));
      return;
    }
  }

  private goOn(member: Member): void {
    member.waiting = false;
    if (!this.members.has(member)) return;
    this.serve(member);
    this.trim();
    if (this.ended && !member.waiting) member.end(this.ended.error);
  }

  /** Lets go of what all members have. */
  private trim(): void {
    const end = this.first + this.entries.length;
    let least = end;
    for (const { next } of this.members) least = Math.min(least, next);
    const done = this.entries.splice(0, least - this.first);
    if (done.length === 0) return;
    this.first = least;
    this.base = done.at(-1)!.at;
    for (const { text } of done) this.characters -= text.length;
    if (!this.full) this.freed?.();
  }

  private end(ended: { error: unknown }): void {
    this.ended = ended;
    for (const member of [...this.members]) if (!member.waiting) member.end(ended.error);
  }
}

interface Member {
  wire: Wire;
  /** The place of the last event that was sent, or that it need not be sent. */
  at: StreamPosition;
  /** The number of the entry that comes next. */
  next: number;
  /** Whether the socket is full. */
  waiting: boolean;
  leave(last: StreamPosition | null): void;
  end(error: unknown): void;
}

function isBefore(a: StreamPosition, b: StreamPosition): boolean {
  return a.n < b.n || (a.n === b.n && a.pos < b.pos);
}
