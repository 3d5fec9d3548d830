import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { cacheFolder } from '../src/cache-folder';
import { listenAt } from '../src/server/listen';
import { trailgraph } from './support/command';
import { spawnProgram } from './support/worker-process';

const ENDS_WITHIN_MS = 60_000;

/** What a server says that does not start. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const program = spawnProgram(environment);
  expect(await program.ended(ENDS_WITHIN_MS)).toEqual({ code: 1, signal: null });
  expect(program.output()).not.toContain('    at ');
  return program.output();
}

describe('a server that can not start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-faults-'));
    await writeFile(join(folder, 'file'), '');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('tells of a master key that is none, and of one that is missing, with all other faults', async () => {
    const stores = { MONGODB_URI: 'mongodb://127.0.0.1:1/x', REDIS_URL: 'redis://127.0.0.1:1' };
    expect(await refusal({ ...stores, PORT: 'x' })).toBe(
      `TrailGraph could not start: The settings are not right:
  PORT: must be a whole number from 0 to 65535
  TRAILGRAPH_MASTER_KEY must be set beside MONGODB_URI and REDIS_URL: 32 random bytes that seal secrets at rest, as \`openssl rand -base64 32\` makes them
`,
    );
    const told = await refusal({ ...stores, PORT: 'x', TRAILGRAPH_MASTER_KEY: 'abc', ROLE: 'api' });
    expect(told).toContain('  TRAILGRAPH_MASTER_KEY: a master key is 32 random bytes');
    expect(told).toContain('  PORT: ');
    expect(told).not.toContain('must be set');
  });

  test('says in one line that DATA_DIR is no folder, and what to set', async () => {
    for (const [dataDir, code] of [
      [join(folder, 'file'), 'EEXIST'],
      [join(folder, 'file', 'data'), 'ENOTDIR'],
    ] as const) {
      const told = await refusal({ DATA_DIR: dataDir, PORT: '0' });
      expect(told.trim().split('\n')).toHaveLength(1);
      expect(told).toContain(`DATA_DIR ${dataDir} can't be used (${code}: `);
      expect(told).toContain('set it to a folder that this user may make and write');
    }
  });

  test('says which setting to change where it can not listen', async () => {
    const listen = (host: string): Promise<void> => listenAt(Fastify(), { host, port: 0, setting: 'PORT' });
    await expect(listen('203.0.113.9')).rejects.toMatchObject({
      name: 'Invalid',
      message: expect.stringMatching(/^HOST 203\.0\.113\.9 is no address of this machine: set it/),
    });
    await expect(listen('nowhere.invalid')).rejects.toMatchObject({
      name: 'Invalid',
      message: expect.stringMatching(/^HOST nowhere\.invalid is no address, and no name that leads to one/),
    });
  });
});

test('a user without a home keeps fetched programs with the data', () => {
  const home = (): string => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  const dataDir = '/data';
  expect(cacheFolder({ cacheHome: undefined, home, dataDir })).toBe('/data/cache');
  expect(cacheFolder({ cacheHome: '/var/cache', home, dataDir })).toBe('/var/cache/trailgraph');
  expect(cacheFolder({ cacheHome: '', home: () => '/home/ann', dataDir })).toBe(
    '/home/ann/.cache/trailgraph',
  );
});

test('`trailgraph health` that hears nothing says what may be amiss', async () => {
  const { code, stderr } = await trailgraph(['health'], { environment: { PORT: '1' } });
  expect(code).toBe(1);
  expect(stderr).toMatch(/127\.0\.0\.1:1\/livez does not answer: .*ECONNREFUSED.* Is the server up/);
});
