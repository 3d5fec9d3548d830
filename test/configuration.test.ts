import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBox } from '../src/auth/secret-box';
import { printConfig } from '../src/cli/config/config';
import type { Check } from '../src/cli/doctor/check';
import { examine } from '../src/cli/doctor/doctor';
import { checkNode, judgeDisk, judgeGeoData } from '../src/cli/doctor/local-checks';
import { describedSettings } from '../src/config/catalogue';
import { readCommandSettings, readSettings } from '../src/config/environment';
import { configurationPage } from '../src/config/markdown';
import { unknownNames } from '../src/config/unknown-names';
import { connectStore, type StoreConnection } from '../src/store/connection';
import { ensureIndexes } from '../src/store/indexes';
import { OwnValkey } from './support/own-valkey';

const KEY = Buffer.alloc(32, 7).toString('base64');

describe('the settings', () => {
  test.each([
    ['TRAILGRAPH_MASTERKEY', 'TRAILGRAPH_MASTER_KEY'],
    ['TRAILGRAPH_MASTER_KEY_FIL', 'TRAILGRAPH_MASTER_KEY_FILE'],
    ['TRAILGRPAH_PREFIX', 'TRAILGRAPH_PREFIX'],
    ['TRAILGRAPH_TOKNE', 'TRAILGRAPH_TOKEN'],
    ['TRAIL_GRAPH_LEASE_SECONDS', 'TRAILGRAPH_LEASE_SECONDS'],
  ])('refuse %s, which is nearly %s, without its value', (name, meant) => {
    for (const read of [readSettings, readCommandSettings]) {
      expect(() => read({ [name]: 'hush' })).toThrow(`${name} is no setting: ${meant} is one`);
      expect(() => read({ [name]: 'hush' })).not.toThrow('hush');
    }
  });

  test('go on with names that only begin like ours, and leave those of Kubernetes alone', () => {
    const ofKubernetes = ['SERVICE_HOST', 'SERVICE_PORT', 'SERVICE_PORT_HTTP', 'PORT', 'PORT_4000_TCP'];
    const ofPods = ['PORT_4000_TCP_ADDR', 'API_SERVICE_HOST', 'API_PORT_4000_TCP_PROTO'];
    const names = [...ofKubernetes, ...ofPods, 'COLOUR'].map((name) => `TRAILGRAPH_${name}`);
    const environment = Object.fromEntries([...names, 'PATH', 'PORTS'].map((name) => [name, 'x']));
    expect(readSettings(environment).PORT).toBe(4000);
    expect(unknownNames(environment)).toEqual([{ name: 'TRAILGRAPH_COLOUR', meant: null }]);
  });

  test('tell faults of settings that need each other with all the others', () => {
    const environment = { ROLE: 'api', PORT: 'eighty', RETENTION_DAYS: '6', PERSISTED_OPERATIONS: 'only' };
    let told = '';
    try {
      readSettings({ ...environment, REDIS_URL_FILE: '/nowhere', TRAILGRAPH_PREFIXX: 'x' });
    } catch (error) {
      told = (error as Error).message;
    }
    expect(told.split('\n  ')).toEqual([
      'The settings are not right:',
      'TRAILGRAPH_PREFIXX is no setting: TRAILGRAPH_PREFIX is one',
      "REDIS_URL_FILE can't be read: ENOENT: no such file or directory, open '/nowhere'",
      'PORT: must be a whole number from 0 to 65535',
      'RETENTION_DAYS: must be a whole number from 7 to 36500',
      'PERSISTED_OPERATIONS_FILE must name the manifest for PERSISTED_OPERATIONS=only',
      'MONGODB_URI must be set for ROLE=api',
      'TRAILGRAPH_MASTER_KEY must be set for ROLE=api',
    ]);
  });

  test('name stores by URIs of their kinds, and Sentinels by host and port; a fault does not repeat the value', () => {
    const faulty: [Record<string, string>, string][] = [
      [{ MONGODB_URI: 'http://hush' }, 'MONGODB_URI: must begin with mongodb:// or mongodb+srv://'],
      [{ REDIS_URL: 'http://hush' }, 'REDIS_URL: must begin with redis:// or rediss://'],
      [{ REDIS_URL: 'hush' }, 'REDIS_URL: must be a URL: redis://'],
      [{ REDIS_URL: 'redis://hush:1,hush:2' }, 'Valkey Cluster is not supported'],
      [{ REDIS_URL: 'redis://host/hush' }, 'REDIS_URL: what follows the host must be the number'],
      [{ REDIS_URL: 'redis://host', REDIS_SENTINELS: 'hush:port' }, 'REDIS_SENTINELS: must be host:port'],
      [{ REDIS_SENTINELS: 'a:1' }, 'REDIS_URL must be set beside REDIS_SENTINELS'],
    ];
    for (const [environment, told] of faulty) {
      const read = () => readSettings(environment);
      expect(read).toThrow(told);
      expect(read).not.toThrow('hush');
    }
    const { REDIS_SENTINELS } = readSettings({
      REDIS_URL: 'rediss://user:pass@any',
      REDIS_SENTINELS: 'one, two:1,[fd00::3]:3',
    });
    expect(REDIS_SENTINELS).toEqual([
      { host: 'one', port: 26_379 },
      { host: 'two', port: 1 },
      { host: 'fd00::3', port: 3 },
    ]);
  });

  test('are documented as docs/configuration.md says', async () => {
    const committed = await readFile(join(__dirname, '../docs/configuration.md'), 'utf8');
    expect(configurationPage()).toBe(committed);
    for (const { name, description } of describedSettings()) {
      expect(`${name}: ${description}`).toMatch(/: [A-Z0-9].{10,}\.$/);
      expect(committed).toContain(`| \`${name}\` |`);
    }
  });
});

