import type { GraphqlAnswer } from './graphql-client';
import type { TestTrailGraph } from './trailgraph';

export interface CallOptions {
  /** An access token or an API key. */
  token?: string;
  /** The address that a trusted proxy tells. */
  from?: string;
}

export interface Called<T> extends GraphqlAnswer<T> {
  /** Of the first error. */
  code: string | undefined;
  retryAfter: string | null;
}

/** Asks /graphql as somebody, from somewhere. */
export async function call<T = Record<string, unknown>>(
  { url }: Pick<TestTrailGraph, 'url'>,
  query: string,
  variables: Record<string, unknown> = {},
  { token, from }: CallOptions = {},
): Promise<Called<T>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(from ? { 'x-forwarded-for': from } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as GraphqlAnswer<T>;
  const code = answer.errors?.[0]?.extensions.code;
  return { ...answer, code, retryAfter: response.headers.get('retry-after') };
}

let made = 0;

/** An address that nobody used before, so that what one test fails at does not slow down another. */
export function newAddress(): string {
  made++;
  return `198.51.${100 + (made >> 8)}.${made & 255}`;
}
