import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

type Policy = Record<string, string[]>;

/** What no answer of ours needs, whatever it is. */
const NOTHING: Policy = {
  'default-src': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

/** `connect-src 'self'` holds for WebSockets to the same host as well. */
const HOME: Policy = {
  ...NOTHING,
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
};

/** Its editor (Monaco) runs workers of its own files, and writes style sheets and `style` attributes as it goes. */
const GRAPHIQL: Policy = {
  ...HOME,
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'worker-src': ["'self'"],
};

const SANDBOX_SCRIPTS = 'https://embeddable-sandbox.cdn.apollographql.com';
const SANDBOX_ASSETS = 'https://apollo-server-landing-page.cdn.apollographql.com';
/** Of the scripts and styles that Apollo writes into its page. */
const NONCE = /<script nonce="([0-9a-f]{64})"/;

/** The Content-Security-Policy of our own pages and of the files that they load. */
export const PAGE_POLICIES = { home: textOf(HOME), graphiql: textOf(GRAPHIQL) };

/** Of an answer that is given before any hook runs. */
export const BARE_ANSWER_HEADERS = {
  'content-security-policy': textOf(NOTHING),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

/**
 * Puts the headers on every answer that tell a browser how little it may do with it. An answer may load and run
 * nothing, unless its route says otherwise. HTTPS is asked for henceforth where the request came by it: by our own TLS,
 * or as a proxy of TRUST_PROXY says.
 */
export async function addSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: NOTHING },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: false,
  });
  app.addHook('onRequest', async (request, reply) => {
    // A year. Subdomains are somebody else's.
    if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000');
  });
}

/**
 * The headers of the page of Apollo Sandbox: it loads a script of Apollo's, which shows a page of Apollo's in a frame and
 * asks our API for it.
 * @returns none where the text is another one
 */
export function sandboxHeaders(page: string): Record<string, string> {
  const nonce = NONCE.exec(page)?.[1];
  if (nonce === undefined) return {};
  const policy = textOf({
    ...NOTHING,
    'script-src': [`'nonce-${nonce}'`],
    'style-src': [`'nonce-${nonce}'`, SANDBOX_SCRIPTS, 'https://fonts.googleapis.com'],
    'font-src': ['https://fonts.gstatic.com'],
    'img-src': [SANDBOX_ASSETS],
    'manifest-src': [SANDBOX_ASSETS],
    'frame-src': ['https://sandbox.embed.apollographql.com'],
    'connect-src': ["'self'"],
  });
  // Signing in to Apollo opens a window, which must find back.
  return { 'content-security-policy': policy, 'cross-origin-opener-policy': 'same-origin-allow-popups' };
}

function textOf(policy: Policy): string {
  return Object.entries(policy)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}
