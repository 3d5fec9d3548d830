import type { ApolloServerPlugin } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import type { Context } from '../graphql/context';
import type { AskedOperation } from './admission';
import type { Told } from './request-rates';

/** What is known of an operation over HTTP once it was let in. */
export interface HttpContext extends Context {
  /** The document that was let in; no other may run. */
  text: string | undefined;
  told: Told;
}

/** What a request asks for, read as Apollo reads it. */
export function askedIn(request: FastifyRequest): AskedOperation {
  if (request.method !== 'GET') {
    const { body } = request;
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  }
  const parameters = new URL(request.url, 'http://localhost').searchParams;
  const asked: Record<string, unknown> = Object.fromEntries(parameters);
  for (const name of ['variables', 'extensions']) asked[name] = parsedJson(parameters.get(name));
  return asked;
}

/** What is no JSON is refused by Apollo. */
function parsedJson(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Runs the document that was let in, tells what it cost, and gives HTTP's form to a limit that a resolver found. */
export const TELL_AND_SUBSTITUTE: ApolloServerPlugin<HttpContext> = {
  requestDidStart: async ({ request, contextValue }) => {
    request.query = contextValue.text;
    if (request.extensions) request.extensions = { ...request.extensions, persistedQuery: undefined };
    return {
      willSendResponse: async ({ response: { body, http }, contextValue: { told } }) => {
        if (body.kind !== 'single') return;
        const { singleResult } = body;
        singleResult.extensions = { ...singleResult.extensions, ...told };
        const limited = singleResult.errors?.find(({ extensions }) => extensions?.code === 'RATE_LIMITED');
        if (!limited || singleResult.data) return;
        http.status = 429;
        http.headers.set('retry-after', String(limited.extensions?.retryAfterSeconds));
      },
    };
  },
};
