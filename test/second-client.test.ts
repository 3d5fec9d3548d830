import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './support/eventually';
import { opened } from './support/live-state';
import { pipTool } from './support/pip-tool';
import { makePushSource } from './support/pushing';
import { startTcpProxy } from './support/tcp-proxy';
import { ADMIN, startTrailGraph } from './support/trailgraph';

const GQL = {
  name: 'gql',
  packages: [
    'gql==4.0.0',
    'graphql-core==3.2.14',
    'backoff==2.2.1',
    'anyio==4.16.0',
    'typing_extensions==4.16.0',
    // Its transports.
    'websockets==15.0.1',
    'httpx==0.28.1',
    'httpcore==1.0.9',
    'h11==0.16.0',
    'certifi==2026.10.18',
    'idna==3.20',
    'yarl==1.25.1',
    'multidict==7.2.1',
    'propcache==0.5.4',
  ],
};

interface Line {
  viewer?: unknown;
  connected?: string | null;
  event?: { id: string; cursor: string; eventName: string };
}

test('the Python client gql queries, subscribes with a filter, and resumes where it was cut, without a gap and without doubles', async () => {
  const library = await pipTool(GQL);
  const app = await startTrailGraph();
  const admin = await app.admin();
  const source = await makePushSource(app, 'pushed');
  const { hostname, port } = new URL(app.url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  const child = spawn('python3', [join(__dirname, 'support/gql_client.py')], {
    env: {
      PATH: process.env.PATH,
      PYTHONPATH: library,
      URL: `http://127.0.0.1:${proxy.port}/graphql`,
      TOKEN: admin.token!,
      FILTER: JSON.stringify({ eventNames: ['Wanted'] }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const closed = once(child, 'close');
  const lines = (): Line[] =>
    said
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const seen = (): string[] => lines().flatMap(({ event }) => (event ? [event.id] : []));
  const ids: string[] = [];
  const push = async (): Promise<void> => {
    await source.pushNew(2, { eventName: 'Other' });
    ids.push(...(await source.pushNew(3, { eventName: 'Wanted' })));
  };
  try {
    await opened(app, 1);
    expect(lines()[0]).toEqual({ viewer: { role: 'ADMIN', user: { email: ADMIN.email } } });
    await push();
    await eventually(() => seen().length === 3, 'the first events have come');
    for (let round = 1; round <= 3; round++) {
      proxy.cut();
      await push();
      proxy.mend();
      await push();
      await eventually(() => seen().length >= ids.length, 'all has come');
    }
    expect(seen()).toEqual(ids);
    const after = lines().flatMap(({ connected }) => (connected === undefined ? [] : [connected]));
    expect(after.length).toBeGreaterThan(3);
    expect(after[0]).toBeNull();
    expect(after.slice(1).every((cursor) => typeof cursor === 'string')).toBe(true);
  } catch (error) {
    throw new Error(`${String(error)}; it said: ${complaints.slice(-4_000)}`);
  } finally {
    child.kill('SIGKILL');
    await closed;
    await proxy.close();
    await app.stop();
  }
}, 800_000);
