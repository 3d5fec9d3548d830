import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { trailgraph } from './support/command';
import { hadolint } from './support/deploy-tools';
import { eventually } from './support/eventually';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const ROOT = join(__dirname, '..');
const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');
/** `nobody`, who owns nothing. */
const NOBODY = 65_534;

/** Who runs the program: where root runs the tests, `nobody`, unless the folder of the program is closed to him. */
function unprivileged(): { uid: number; gid: number } | object {
  if (process.getuid?.() !== 0) return {};
  const user = { uid: NOBODY, gid: NOBODY };
  const read = `require(${JSON.stringify(join(ROOT, 'node_modules/fastify/package.json'))})`;
  return spawnSync(process.execPath, ['-e', read], { ...user, cwd: '/' }).status === 0 ? user : {};
}

/** The instructions of the last stage. */
async function imageInstructions(): Promise<{ name: string; rest: string }[]> {
  const lines = (await read('Dockerfile')).replace(/\\\n/g, ' ').split('\n');
  const instructions = lines
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line) => ({ name: line.split(' ')[0]!, rest: line.slice(line.indexOf(' ') + 1).trim() }));
  return instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
}

describe('the image', () => {
  test('runs as a user by number, from a pinned base, without a shell', async () => {
    const all = await imageInstructions();
    const of = (name: string): string[] => all.filter((each) => each.name === name).map(({ rest }) => rest);
    expect(of('USER')).toEqual(['1000:1000']);
    expect(of('FROM')).toEqual([expect.stringMatching(/^node:20-/)]);
    expect(JSON.parse(of('CMD')[0]!)).toEqual(['node', 'dist/main.js']);
    const health = /CMD (\[.*\])$/.exec(of('HEALTHCHECK')[0]!)![1]!;
    expect(JSON.parse(health)).toEqual(['node', 'dist/cli/main.js', 'health']);
    // What is written by root while it is built must not be left to be written to.
    expect(
      all.filter(({ name, rest }) => name === 'COPY' && !rest.endsWith('/data') && rest.includes('--chown')),
    ).toEqual([]);
    expect(all.filter(({ name }) => ['ADD', 'RUN', 'VOLUME'].includes(name))).toEqual([]);
  });

  test('is one that hadolint finds good', async () => {
    expect(await hadolint(join(ROOT, 'Dockerfile'))).toBe('');
  });

  test('has commands that npx finds where it may write nowhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-npx-'));
    try {
      const dropped = /npm pkg delete ([a-zA-Z ]+)/
        .exec(await read('Dockerfile'))![1]!
        .trim()
        .split(' ');
      const described = Object.entries(JSON.parse(await read('package.json')) as object);
      const left = Object.fromEntries(described.filter(([name]) => !dropped.includes(name)));
      await writeFile(join(folder, 'package.json'), JSON.stringify(left));
      await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
      await symlink(join(ROOT, 'dist'), join(folder, 'dist'));
      await symlink('../../dist/cli/main.js', join(folder, 'node_modules/.bin/trailgraph'));
      const ran = spawnSync('npx', ['trailgraph', '--version'], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: '/dev/null/not-there' },
        encoding: 'utf8',
      });
      expect(ran).toMatchObject({ status: 0, stdout: `${(left as { version: string }).version}\n` });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('is built without what is secret or large', async () => {
    const ignored = (await read('.dockerignore')).split('\n');
    for (const name of ['.git', '.env', '.env.*', '*.pem', '*.key', 'data', 'dist', 'node_modules', 'test'])
      expect(ignored).toContain(name);
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    expect(scripts).not.toHaveProperty('postinstall');
  });
});

