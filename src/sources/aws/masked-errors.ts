import { masked } from '../../domain/mask';

/** What is needed of a client of the SDK, whatever its service. */
interface AnyClient {
  config: { credentials: () => Promise<Keys> };
  middlewareStack: { add(middleware: Middleware, options: object): void };
}

interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

type Handler = (args: unknown) => Promise<unknown>;
type Middleware = (next: Handler) => Handler;

/** Members of the SDK's errors whose text is the service's own. */
const TOLD = ['message', 'name', 'Code', 'stack'] as const;

/**
 * Has the client's errors keep its credentials to themselves: an endpoint is sent the key's id and the session token,
 * and may say them back in what it calls an error.
 */
export function maskErrors<C extends object>(client: C): C {
  const { config, middlewareStack } = client as unknown as AnyClient;
  const middleware: Middleware = (next) => async (args) => {
    try {
      return await next(args);
    } catch (error) {
      // Without credentials nothing was sent.
      const keys = await config.credentials().catch(() => null);
      if (keys) mask(error, [keys.accessKeyId, keys.secretAccessKey, keys.sessionToken ?? '']);
      throw error;
    }
  };
  middlewareStack.add(middleware, { step: 'initialize', priority: 'high', name: 'maskErrors' });
  return client;
}

function mask(error: unknown, secrets: string[]): void {
  if (typeof error !== 'object' || error === null) return;
  for (const member of TOLD) {
    const text: unknown = Reflect.get(error, member);
    if (typeof text !== 'string') continue;
    const shown = masked(text, secrets);
    if (shown !== text) Reflect.set(error, member, shown);
  }
}
