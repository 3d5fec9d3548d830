import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './support/eventually';
import { GraphqlClient } from './support/graphql-client';
import { ADMIN } from './support/trailgraph';
import { type SpawnedProgram, spawnProgram } from './support/worker-process';

const ROOT = join(__dirname, '..');
const NPM_WITHIN_MS = 220_000;
/** What a user of the package is to get; a folder that is new must be thought about. */
const BELONGS = /^(dist\/|docs\/|schema\/|(CHANGELOG\.md|LICENSE|NOTICE|README\.md|package\.json)$)/;
const DOES_NOT =
  /(^|\/)(test|src|node_modules|\.env|\.git|\.npmrc|data)(\/|$)|\.map$|\.tsbuildinfo$|-stamp$|\.(pem|key)$/;
const MOST_BYTES = 12_000_000;

interface Packed {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

const run = (command: string, args: string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd, timeout: NPM_WITHIN_MS, maxBuffer: 16 * 1024 * 1024 });

describe('the package that npm packs', () => {
  let folder: string;
  let packed: Packed;
  let program: SpawnedProgram | null = null;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-packed-'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], ROOT);
    // What is built first says so before the list.
    [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [Packed];
  }, NPM_WITHIN_MS);
  afterAll(async () => {
    program?.kill('SIGKILL');
    await program?.ended(10_000);
    await rm(folder, { recursive: true, force: true });
  });

  test('holds what runs and what is read, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'dist/main.js',
        'dist/cli/main.js',
        'dist/web/home/index.html',
        'dist/web/graphiql/index.html',
        'schema/schema.graphql',
        'docs/configuration.md',
        'NOTICE',
      ]),
    );
    expect(paths.filter((path) => !BELONGS.test(path) || DOES_NOT.test(path))).toEqual([]);
    process.stdout.write(`the package: ${packed.size} bytes, ${packed.unpackedSize} unpacked\n`);
    expect(packed.size).toBeLessThan(MOST_BYTES);
  });

  test('installs in an empty folder, starts there, takes an event and answers with it', async () => {
    // Else npm takes a folder above it that has packages.
    const options = ['--prefix', folder, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['install', ...options, packed.filename], folder);
    const modules = join(folder, 'node_modules');
    const manifest = await readFile(join(modules, 'trailgraph/package.json'), 'utf8');
    const { stdout: version } = await run(join(modules, '.bin/trailgraph'), ['--version'], folder);
    expect(version.trim()).toBe((JSON.parse(manifest) as { version: string }).version);

    const environment = { DATA_DIR: join(folder, 'data'), PORT: '0', WORKERS: '1', LOG_LEVEL: 'warn' };
    program = spawnProgram(environment, join(modules, '.bin/trailgraph-server'));
    const api = /API +(http:\S+)\/graphql/;
    await eventually(() => api.test(program!.output()), 'the banner is printed', 120_000);
    const url = api.exec(program.output())![1]!;
    // Its servers are its own, so it listens on this machine alone.
    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await fetch(`${url}/graphiql/`)).status).toBe(200);

    const anonymous = new GraphqlClient(url);
    const { signUp } = await anonymous.run<{ signUp: { accessToken: string } }>(
      'mutation ($input: CredentialsInput!) { signUp(input: $input) { accessToken } }',
      { input: ADMIN },
    );
    const admin = anonymous.as(signUp.accessToken);
    const record = {
      eventTime: new Date().toISOString(),
      eventName: 'Packed',
      sourceIPAddress: '130.225.0.1',
    };
    const body = JSON.stringify({ Records: [record] });
    const headers = { authorization: `Bearer ${admin.token}`, 'content-type': 'application/json' };
    // Its worker starts after it: until then the door says 503. What is sent again counts once.
    await eventually(
      async () => (await fetch(`${url}/ingest/direct`, { method: 'POST', headers, body })).status === 200,
      'the event is stored',
    );
    const { events } = await admin.run<{ events: { nodes: object[] } }>(
      '{ events(first: 5, filter: { eventNames: ["Packed"] }) { nodes { eventName enrichment { geo { country } } } } }',
    );
    expect(events.nodes).toEqual([{ eventName: 'Packed', enrichment: { geo: { country: 'Denmark' } } }]);
    program.kill('SIGTERM');
    expect(await program.ended(30_000)).toEqual({ code: 0, signal: null });
    expect(program.output()).not.toMatch(/"level":(50|60)/);
  }, 240_000);
});
