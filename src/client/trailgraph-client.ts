import {
  EventEnrichedDocument,
  type EventFilter,
  type EventPartsFragment,
  LiveCursorDocument,
  LoginDocument,
  RefreshSessionDocument,
} from '../generated/graphql';
import { linked, unlessAborted } from './abort';
import type { TypedDocument } from './document';
import { TrailGraphError } from './errors';
import type { WebSocketClass } from './live-socket';
import { post } from './post';
import { type SubscribeOptions, Subscription } from './subscription';
import { SessionTokens, type TokenSource } from './tokens';

export interface TrailGraphClientOptions {
  /** Of the server, such as http://localhost:4000. */
  url: string;
  /** None is needed for what anybody may do: logging in, health. */
  token?: TokenSource;
  /** That of this runtime where it is absent. */
  fetch?: typeof fetch;
  /** That of this runtime where it is absent; Node has one from 22 on, before it give that of the package `ws`. */
  webSocketImpl?: unknown;
  /** How long a request may take, and a live connection to be let in; 30,000 where it is absent. */
  timeoutMs?: number;
  /** A live connection is asked so often whether it still is one; 10,000 where it is absent. */
  pingMs?: number;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Instead of the client's own. */
  timeoutMs?: number;
}

export interface EventsOptions extends SubscribeOptions {
  filter?: EventFilter;
  /** A `cursor` that an event had: begins right after it. Absent: with what is stored from now on. */
  after?: string;
}

/** A connection of Relay's, as far as turning its pages takes. */
export interface Pageable {
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

const TIMEOUT_MS = 30_000;
const PING_MS = 10_000;

/** A client of TrailGraph's API, for Node and browsers. */
export class TrailGraphClient {
  /** Without a slash at its end. */
  readonly url: string;
  private readonly closing = linked();
  private readonly timeoutMs: number;

  /** @throws TypeError where the URL is not one of http or https */
  constructor(private readonly options: TrailGraphClientOptions) {
    const url = new URL(options.url);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(`${options.url} is not an http or https URL.`);
    this.url = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /**
   * A client whose session renews itself. A session ends when it is logged out, revoked or not renewed for long; a program
   * that runs for ever is better off with an API key as its `token`.
   * @throws TrailGraphError (UNAUTHENTICATED, RATE_LIMITED), NoAnswer
   */
  static async login(
    url: string,
    credentials: { email: string; password: string },
    options: Omit<TrailGraphClientOptions, 'url' | 'token'> = {},
  ): Promise<TrailGraphClient> {
    const anonymous = new TrailGraphClient({ ...options, url });
    const { login } = await anonymous.run(LoginDocument, { input: credentials });
    const tokens = new SessionTokens(login, async (refreshToken, timeoutMs) => {
      const { refreshSession } = await anonymous.run(RefreshSessionDocument, { refreshToken }, { timeoutMs });
      return refreshSession;
    });
    return new TrailGraphClient({ ...options, url, token: tokens.current });
  }

  /**
   * Runs a query or a mutation. A token that is refused is asked for once more, where it comes from a function.
   * @throws TrailGraphError, also where only a part of the answer failed; NoAnswer; the signal's reason
   */
  async run<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables: Variables,
    { signal, timeoutMs = this.timeoutMs }: RunOptions = {},
  ): Promise<Result> {
    const stop = linked(this.closing.signal, signal);
    const send = async (token: string | null): Promise<Result> =>
      (await post(document.toString(), variables, {
        url: this.url,
        fetch: this.options.fetch ?? globalThis.fetch,
        token,
        timeoutMs,
        signal: stop.signal,
      })) as Result;
    try {
      const token = await unlessAborted(this.token(), stop.signal);
      return await send(token).catch(async (error: unknown) => {
        // Refused before anything of it ran, unlike a wrong password, which is no matter of the token.
        if (!(error instanceof TrailGraphError && error.status === 401) || token === null) throw error;
        const other = await unlessAborted(this.token(token), stop.signal);
        if (other === token) throw error;
        return send(other);
      });
    } finally {
      stop.unlink();
    }
  }

  /**
   * Subscribes, at once, on a socket of its own, and comes back after each loss of the connection until it is ended: by the
   * signal, by leaving the loop, by `close`. A document that selects `cursor` of `eventEnriched` and takes the variable
   * `after` resumes: it misses nothing and gives nothing twice. Any other goes on with what is new then.
   * @returns iterates over results; throws TrailGraphError where the server says no, FellBehind
   */
  subscribe<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables: Variables,
    options: SubscribeOptions = {},
  ): AsyncIterableIterator<Result> {
    return this.open(document, variables, (data) => data as Result, options);
  }

  /** Events that match, from the cursor or from now on, without a gap and without doubles. See `subscribe`. */
  events({ filter, after, ...options }: EventsOptions = {}): AsyncIterableIterator<EventPartsFragment> {
    const variables = { filter: filter ?? null, after: after ?? null };
    return this.open(
      EventEnrichedDocument,
      variables,
      (data) => (data as { eventEnriched: EventPartsFragment }).eventEnriched,
      options,
    );
  }

  /**
   * The pages of a connection, one after the other.
   * @param variables with `first`, and `after` where it does not begin at the first one
   * @param pick finds the connection in a result
   */
  async *pages<Result, Variables extends { after?: string | null | undefined }, Page extends Pageable>(
    document: TypedDocument<Result, Variables>,
    variables: Variables,
    pick: (result: Result) => Page,
    options: RunOptions = {},
  ): AsyncGenerator<Page, void, undefined> {
    let after = variables.after;
    for (;;) {
      const page = pick(await this.run(document, { ...variables, after }, options));
      yield page;
      const { hasNextPage, endCursor } = page.pageInfo;
      if (!hasNextPage || !endCursor) return;
      after = endCursor;
    }
  }

  /** Ends all subscriptions and fails what is under way. */
  close(): void {
    this.closing.abort(new Error('This client was closed.'));
  }

  private open<Value>(
    document: { toString(): string },
    variables: unknown,
    pick: (data: unknown) => Value,
    options: SubscribeOptions,
  ): AsyncIterableIterator<Value> {
    const parts = {
      url: this.url,
      webSocket: this.webSocket(),
      timeoutMs: this.timeoutMs,
      pingMs: this.options.pingMs ?? PING_MS,
      token: (refused: string | undefined) => this.token(refused),
      head: async (signal: AbortSignal) => (await this.run(LiveCursorDocument, {}, { signal })).liveCursor,
      closed: this.closing.signal,
    };
    const given = { ...(variables as Record<string, unknown>) };
    return new Subscription(parts, document, given, pick, options).results;
  }

  private async token(refused?: string): Promise<string | null> {
    const { token } = this.options;
    return (typeof token === 'function' ? await token(refused) : token) ?? null;
  }

  private webSocket(): WebSocketClass {
    const found = this.options.webSocketImpl ?? (globalThis as { WebSocket?: unknown }).WebSocket;
    if (typeof found === 'function') return found as WebSocketClass;
    throw new TypeError('This runtime has no WebSocket: give `webSocketImpl`, as of the package ws.');
  }
}
