/** An event as a body needs it. */
export interface BodyEvent {
  /** The event's identity, by which the API gives it in full. */
  id: string;
  /** The record as JSON text, exact: it is spliced in, never parsed and printed again. A JSON object. */
  recordText: string;
  enrichmentJson: string;
  ingestedAt: Date;
  /** What it takes in a body of its webhook's format, its separator included, where that was measured. */
  bytes?: number;
  /** It as `textOf` of the format writes it, where that was kept. */
  text?: string;
}

/** What a body is made of. */
export interface BodyChunk {
  events: readonly BodyEvent[];
  /** Whether the receiver asked for lists: then one event is a list of one. */
  batch: boolean;
  /** The one event is too big to go whole. */
  thin: boolean;
  /** When the delivery was made. */
  timestamp: Date;
}

/** How one `format` of a webhook writes bodies. Both are pure: the same input gives the same bytes for ever. */
export interface BodyFormat {
  /** At most the bytes that an event takes in a body, its separator included; 0 where the body is bounded by itself. */
  bytesOf(event: BodyEvent): number;
  /** No less than bytesOf, for much less work; absent where bytesOf is little work itself. */
  bytesAtMost?(event: BodyEvent): number;
  /** The event as it stands whole in every body; absent where that depends on the delivery, or is little work. */
  textOf?(event: BodyEvent): string;
  /** The body as JSON text. */
  body(chunk: BodyChunk): string;
}

/** The one value, or the JSON list of them. */
export function oneOrList(parts: readonly string[], batch: boolean): string {
  return batch ? `[${parts.join(',')}]` : parts.join(',');
}
