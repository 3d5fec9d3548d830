import type { GraphiQL } from 'graphiql';
import { type DocumentNode, getOperationAST, parse } from 'graphql';
import type { ComponentProps } from 'react';
import { plainHeaders, postGraphQL, problemResult } from './graphql-http';
import { liveResults } from './live';
import type { Session } from './session';

type Fetcher = ComponentProps<typeof GraphiQL>['fetcher'];

/**
 * GraphiQL's way to the server: queries and mutations over HTTP, subscriptions over WebSocket, both with the same
 * Authorization: the one in the tab's headers editor, else the session's.
 */
export function createFetcher(session: Session): Fetcher {
  return async (params, options) => {
    const document = parsed(params.query);
    const request = {
      ...params,
      operationName: document ? nameIn(document, params.operationName) : undefined,
    };
    const operation = document && getOperationAST(document, request.operationName);
    const edited = plainHeaders(options?.headers);
    if (operation?.operation === 'subscription') {
      return liveResults(
        request,
        operation,
        async () => edited.authorization ?? (await session.authorization()),
        () => edited.authorization ?? session.currentAuthorization(),
      );
    }
    const authorization = edited.authorization ?? (await session.authorization());
    const headers = authorization ? { ...edited, authorization } : edited;
    return postGraphQL(request, headers).then(({ result }) => result, problemResult);
  };
}

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    // Not GraphQL: sent as it is, so that the server says what is wrong with it.
    return undefined;
  }
}

/** For a moment after a change of tabs GraphiQL still gives the name of the tab before: that one is left out. */
function nameIn(document: DocumentNode, name: string | null | undefined): string | undefined {
  return name && getOperationAST(document, name) ? name : undefined;
}