describe('trailgraph config', () => {
  const run = async (environment: Record<string, string>, form: 'json' | 'table') => {
    let out = '';
    let complaints = '';
    const code = await printConfig({
      form,
      out: null,
      environment,
      print: (text) => {
        out += text;
      },
      complain: (text) => {
        complaints += text;
      },
    });
    return { code, out, complaints };
  };

  test('tells what is in force and where it comes from, and no secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trailgraph-config-'));
    const file = join(folder, 'key');
    const key = Buffer.from('hush of the file, 32 bytes long.').toString('base64');
    await writeFile(file, `${key}\n`);
    const environment = {
      MONGODBCONNECTION: 'mongodb://u:hush@db/x',
      TRAILGRAPH_TOKEN: 'hush-token',
      TRAILGRAPH_MASTER_KEY_FILE: file,
      RETENTION_DAYS: '30',
      WEBHOOK_NO_PROXY: 'a.example, b.example',
    };
    const json = await run(environment, 'json');
    const table = await run(environment, 'table');
    await rm(folder, { recursive: true });
    expect(json).toMatchObject({ code: 0, complaints: '' });
    const { settings, faults } = JSON.parse(json.out) as { settings: { name: string }[]; faults: string[] };
    expect(faults).toEqual([]);
    const of = (name: string) => settings.find((each) => each.name === name);
    expect(of('RETENTION_DAYS')).toMatchObject({ value: '30', from: 'environment', secret: false });
    expect(of('MONGODB_URI')).toMatchObject({ value: null, secret: true, variable: 'MONGODBCONNECTION' });
    expect(of('TRAILGRAPH_MASTER_KEY')).toMatchObject({ value: null, from: 'file', file });
    expect(of('GRAPHIQL')).toMatchObject({ value: 'on', from: 'default', variable: null });
    expect(settings.map(({ name }) => name)).toEqual(describedSettings().map(({ name }) => name));
    expect(table.out).toMatch(/^RETENTION_DAYS +30 +environment$/m);
    expect(table.out).toMatch(/^MONGODB_URI +\[secret\] +environment \(MONGODBCONNECTION\)$/m);
    expect(table.out).toMatch(/^WEBHOOK_NO_PROXY +"a\.example, b\.example" +environment$/m);
    expect(table.out).toMatch(/^REDIS_URL +- \(an embedded one\) +default$/m);
    for (const secret of ['hush', key]) expect(json.out + table.out).not.toContain(secret);
  });

  test('ends with 1 where one is not right, and shows the others', async () => {
    const { code, out, complaints } = await run({ RETENTION_DAYS: '1', PORT: '81' }, 'table');
    expect({ code, complaints }).toEqual({
      code: 1,
      complaints: 'trailgraph: RETENTION_DAYS: must be a whole number from 7 to 36500\n',
    });
    expect(out).toMatch(/^PORT +81 +environment$/m);
    expect(out).not.toMatch(/^RETENTION_DAYS/m);
  });
});

