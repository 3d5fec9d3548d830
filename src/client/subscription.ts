import { type Linked, linked, pause, unlessAborted } from './abort';
import { cursorOf, resumes } from './document';
import { type AnswerError, FellBehind, NoAnswer, passing, TrailGraphError } from './errors';
import { LiveSocket, type SocketEnd, type WebSocketClass } from './live-socket';
import { Results } from './results';

export interface SubscribeOptions {
  /** Ends it; what was not taken yet is dropped. */
  signal?: AbortSignal;
  /** How many results are kept for who is slow to take them; 1,000 where it is absent. */
  buffer?: number;
  /** Tries in a row that bring nothing before it ends with the last NoAnswer; without end where it is absent. */
  tries?: number;
  /** Each time when the server has let us in. */
  onConnected?: () => void;
  /** Each time when the connection was lost and will be tried again. */
  onLost?: (why: NoAnswer | TrailGraphError) => void;
}

export interface SubscriptionParts {
  url: string;
  webSocket: WebSocketClass;
  timeoutMs: number;
  pingMs: number;
  /** @param refused a token that the server has refused */
  token(refused: string | undefined): Promise<string | null>;
  /** The cursor after everything that is stored by now. */
  head(signal: AbortSignal): Promise<string>;
  /** Of the whole client. */
  closed: AbortSignal;
}

const BUFFER = 1_000;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 30_000;
/** The most that a server is obeyed in. */
const MAX_ASKED_MS = 3_600_000;
/** A connection that held for so long, or gave something, was a good one: the next waits begin anew. */
const GOOD_AFTER_MS = 5_000;
/** Different tokens that were refused in a row: the next one would be, too. */
const MAX_REFUSALS = 3;
const FORBIDDEN = 4403;
/** Closes that say that this document or this client will never do. */
const HOPELESS = new Set([1009, 4004, 4005, 4400, 4401, 4406, 4409]);

/** How one connection ended, for the one who decides what comes next. */
type Ending =
  | { next: 'end'; error?: unknown }
  | { next: 'room' }
  | { next: 'again'; why: NoAnswer | TrailGraphError };

/**
 * One subscription over as many connections as it takes. Where the document resumes, each connection goes on after the
 * last event that was received (everything received is given, in order); the first one begins at the head of what is
 * stored, so that there is a cursor before the first event.
 *
 * A buffer that is full closes the socket, since GraphQL over WebSocket has no back-pressure; it is opened again when half
 * of the buffer was taken. Where the document does not resume, a full buffer ends it with FellBehind.
 */
export class Subscription<Value> {
  readonly results: Results<Value>;
  private readonly query: string;
  private readonly buffer: number;
  private readonly stop: Linked;
  private resuming: boolean;
  private after: string | null;
  private token: string | null = null;
  private refused: string | undefined;
  private refusals = 0;
  private tries = 0;

  /** @param pick what is given of a result's data */
  constructor(
    private readonly parts: SubscriptionParts,
    document: { toString(): string },
    private readonly variables: Record<string, unknown>,
    private readonly pick: (data: unknown) => Value,
    private readonly options: SubscribeOptions,
  ) {
    this.query = document.toString();
    this.buffer = Math.max(1, options.buffer ?? BUFFER);
    this.resuming = resumes(this.query);
    this.after = typeof variables.after === 'string' ? variables.after : null;
    this.stop = linked(parts.closed, options.signal);
    this.results = new Results(() => this.stop.abort());
    this.stop.signal.addEventListener('abort', () => this.results.discard());
    void this.run().then(
      () => this.results.finish(),
      (error: unknown) => this.results.finish({ error }),
    );
  }

  private async run(): Promise<void> {
    try {
      while (!this.stop.signal.aborted) {
        const ending = await this.connection();
        if (ending.next === 'end') {
          if ('error' in ending) throw ending.error;
          return;
        }
        if (ending.next === 'room') await this.results.room(Math.floor(this.buffer / 2));
        if (ending.next === 'again') await this.wait(ending.why);
      }
    } finally {
      this.stop.unlink();
    }
  }

