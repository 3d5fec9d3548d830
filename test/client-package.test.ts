import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type CommandResult, runCommand } from '../src/embedded/run-command';
import { launchBrowser } from './support/chromium';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { opened } from './support/live-state';
import { type PackedClient, packClient } from './support/packed-client';
import { makePushSource, type PushSource } from './support/pushing';
import { ADMIN, startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const WITHIN_MS = 240_000;
const NAMES = ['FellBehind', 'NoAnswer', 'TrailGraphClient', 'TrailGraphError'];

describe('@trailgraph/client, packed and installed into an empty folder', () => {
  let client: PackedClient;
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;

  beforeAll(async () => {
    client = await packClient();
    app = await startTrailGraph();
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
  }, 360_000);
  afterAll(async () => {
    await app.stop();
    await client.remove();
  });

  const inFolder = async (name: string, code: string, command: string[]): Promise<CommandResult> => {
    await writeFile(join(client.folder, name), code);
    const [program = '', ...args] = command;
    return runCommand(
      'env',
      ['-C', client.folder, `TOKEN=${admin.token}`, `URL=${app.url}`, program, ...args, name],
      {
        timeoutMs: WITHIN_MS,
      },
    );
  };

  test('holds its modules, their types and what one reads first, and no sources', () => {
    const read = (file: string): { version: string } =>
      JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { version: string };
    expect(client.files.filter((file) => !file.startsWith('dist/types/'))).toEqual([
      'LICENSE',
      'README.md',
      'dist/documents.cjs',
      'dist/documents.d.mts',
      'dist/documents.mjs',
      'dist/graphql.cjs',
      'dist/graphql.mjs',
      'dist/index.cjs',
      'dist/index.d.mts',
      'dist/index.mjs',
      'package.json',
    ]);
    const types = client.files.filter((file) => file.startsWith('dist/types/'));
    expect(types.filter((file) => !file.endsWith('.d.ts'))).toEqual([]);
    expect(read('packages/client/package.json').version).toBe(read('package.json').version);
  });

  test.each([
    [
      'require',
      'main.cjs',
      "const all = require('@trailgraph/client'); const { ViewerDocument } = require('@trailgraph/client/documents'); const { WebSocket } = require('ws');",
    ],
    [
      'import',
      'main.mjs',
      "import * as all from '@trailgraph/client'; import { ViewerDocument } from '@trailgraph/client/documents'; import { WebSocket } from 'ws';",
    ],
  ])('works by %s', async (_, name, imports) => {
    const [id] = await source.pushNew(1, { eventName: name });
    const { cursor } = (
      await admin.run<{ events: { nodes: { cursor: string }[] } }>(
        '{ events(first: 1, orderBy: { field: INGESTED_AT, direction: DESC }) { nodes { cursor } } }',
      )
    ).events.nodes[0]!;
    const [next] = await source.pushNew(1, { eventName: name });
    const code = `${imports}
      const { URL: url, TOKEN: token } = process.env;
      const client = new all.TrailGraphClient({ url, token, webSocketImpl: WebSocket });
      const main = async () => {
        const { viewer } = await client.run(ViewerDocument, {});
        for await (const { id } of client.events({ after: ${JSON.stringify(cursor)} })) {
          console.log(JSON.stringify({ names: Object.keys(all).sort(), role: viewer.role, id }));
          break;
        }
      };
      main();`;
    const { code: exit, stdout, stderr } = await inFolder(name, code, ['node']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const { names, role, id: seen } = JSON.parse(stdout) as { names: string[]; role: string; id: string };
    expect(names.filter((each) => each !== 'default' && each !== 'module.exports')).toEqual(NAMES);
    expect(role).toBe('ADMIN');
    expect(seen).toBe(next);
    expect(seen).not.toBe(id);
  });

  test.each([
    ['packages/client/README.md', { eventName: 'ConsoleLogin' }],
    ['README.md', { errorCode: 'AccessDenied' }],
  ])('does what %s shows', async (name, wanted) => {
    const [, code = ''] = /```js\n(import [\s\S]*?)```/.exec(readFileSync(join(ROOT, name), 'utf8')) ?? [];
    expect(code).toContain("'http://localhost:4000'");
    await writeFile(join(client.folder, 'readme.mjs'), code.replace('http://localhost:4000', app.url));
    const child = spawn('node', ['readme.mjs'], {
      cwd: client.folder,
      env: { PATH: process.env.PATH, TOKEN: admin.token! },
    });
    const closed = once(child, 'close');
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    try {
      await opened(app, 1);
      await source.pushNew(1, { eventName: 'Unwanted' });
      await source.pushNew(1, wanted);
      await eventually(() => said.includes('\n'), 'it prints the event');
      expect(said).toContain('alice');
      expect(said).not.toContain('Unwanted');
    } finally {
      child.kill('SIGKILL');
      await closed;
    }
    await opened(app, 0);
  });

  test('has types that hold without those of Node, by require and import', async () => {
    const code = `
      import { TrailGraphClient, TrailGraphError, type EnrichedEvent } from '@trailgraph/client';
      import { EventsDocument, SourceChangedDocument } from '@trailgraph/client/documents';
      const client = new TrailGraphClient({ url: 'http://localhost:4000', token: async () => 'x' });
      export async function main(): Promise<string | null> {
        const { events } = await client.run(EventsDocument, { first: 1, filter: { outcome: 'FAILURE' } });
        // @ts-expect-error no such variable
        await client.run(EventsDocument, { frist: 1 });
        // @ts-expect-error no such outcome
        client.events({ filter: { outcome: 'PERHAPS' } });
        for await (const { sourceChanged } of client.subscribe(SourceChangedDocument, {})) return sourceChanged.id;
        for await (const event of client.events({ after: 'x' })) {
          const known: EnrichedEvent = event;
          return known.enrichment.geo?.country ?? null;
        }
        const plain = await client.run<{ viewer: { role: string } }, object>('{ viewer { role } }', {});
        for await (const page of client.pages(EventsDocument, { first: 2 }, (result) => result.events))
          return page.nodes[0]?.eventName ?? null;
        const found: string | null | undefined = events.nodes[0]?.eventName;
        // @ts-expect-error not a number
        const wrong: number = found;
        return plain.viewer.role + String(wrong) + String(new TrailGraphError([]).requestId);
      }`;
    const tsc = [
      'node',
      join(ROOT, 'node_modules/typescript/lib/tsc.js'),
      '--noEmit',
      '--strict',
      '--target',
      'ES2022',
    ];
    const node = ['--module', 'Node20', '--lib', 'ES2023,DOM,DOM.AsyncIterable'];
    await writeFile(join(client.folder, 'consumer.cts'), code);
    const { stdout, stderr } = await inFolder('consumer.mts', code, [...tsc, ...node, 'consumer.cts']);
    expect(stdout + stderr).toBe('');
  });

  describe('in a browser', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchBrowser();
    });
    afterAll(() => browser.close());

    test('logs in, queries and subscribes', async () => {
      const page = await browser.newPage({ bypassCSP: true });
      const complaints: string[] = [];
      page.on('console', (message) => void complaints.push(message.text()));
      page.on('pageerror', (error) => void complaints.push(error.message));
      // The modules as they are, under the origin of the server.
      const folders: Record<string, string> = {
        client: join(client.root, 'dist'),
        'graphql-ws': join(ROOT, 'node_modules/graphql-ws/dist'),
      };
      await page.route(`${app.url}/modules/**`, async (route) => {
        const [, , folder = '', file = ''] = new URL(route.request().url()).pathname.split('/');
        const body = await readFile(join(folders[folder]!, file), 'utf8');
        return route.fulfill({ contentType: 'text/javascript', body });
      });
      // A page that the server itself gave; the script, which its policy would not let run, is ours.
      await page.goto(`${app.url}/livez`);
      await page.addScriptTag({ type: 'importmap', content: IMPORTS });
      await page.addScriptTag({ type: 'module', content: SCRIPT });
      await page.waitForFunction('window.start');
      const said = (): Promise<string[]> => page.locator('li').allInnerTexts();
      await page.evaluate(`window.start(${JSON.stringify({ url: app.url, credentials: ADMIN })})`);
      await opened(app, 1);
      expect(await said()).toEqual([ADMIN.email]);
      const ids = await source.pushNew(3, { eventName: 'SeenByBrowser' });
      await eventually(async () => (await said()).length === 4, 'the events are shown');
      expect(await said()).toEqual([ADMIN.email, ...ids]);
      await page.evaluate('window.client.close()');
      await opened(app, 0);
      expect(complaints).toEqual([]);
      await page.close();
    });
  });
});

const IMPORTS = `{ "imports": {
  "@trailgraph/client": "/modules/client/index.mjs",
  "@trailgraph/client/documents": "/modules/client/documents.mjs",
  "graphql-ws/client": "/modules/graphql-ws/client.js"
} }`;

const SCRIPT = `
  import { TrailGraphClient } from '@trailgraph/client';
  import { ViewerDocument } from '@trailgraph/client/documents';
  const say = (text) => document.body.append(Object.assign(document.createElement('li'), { textContent: text }));
  window.start = async ({ url, credentials }) => {
    window.client = await TrailGraphClient.login(url, credentials);
    const { viewer } = await window.client.run(ViewerDocument, {});
    say(viewer.user.email);
    (async () => {
      for await (const { id } of window.client.events({ filter: { eventNames: ['SeenByBrowser'] } })) say(id);
    })();
  };`;
