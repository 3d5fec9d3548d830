import type { STSClient } from '@aws-sdk/client-sts';
import { isExpired } from './aws-fault';
import type { RenewedCredentials } from './renewed-credentials';

const SIGNED_WITH = /\bCredential=([^/,\s]+)\//;

/** Has keys that a service answers to have expired forgotten, so that the next call asks for new ones. */
export function forgetExpired(client: Pick<STSClient, 'middlewareStack'>, renewed: RenewedCredentials): void {
  const watch =
    <A extends { request: unknown }, R>(next: (args: A) => Promise<R>) =>
    async (args: A): Promise<R> => {
      try {
        return await next(args);
      } catch (error) {
        // Other calls may have had them renewed meanwhile: only those that signed this one are meant.
        const [, accessKeyId] = SIGNED_WITH.exec(authorizationOf(args.request)) ?? [];
        if (accessKeyId && isExpired(error)) renewed.forget(accessKeyId);
        throw error;
      }
    };
  client.middlewareStack.addRelativeTo(watch, {
    name: 'forgetExpired',
    relation: 'after',
    toMiddleware: 'httpSigningMiddleware',
  });
}

function authorizationOf(request: unknown): string {
  const headers: unknown = typeof request === 'object' && request ? Reflect.get(request, 'headers') : null;
  const value: unknown =
    typeof headers === 'object' && headers ? Reflect.get(headers, 'authorization') : null;
  return typeof value === 'string' ? value : '';
}
