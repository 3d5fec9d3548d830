import { resolve } from 'node:path';
import type { TrailGraph } from './app';
import type { Settings } from './config/settings';

/** What a person who has just started the server needs to know. */
export function startBanner({ api, embedded, demoMade }: TrailGraph, settings: Settings): string {
  if (!api) return '';
  const lines = [
    '',
    'TrailGraph is running.',
    '',
    `  API          ${api.url}/graphql   (WebSocket: ${api.url.replace('http', 'ws')}/graphql)`,
    ...(settings.GRAPHIQL ? [`  GraphiQL     ${api.url}/graphiql`] : []),
    ...(settings.APOLLO_SANDBOX
      ? [`  Sandbox      ${api.url}/sandbox   (Apollo Sandbox; its page comes from the internet)`]
      : []),
    `  Start page   ${api.url}/`,
    '',
    '  First user   `npx trailgraph user create you@example.com`, or in GraphiQL:',
    '               mutation { signUp(input: { email: "you@example.com", password: "..." }) { accessToken } }',
    ...(api.setupToken ? [`               with setupToken: "${api.setupToken}"`] : []),
    ...(embedded
      ? [
          `  Data         ${resolve(settings.DATA_DIR)}   (mongod and valkey-server of our own, stopped with us)`,
        ]
      : []),
    ...(embedded ? ['  Webhooks     may reach loopback addresses, since the servers are embedded'] : []),
    ...(demoMade
      ? [
          '  Demo         a demo source makes 5 events a second; delete the source `demo` when you have seen it',
        ]
      : []),
    '',
    '',
  ];
  return lines.join('\n');
}
