export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON. @throws where it is none */
  json<T = Envelope>(): T;
}

/** What the enrichment API answers. */
export interface Envelope<T = unknown> {
  error: boolean;
  message: string;
  data?: T;
}

export interface RestRequest {
  token?: string | undefined;
  headers?: Record<string, string>;
  /** A string or bytes as they are, anything else as JSON. */
  body?: unknown;
}

/** A plain client of the REST APIs. */
export class RestClient {
  constructor(readonly url: string) {}

  async call(
    method: string,
    path: string,
    { token, headers = {}, body }: RestRequest = {},
  ): Promise<RestAnswer> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
  }

  /** Signs in by /v1/login. */
  async token(credentials: { email: string; password: string }): Promise<string> {
    const answer = await this.call('POST', '/v1/login', { body: credentials });
    if (answer.status !== 200) throw new Error(`login said ${answer.status}: ${answer.text}`);
    return answer.json<Envelope<{ token: string }>>().data!.token;
  }
}
