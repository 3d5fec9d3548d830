import type { WebhookFormat } from '../domain/webhook';
import { formatOf, MAX_BODY_BYTES } from './body';
import type { BodyEvent } from './formats/body-format';

/** What a body holds beside its events: type, timestamp and punctuation take less. */
const ENVELOPE_BYTES = 256;
const ROOM = MAX_BODY_BYTES - ENVELOPE_BYTES;

/** Texts that measuring made are kept for the bodies up to this; beyond it they are made once more. */
export const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Cuts events into bodies of one format, by number and by size. To write an event may cost more than all else about
 * it: so it is measured only where a cheap bound does not show that it fits, and once; what was written for that is
 * kept at the event for its body, as far as memory allows.
 */
export class BodyCutter {
  private kept = 0;

  constructor(
    private readonly format: WebhookFormat,
    private readonly batchSize: number,
  ) {}

  /**
   * How many of these events, from `from` on, go into one body, at least one; `thin` when that one is too big and must
   * go as its id.
   */
  next(events: readonly BodyEvent[], from: number): { count: number; thin: boolean } {
    const end = Math.min(from + this.batchSize, events.length);
    if (this.surelyFit(events, from, end)) return { count: end - from, thin: false };
    let room = ROOM;
    for (let at = from; at < end; at++) {
      room -= this.measure(events[at]!);
      if (room < 0) return at === from ? { count: 1, thin: true } : { count: at - from, thin: false };
    }
    return { count: end - from, thin: false };
  }

  private surelyFit(events: readonly BodyEvent[], from: number, end: number): boolean {
    const { bytesAtMost, bytesOf } = formatOf(this.format);
    const bound = bytesAtMost ?? bytesOf;
    let room = ROOM;
    for (let at = from; at < end && room >= 0; at++) room -= events[at]!.bytes ?? bound(events[at]!);
    return room >= 0;
  }

  private measure(event: BodyEvent): number {
    if (event.bytes !== undefined) return event.bytes;
    const { textOf, bytesOf } = formatOf(this.format);
    const text = textOf?.(event);
    event.bytes = text === undefined ? bytesOf(event) : Buffer.byteLength(text) + 1;
    if (text !== undefined && this.kept + event.bytes <= MAX_KEPT_BYTES) {
      this.kept += event.bytes;
      event.text = text;
    }
    return event.bytes;
  }
}
