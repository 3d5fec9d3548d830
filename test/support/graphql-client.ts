import { TrailGraphError } from '../../src/client/errors';
import { TrailGraphClient } from '../../src/client/trailgraph-client';

const ANSWER_MS = 60_000;
/** A server on a busy machine may be so late with what it has already kept. */
const STORED_WITHIN_MS = 120_000;

export interface GraphqlAnswer<T> {
  data?: T | null;
  errors?: {
    message: string;
    path?: (string | number)[];
    extensions: {
      code: string;
      fields?: { path: (string | number)[]; message: string }[];
      [key: string]: unknown;
    };
  }[];
}

/** A client of /graphql over HTTP: by @trailgraph/client, or as it stands on the wire. */
export class GraphqlClient {
  constructor(
    readonly url: string,
    readonly token: string | null = null,
  ) {}

  as(token: string): GraphqlClient {
    return new GraphqlClient(this.url, token);
  }

  async raw<T>(query: string, variables: Record<string, unknown> = {}): Promise<GraphqlAnswer<T>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphqlAnswer<T>;
  }

  /** @throws where the answer has errors */
  async run<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const { url, token } = this;
    const client = new TrailGraphClient({ url, ...(token ? { token } : {}), timeoutMs: ANSWER_MS });
    return client.run<T, Record<string, unknown>>(query, variables).catch((error: unknown) => {
      if (!(error instanceof TrailGraphError)) throw error;
      throw new Error(`GraphQL said: ${JSON.stringify(error.errors)}`, { cause: error });
    });
  }

  /** Has records stored: sent again, as the server then asks, while it has kept but not yet stored them. */
  async ingest(records: object[]): Promise<void> {
    const giveUpAt = Date.now() + STORED_WITHIN_MS;
    for (;;) {
      const { errors } = await this.raw(
        'mutation ($records: [JSON!]!) { ingestEvents(records: $records) { stored } }',
        { records },
      );
      if (!errors) return;
      const late = errors.every(({ extensions }) => extensions.code === 'UNAVAILABLE');
      if (!late || Date.now() > giveUpAt) throw new Error(`GraphQL said: ${JSON.stringify(errors)}`);
    }
  }
}
