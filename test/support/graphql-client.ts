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

/** A plain client of /graphql over HTTP. */
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
    const { data, errors } = await this.raw<T>(query, variables);
    if (errors || !data) throw new Error(`GraphQL said: ${JSON.stringify(errors)}`);
    return data;
  }
}
