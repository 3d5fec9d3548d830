import type { CommandSettings } from '../config/settings';
import { messageOf } from '../domain/errors';
import type { TypedDocumentString } from '../generated/graphql';
import { CommandFailure, EXIT } from './failure';
import { noteIn } from './running-server';

export interface ApiQuestion {
  /** Given by option. */
  url: string | null;
  dataDir: string | null;
  settings: CommandSettings;
}

/** Where TRAILGRAPH_TOKEN comes from, for commands that speak with the API. */
const TOKEN_NEEDED =
  'Set TRAILGRAPH_TOKEN to the access token of an OPERATOR, as `login` gives it; an ingest token opens only /ingest.';
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

interface Answer {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** Runs the documents of schema/operations on a server. */
export class ApiClient {
  constructor(
    readonly server: string,
    private readonly token: string,
  ) {}

  /** @throws CommandFailure with what the server said, NoAnswer where it may say something else later */
  async run<R, V>(document: TypedDocumentString<R, V>, variables: V): Promise<R> {
    const { status, answer } = await this.post(JSON.stringify({ query: document.toString(), variables }));
    const [error] = answer?.errors ?? [];
    const code = error?.extensions?.code;
    if (status === 401 || code === 'UNAUTHENTICATED')
      throw new CommandFailure(`${this.server} does not know the token. ${TOKEN_NEEDED}`);
    if (code === 'FORBIDDEN') throw new CommandFailure(`${this.server} refused: ${error?.message}`);
    if (code === 'UNAVAILABLE') throw new NoAnswer(`${this.server}: ${error?.message}`);
    if (error) throw new CommandFailure(error.message, EXIT.incomplete);
    if (!answer?.data) {
      if (status >= 500) throw new NoAnswer(`${this.server} answers ${status}.`);
      throw new CommandFailure(
        `${this.server} answers ${status}, but not as TrailGraph does: is the URL right?`,
      );
    }
    return answer.data as R;
  }

  private async post(body: string): Promise<{ status: number; answer: Answer | null }> {
    try {
      const response = await fetch(`${this.server}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      return { status: response.status, answer: parsed(text) };
    } catch (error) {
      const { cause } = error as { cause?: { code?: unknown } };
      const reason = typeof cause?.code === 'string' ? cause.code : messageOf(cause ?? error);
      throw new NoAnswer(
        `No server answers at ${this.server} (${reason}): start it with \`npm start\`, or name another one with --url.`,
      );
    }
  }
}

function parsed(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer | null;
  } catch {
    return null; // A proxy's page, for one.
  }
}