describe('trailgraph doctor', () => {
  let store: StoreConnection;
  let valkey: OwnValkey;
  let environment: Record<string, string>;

  beforeAll(async () => {
    const database = `test-${randomBytes(6).toString('hex')}`;
    const mongodbUri = process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`);
    store = await connectStore(mongodbUri);
    await ensureIndexes(store.db, { eventsDays: 90 });
    valkey = await OwnValkey.prepare();
    await valkey.start();
    environment = { MONGODB_URI: mongodbUri, REDIS_URL: valkey.url, TRAILGRAPH_MASTER_KEY: KEY };
  });
  afterAll(async () => {
    await store?.close();
    await valkey?.close();
  });

  const doctor = (over: Record<string, string> = {}, now: () => number = Date.now): Promise<Check[]> =>
    examine({ environment: { ...environment, ...over }, dataDir: null, nodeVersion: '20.19.0', now });
  const statusOf = (checks: Check[], name: string) =>
    checks.filter((check) => check.name === name).map(({ status, message }) => `${status} ${message}`);

  test('finds nothing amiss where nothing is', async () => {
    const checks = await doctor();
    // How full the disk of this machine is and how old the geo data are is not the test's matter.
    const sound = checks.filter(({ name }) => name !== 'disk' && name !== 'geo data');
    expect(sound.filter(({ status }) => status !== 'PASS')).toEqual([]);
    const names = ['node', 'settings', 'mongodb', 'clock', 'indexes', 'master key', 'valkey', 'eviction'];
    expect(sound.map(({ name }) => name)).toEqual(names);
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['disk', 'geo data']));
    expect(JSON.stringify(checks)).not.toContain(KEY);
  });

  test('finds an index that is gone, one of another kind, and another retention', async () => {
    const sources = store.db.collection('sources');
    await sources.dropIndex('nextRunAt_1');
    await store.db.collection('users').dropIndex('email_1');
    await store.db.collection('users').createIndex({ email: 1 });
    const found = statusOf(await doctor({ RETENTION_DAYS: '30' }), 'indexes');
    expect(found).toHaveLength(3);
    expect(found[0]).toBe('FAIL 1 is missing: sources {"nextRunAt":1}');
    expect(found[1]).toBe('FAIL 1 is of another kind than they should be: users {"email":1}');
    expect(found[2]).toMatch(/^WARN 4 are kept for another time than RETENTION_DAYS=30 says here: /);
    await store.db.collection('users').dropIndex('email_1');
    await ensureIndexes(store.db, { eventsDays: 90 });
    expect(statusOf(await doctor(), 'indexes')).toEqual([expect.stringMatching(/^PASS/)]);
  });

  test('finds a Valkey that throws keys out, and one that does not answer', async () => {
    const client = valkey.client();
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const [found] = (await doctor()).filter(({ name }) => name === 'eviction');
    expect(found).toMatchObject({ status: 'FAIL', message: expect.stringContaining('is allkeys-lru') });
    expect(found!.remedy).toContain('CONFIG SET maxmemory-policy noeviction');
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    const away = await doctor({ REDIS_URL: 'redis://:hush@127.0.0.1:1' });
    expect(statusOf(away, 'valkey')).toEqual([expect.stringMatching(/^FAIL .*ECONNREFUSED/)]);
    expect(JSON.stringify(away)).not.toContain('hush');
  });

  test('finds clocks that differ, a master key of another, and settings that do nothing', async () => {
    const ahead = await doctor({ TRAILGRAPH_COLOUR: 'red' }, () => Date.now() + 400_000);
    expect(statusOf(ahead, 'clock')).toEqual([
      expect.stringMatching(/^FAIL this machine is \d+\.\d s ahead of the database$/),
    ]);
    expect(statusOf(ahead, 'settings')).toEqual(['WARN TRAILGRAPH_COLOUR is no setting: it does nothing']);
    const box = new SecretBox(Buffer.alloc(32, 8));
    const place = { collection: 'signing_keys', id: 'k', field: 'privateJwk' };
    const keys = store.db.collection<{ _id: string; privateJwk: object }>('signing_keys');
    await keys.insertOne({ _id: 'k', privateJwk: box.seal('{}', place) });
    const foreign = statusOf(await doctor(), 'master key');
    await keys.deleteOne({ _id: 'k' });
    expect(foreign).toEqual([expect.stringMatching(/^FAIL This is not the master key of this database/)]);
  });

  test('says so where no server is named and none runs', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trailgraph-doctor-'));
    const checks = await examine({ environment, dataDir, nodeVersion: '18.0.0', now: Date.now });
    await rm(dataDir, { recursive: true });
    expect(statusOf(checks, 'node')).toEqual(['FAIL 18.0.0 is older than 20.19']);
    expect(statusOf(checks, 'mongodb')).toEqual([
      `FAIL no server runs on ${dataDir}, and MONGODB_URI is not set`,
    ]);
    expect(statusOf(checks, 'valkey')).toEqual([
      `FAIL no server runs on ${dataDir}, and REDIS_URL is not set`,
    ]);
    expect(checks.filter(({ status, remedy }) => status !== 'PASS' && !remedy)).toEqual([]);
  });

  test('only warns of a database that no server has started on', async () => {
    const empty = environment.MONGODB_URI!.replace(/\/test-[0-9a-f]+\?/, '/test-nothing-here?');
    const checks = await doctor({ MONGODB_URI: empty });
    expect(statusOf(checks, 'indexes')).toEqual([
      'WARN there are none: no server has started on this database yet',
    ]);
    expect(statusOf(checks, 'disk')).toEqual([expect.stringContaining('are free for DATA_DIR ./data')]);
  });

  test('judges room and age by their limits', () => {
    const GiB = 1024 ** 3;
    expect(judgeDisk(0.4 * GiB, 2 * GiB, 'x').status).toBe('FAIL');
    expect(judgeDisk(9 * GiB, 100 * GiB, 'x').status).toBe('WARN');
    expect(judgeDisk(11 * GiB, 100 * GiB, 'x').status).toBe('PASS');
    const of = (builtAt: Date | null) =>
      judgeGeoData({ name: 'x', builtAt, attribution: '' }, 'GEOIP_CITY_DB', new Date('2026-07-01')).status;
    expect([of(new Date('2026-06-01')), of(new Date('2025-06-01')), of(null)]).toEqual([
      'PASS',
      'WARN',
      'WARN',
    ]);
    expect(checkNode('22.1.0').status).toBe('PASS');
  });
});

describe('the retention', () => {
  test('is changed at the next start, without an index being dropped', async () => {
    const database = `test-${randomBytes(6).toString('hex')}`;
    const store = await connectStore(process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`));
    try {
      const { db } = store;
      const days = async (collection: string): Promise<number[]> =>
        (await db.collection(collection).indexes())
          .filter(({ expireAfterSeconds }) => expireAfterSeconds !== undefined)
          .map(({ expireAfterSeconds }) => expireAfterSeconds! / 86_400);
      await ensureIndexes(db, { eventsDays: 90 });
      await db.command({ profile: 2 });
      await ensureIndexes(db, { eventsDays: 30 });
      await db.command({ profile: 0 });
      const seen = db.collection('system.profile');
      expect(await days('enriched_events')).toEqual([30]);
      expect(await days('commits')).toEqual([30]);
      expect(await days('batches')).toEqual([37]);
      expect(await days('rollups')).toEqual([32]);
      expect(await seen.countDocuments({ 'command.collMod': { $exists: true } })).toBe(4);
      expect(await seen.countDocuments({ 'command.dropIndexes': { $exists: true } })).toBe(0);
    } finally {
      await store.close();
    }
  });
});
