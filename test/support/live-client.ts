import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface LiveEvent {
  cursor: string;
  id: string;
  [field: string]: unknown;
}

export interface LiveError {
  message: string;
  extensions: { code: string; requestId: string; fields?: { path: (string | number)[] }[] };
}

export interface LiveOptions {
  url: string;
  token: string;
  filter?: object | undefined;
  after?: string | undefined;
  /** What is asked for beside `cursor id`. */
  fields?: string;
  /** The value of a variable `$more: Boolean = false` that the fields may name. */
  more?: boolean;
  /** How many times the same subscription runs on the socket; all are seen together. */
  copies?: number;
}

/** Subscriptions of a graphql-ws client, on a socket of their own that does not come back. */
export class LiveClient {
  readonly seen: LiveEvent[] = [];
  readonly errors: LiveError[] = [];
  closed: { code: number; reason: string } | null = null;
  completed = 0;
  private socket: WebSocket | null = null;
  private readonly stops: (() => void)[] = [];

  constructor(options: LiveOptions) {
    const { filter, after, fields = '' } = options;
    const client = createClient({
      url: `${options.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${options.token}` },
      retryAttempts: 0,
      onNonLazyError: () => undefined,
      on: {
        connected: (socket) => {
          this.socket = socket as WebSocket;
        },
        closed: (event) => {
          const { code, reason } = event as { code: number; reason: string };
          this.closed = { code, reason };
        },
      },
    });
    const more = options.more === undefined ? '' : ', $more: Boolean = false';
    const query = `subscription ($filter: EventFilter, $after: String${more}) {
      eventEnriched(filter: $filter, after: $after) { cursor id ${fields} }
    }`;
    for (let copy = 0; copy < (options.copies ?? 1); copy++) {
      const stop = client.subscribe<{ eventEnriched: LiveEvent }>(
        { query, variables: { filter, after, more: options.more } },
        {
          next: ({ data, errors }) => {
            if (data) this.seen.push(data.eventEnriched);
            if (errors) this.errors.push(...(errors as unknown as LiveError[]));
          },
          error: (error) => {
            if (Array.isArray(error)) this.errors.push(...(error as unknown as LiveError[]));
          },
          complete: () => {
            this.completed++;
          },
        },
      );
      this.stops.push(stop);
    }
  }

  get ids(): string[] {
    return this.seen.map(({ id }) => id);
  }

  get lastCursor(): string | undefined {
    return this.seen.at(-1)?.cursor;
  }

  /** Says `complete`. */
  stop(): void {
    for (const stop of this.stops) stop();
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.socket?.terminate();
  }

  /** Reads nothing from the socket any more, so that TCP holds the server back. */
  pause(): void {
    this.socket?.pause();
  }

  resume(): void {
    this.socket?.resume();
  }
}

/** A client that breaks its connection again and again, and goes on after the last cursor that it saw. */
export class ReconnectingClient {
  readonly seen: LiveEvent[] = [];
  reconnections = 0;
  private client: LiveClient;
  private stopped = false;

  constructor(private readonly options: LiveOptions) {
    this.client = new LiveClient(options);
  }

  get ids(): string[] {
    return [...this.seen, ...this.client.seen].map(({ id }) => id);
  }

  /** Before the first event there is no cursor to go on after. */
  reconnect(): void {
    const after = this.client.lastCursor ?? this.seen.at(-1)?.cursor;
    if (after === undefined || this.stopped) return;
    this.client.cut();
    this.seen.push(...this.client.seen);
    this.reconnections++;
    this.client = new LiveClient({ ...this.options, after });
  }

  stop(): void {
    this.stopped = true;
    this.client.stop();
  }
}
