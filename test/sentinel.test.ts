import { randomBytes } from 'node:crypto';
import { checkValkey } from '../src/cli/doctor/valkey-checks';
import { readSettings } from '../src/config/environment';
import { valkeyPlace } from '../src/valkey-place';
import { eventually } from './support/eventually';
import { createPushSource, demoRecords, idsOf, type PushSource, push, storedIds } from './support/ledger';
import { OwnValkey } from './support/own-valkey';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { FAILOVER_MS, masterAfter, worksWith } from './support/valkey-followers';
import { ValkeySentinels } from './support/valkey-sentinels';

let group: ValkeySentinels;
let app: TestTrailGraph;
let source: PushSource;

beforeAll(async () => {
  group = await ValkeySentinels.start(2);
  app = await startTrailGraph({ settings: group.settings });
  source = await createPushSource(await app.admin());
});
afterAll(async () => {
  await app?.stop();
  await group?.close();
});

test('what is pushed is stored while the master is killed, and all connections follow the Sentinels to the next one', async () => {
  const first = await group.masterPort();
  await worksWith(app, group, first);
  await group.killMaster();
  const records = demoRecords(201, 0, 50);
  expect(await push(app, source, records)).toBe(200);
  const next = await masterAfter(group, first);
  await worksWith(app, group, next);
  expect(await storedIds(app)).toEqual(idsOf(records).sort());
  const health = async () => ((await (await fetch(`${app.url}/readyz`)).json()) as { status: string }).status;
  await eventually(async () => (await health()) === 'HEALTHY', 'health says so', FAILOVER_MS);
  await group.startAgain(first);
}, 240_000);

describe('trailgraph doctor', () => {
  const look = async (over: Record<string, string>) => {
    const settings = readSettings({ ...group.settings, ...over });
    return checkValkey(valkeyPlace(settings.REDIS_URL!, settings));
  };
  const REDIS_SENTINELS = () => group.settings.REDIS_SENTINELS!;

  test('tells which master the Sentinels name', async () => {
    const checks = await look({});
    const port = await group.masterPort();
    expect(checks.map(({ name, status, message }) => `${name} ${status} ${message}`)).toEqual([
      `sentinel PASS 3 of 3 answer, the master is 127.0.0.1:${port}`,
      expect.stringMatching(/^valkey PASS/),
      'eviction PASS noeviction',
    ]);
  });

  test.each([
    [
      'one that does not answer',
      () => ({ REDIS_SENTINELS: `${REDIS_SENTINELS()},127.0.0.1:1` }),
      /^WARN 3 of 4 answer.*ECONNREFUSED/,
    ],
    [
      'fewer than three',
      () => ({ REDIS_SENTINELS: REDIS_SENTINELS().split(',')[0]! }),
      /^WARN 1 of 1 answer/,
    ],
    [
      'a name that they do not know',
      () => ({ REDIS_SENTINEL_NAME: 'other' }),
      /^FAIL no Sentinel knows that name/,
    ],
    [
      'a wrong password',
      () => ({ REDIS_SENTINEL_PASSWORD: 'hush' }),
      /^FAIL no Sentinel tells of a master: .*(WRONGPASS|NOAUTH)/,
    ],
  ])('finds %s', async (_, over, told) => {
    const checks = await look(over());
    const [found] = checks.filter(({ name }) => name === 'sentinel');
    expect(`${found?.status} ${found?.message}`).toMatch(told);
    expect(found?.remedy).toMatch(/\S/);
    expect(JSON.stringify(checks)).not.toContain('hush');
  });
});

describe('a start is refused where REDIS_URL names', () => {
  test('a Sentinel', async () => {
    const [, port] = group.settings.REDIS_SENTINELS!.split(',')[0]!.split(':');
    const servers = {
      mongodbUri: process.env.TEST_MONGODB_URI!,
      redisUrl: `redis://:${group.settings.REDIS_SENTINEL_PASSWORD}@127.0.0.1:${port}`,
    };
    await expect(startTrailGraph({ servers })).rejects.toThrow(/names a Sentinel.*REDIS_SENTINELS/);
  });

  test('a node of a cluster', async () => {
    const valkey = await OwnValkey.prepare();
    try {
      await valkey.start(['--cluster-enabled', 'yes']);
      const database = `test-${randomBytes(6).toString('hex')}`;
      const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: valkey.url };
      await expect(startTrailGraph({ servers, database })).rejects.toThrow(/Cluster, which is not supported/);
    } finally {
      await valkey.close();
    }
  });
});
