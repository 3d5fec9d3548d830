import type { ApolloServerPlugin } from '@apollo/server';
import type { Context } from '../graphql/context';

/** Tells in the header Retry-After what an error of the answer says of it; the longest, where there are several. */
export const RETRY_AFTER: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    willSendResponse: async ({ response: { body, http } }) => {
      const errors = body.kind === 'single' ? (body.singleResult.errors ?? []) : [];
      const seconds = errors.map(({ extensions }) => Number(extensions?.retryAfterSeconds ?? 0));
      const longest = Math.max(0, ...seconds);
      if (longest > 0) http.headers.set('retry-after', String(longest));
    },
  }),
};