  private async connection(): Promise<Ending> {
    const { signal } = this.stop;
    try {
      this.token = await unlessAborted(this.parts.token(this.refused), signal);
      if (this.refused !== undefined && this.token === this.refused) return { next: 'end', error: refused() };
      if (this.resuming && this.after === null) this.after = await this.parts.head(signal);
    } catch (error) {
      if (signal.aborted) return { next: 'end' };
      return passing(error) ? { next: 'again', why: error } : { next: 'end', error };
    }
    return this.onSocket(signal);
  }

  private async onSocket(signal: AbortSignal): Promise<Ending> {
    let connectedAt: number | null = null;
    let failed: AnswerError[] | null = null;
    let full = false;
    const { after } = this;
    const socket = new LiveSocket({
      ...this.parts,
      token: this.token,
      query: this.query,
      variables: this.resuming && after !== null ? { ...this.variables, after } : this.variables,
      onConnected: () => {
        connectedAt = Date.now();
        this.refusals = 0;
        this.refused = undefined;
        this.options.onConnected?.();
      },
      onResult: ({ data, errors }) => {
        if (errors?.length) failed = errors;
        else this.take(data);
        full = this.results.size >= this.buffer;
        if (failed || full) socket.stop();
      },
    });
    const leave = (): void => socket.stop();
    signal.addEventListener('abort', leave, { once: true });
    const end = await socket.ended;
    signal.removeEventListener('abort', leave);
    if (signal.aborted) return { next: 'end' };
    if (connectedAt !== null && Date.now() - connectedAt >= GOOD_AFTER_MS) this.tries = 0;
    if (failed) return this.failure(failed);
    if (full) return this.resuming ? { next: 'room' } : { next: 'end', error: fellBehind(this.buffer) };
    return this.endingOf(end);
  }

  private take(data: unknown): void {
    this.tries = 0;
    const cursor = cursorOf(data);
    if (this.resuming && cursor === null) this.resuming = false; // It has the cursor under another name.
    if (this.resuming) this.after = cursor;
    this.results.push(this.pick(data));
  }

  private endingOf(end: SocketEnd): Ending {
    if (end.kind === 'errors') return this.failure(end.errors);
    if (end.kind !== 'closed') {
      // Events have no end: a server that says so is about to stop.
      if (!/\beventEnriched\b/.test(this.query)) return { next: 'end' };
      return { next: 'again', why: new NoAnswer('The server has ended the subscription.') };
    }
    const { code, reason } = end;
    if (code === FORBIDDEN) return this.refusal();
    const text = `The live connection was closed (${code}${reason === '' ? '' : `: ${reason}`}).`;
    if (!HOPELESS.has(code)) return { next: 'again', why: new NoAnswer(text) };
    const extensions = { code: 'BAD_ANSWER' };
    return { next: 'end', error: new TrailGraphError([{ message: text, extensions }]) };
  }

  private failure(errors: AnswerError[]): Ending {
    const error = new TrailGraphError(errors);
    if (error.code === 'UNAUTHENTICATED') return this.refusal();
    return passing(error) ? { next: 'again', why: error } : { next: 'end', error };
  }

  /** The token has run out, or never held. */
  private refusal(): Ending {
    const why = refused();
    this.refused = this.token ?? undefined;
    if (this.token === null || ++this.refusals > MAX_REFUSALS) return { next: 'end', error: why };
    return { next: 'again', why };
  }

  /** @throws what it was told where there were too many tries */
  private async wait(why: NoAnswer | TrailGraphError): Promise<void> {
    if (++this.tries > (this.options.tries ?? Infinity)) throw why;
    this.options.onLost?.(why);
    const doubled = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.tries - 1));
    const asked = Math.min(MAX_ASKED_MS, (why.retryAfterSeconds ?? 0) * 1_000);
    await pause(Math.max(doubled * (0.5 + Math.random() / 2), asked), this.stop.signal);
  }
}

function refused(): TrailGraphError {
  const message = 'The server refuses the token: it has run out, was revoked, or never was one.';
  return new TrailGraphError([{ message, extensions: { code: 'UNAUTHENTICATED' } }]);
}

function fellBehind(kept: number): FellBehind {
  return new FellBehind(
    `${kept} results were waiting to be taken, and this document has no cursor to go on from: take them faster, or give it a larger buffer.`,
  );
}
