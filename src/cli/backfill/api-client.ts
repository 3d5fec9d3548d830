import { messageOf } from '../../domain/errors';
import type { TypedDocumentString } from '../../generated/graphql';
import { CommandFailure, EXIT } from '../failure';

/** A server, and the access token of an OPERATOR. */
export interface Api {
  server: string;
  token: string;
}

const ANSWER_MS = 15_000;

/** The server does not answer now; it may later. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

/**
 * Asks the server's API.
 * @throws CommandFailure where it refuses, NoAnswer where it does not answer
 */
export async function ask<R, V>(api: Api, document: TypedDocumentString<R, V>, variables: V): Promise<R> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`${api.server}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: document.toString(), variables }),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    answer = await response.json().catch(() => null); // A proxy's page, for one.
  } catch (error) {
    const { cause } = error as { cause?: { code?: unknown } };
    const why = typeof cause?.code === 'string' ? cause.code : messageOf(error);
    throw new NoAnswer(`No server answers at ${api.server} (${why}).`);
  }
  const { data, errors } = (answer ?? {}) as {
    data?: R | null;
    errors?: { message: string; extensions?: { code?: string } }[];
  };
  const [first] = errors ?? [];
  if (first) throw refusal(api, first.message, first.extensions?.code);
  if (!data) {
    if (response.status >= 500) throw new NoAnswer(`${api.server} answers ${response.status}.`);
    throw new CommandFailure(
      `${api.server} answers ${response.status}, but not as TrailGraph does: is the URL right?`,
    );
  }
  return data;
}

function refusal({ server }: Api, message: string, code: string | undefined): Error {
  if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') {
    return new CommandFailure(
      `${server} refused the token: ${message} Set TRAILGRAPH_TOKEN to the access token of an OPERATOR.`,
    );
  }
  if (code === 'UNAVAILABLE') return new NoAnswer(`${server}: ${message}`);
  return new CommandFailure(`${server}: ${message}`, EXIT.incomplete);
}