describe('docker-compose.yml', () => {
  interface Service {
    image?: string;
    volumes?: string[];
    tmpfs?: string[];
    healthcheck?: { test?: string[] };
    read_only?: boolean;
    cap_drop?: string[];
    security_opt?: string[];
    stop_grace_period?: string;
    restart?: string;
    ports?: string[];
  }

  let services: Record<string, Service>;
  beforeAll(async () => {
    ({ services } = parse(await read('docker-compose.yml'), { merge: true }) as {
      services: Record<string, Service>;
    });
  });

  test('gives TrailGraph no more than it needs, and time to end', () => {
    const ours = Object.values(services).filter(({ image }) => image?.startsWith('trailgraph'));
    expect(ours.length).toBeGreaterThan(0);
    for (const service of ours) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      // One that only sets something up has nothing to end.
      if (service.restart !== 'no') expect(service).toMatchObject({ stop_grace_period: '40s' });
    }
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test('asks for health in words that Podman does not take apart at their spaces', () => {
    const tests = Object.values(services).flatMap(({ healthcheck }) =>
      healthcheck?.test ? [healthcheck.test] : [],
    );
    const words = tests.flatMap(([kind, ...rest]) => (kind === 'CMD' ? rest : []));
    expect(words).toContain('mongosh');
    expect(words.filter((word) => word.includes(' '))).toEqual([]);
    expect(tests.filter(([kind, ...rest]) => kind === 'CMD-SHELL' && rest.length !== 1)).toEqual([]);
  });

  test('leaves nothing of MongoDB in a volume without a name, which nobody removes', () => {
    const mongos = Object.values(services).filter(({ image }) => image?.startsWith('mongo:'));
    expect(mongos.length).toBe(5);
    for (const { volumes = [], tmpfs = [] } of mongos) {
      const places = [...volumes.map((volume) => volume.split(':')[1]), ...tmpfs];
      expect(places).toEqual(expect.arrayContaining(['/data/db', '/data/configdb']));
    }
  });
});

describe('the program as an image runs it', () => {
  let app: TestTrailGraph;
  let folder: string;
  beforeAll(async () => {
    app = await startTrailGraph();
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-image-'));
  });
  afterAll(async () => {
    await app.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('starts, works and ends for a user who may write nowhere', async () => {
    // Neither the folder of the program, nor a home, nor one for what is temporary, nor DATA_DIR.
    const nowhere = join(folder, 'not-there');
    const child = spawn(process.execPath, [join(ROOT, 'dist/main.js')], {
      cwd: '/',
      env: {
        PATH: '/usr/bin:/bin',
        ...app.environment,
        ...{ HOME: nowhere, TMPDIR: nowhere, DATA_DIR: nowhere, LOG_LEVEL: 'warn', WORKERS: '1' },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...unprivileged(),
    });
    const ended = once(child, 'exit');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    const complaints = text(child.stderr);
    try {
      const api = /API +(http:\S+)\/graphql/;
      await eventually(() => api.test(said), 'it has started');
      const url = api.exec(said)![1]!;
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      const record = {
        eventTime: '2026-01-02T03:04:05Z',
        eventName: 'ByNobody',
        eventSource: 'ec2.amazonaws.com',
      };
      const pushed = await fetch(`${url}/ingest/direct`, {
        method: 'POST',
        headers: { authorization: `Bearer ${app.api.directToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ Records: [record] }),
      });
      expect(await pushed.json()).toMatchObject({ stored: 1 });
      const { port } = new URL(url);
      const health = await trailgraph(['health'], { environment: { PORT: port } });
      expect(health).toEqual({ code: 0, stdout: `http://127.0.0.1:${port}/livez answers.\n`, stderr: '' });
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(await complaints).toBe('');
    expect(await readdir(folder)).toEqual([]);
  });

  test('is found dead by `trailgraph health` where nothing listens, and not asked where no port is known', async () => {
    const dead = await trailgraph(['health'], { environment: { PORT: '1' } });
    expect(dead).toMatchObject({ code: 1, stdout: '' });
    expect(dead.stderr).toMatch(/http:\/\/127\.0\.0\.1:1\/livez does not answer: .*ECONNREFUSED/);
    const worker = await trailgraph(['health'], { environment: { ROLE: 'worker' } });
    expect(worker).toMatchObject({ code: 2, stderr: expect.stringContaining('Set METRICS_PORT') });
  });
});
