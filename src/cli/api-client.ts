import type { TypedDocument } from '../client/document';
import { NoAnswer as NoAnswerOfApi, TrailGraphError } from '../client/errors';
import { type Pageable, TrailGraphClient } from '../client/trailgraph-client';
import type { CommandSettings } from '../config/settings';
import { CommandFailure, EXIT } from './failure';
import { noServerAt } from './no-server';
import { noteIn } from './running-server';

export interface ApiQuestion {
  /** Given by option. */
  url: string | null;
  dataDir: string | null;
  settings: CommandSettings;
}

/** Where TRAILGRAPH_TOKEN comes from, for commands that speak with the API. */
const TOKEN_NEEDED =
  'Set TRAILGRAPH_TOKEN to an API key or the access token of an OPERATOR, as `login` gives it; an ingest token opens only /ingest.';
const ANSWER_MS = 60_000;

/**
 * The API of the server that is named, else of the one that runs at this machine.
 * @throws CommandFailure where there is no server, or no token for it
 */
export async function findApi({ url, dataDir, settings }: ApiQuestion): Promise<ApiClient> {
  const folder = dataDir ?? settings.DATA_DIR;
  const server = url ?? (await noteIn(folder))?.url;
  if (server === undefined) {
    throw new CommandFailure(
      `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or name another one with --url.`,
    );
  }
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new CommandFailure(`--url ${server} is not an http or https URL, such as http://localhost:4000.`);
  }
  if (settings.TRAILGRAPH_TOKEN === undefined) throw new CommandFailure(TOKEN_NEEDED);
  return new ApiClient(server.replace(/\/+$/, ''), settings.TRAILGRAPH_TOKEN);
}

/** The server does not answer now; it may later. */
export class NoAnswer extends CommandFailure {
  override name = 'NoAnswer';
}

/** Runs the documents of schema/operations on a server, and says what went wrong as commands do. */
export class ApiClient {
  private readonly client: TrailGraphClient;

  constructor(
    readonly server: string,
    token: string,
  ) {
    this.client = new TrailGraphClient({ url: server, token, timeoutMs: ANSWER_MS });
  }

  /** @throws CommandFailure with what the server said, NoAnswer where it may say something else later */
  run<R, V>(document: TypedDocument<R, V>, variables: V): Promise<R> {
    return this.client.run(document, variables).catch((error: unknown) => {
      throw this.failureOf(error);
    });
  }

  /** The pages of a connection, one after the other. @throws as `run` */
  async *pages<R, V extends { after?: string | null | undefined }, P extends Pageable>(
    document: TypedDocument<R, V>,
    variables: V,
    pick: (result: R) => P,
  ): AsyncGenerator<P, void, undefined> {
    try {
      yield* this.client.pages(document, variables, pick);
    } catch (error) {
      throw this.failureOf(error);
    }
  }

  private failureOf(error: unknown): unknown {
    const { server } = this;
    if (error instanceof NoAnswerOfApi) {
      if (error.status !== null) return new NoAnswer(error.message);
      return new NoAnswer(noServerAt(server, error.reason));
    }
    if (!(error instanceof TrailGraphError)) return error;
    const { code, message, status } = error;
    if (status === 401 || code === 'UNAUTHENTICATED')
      return new CommandFailure(`${server} does not know the token. ${TOKEN_NEEDED}`);
    if (code === 'FORBIDDEN') return new CommandFailure(`${server} refused: ${message}`);
    if (code === 'UNAVAILABLE') return new NoAnswer(`${server}: ${message}`);
    if (code === 'BAD_ANSWER') return new CommandFailure(message);
    return new CommandFailure(message, EXIT.incomplete);
  }
}
