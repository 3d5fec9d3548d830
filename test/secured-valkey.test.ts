import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkValkey } from '../src/cli/doctor/valkey-checks';
import { readSettings } from '../src/config/environment';
import { valkeyPlace } from '../src/valkey-place';
import { TestAuthority } from './support/certificates';
import { eventually } from './support/eventually';
import { createPushSource, demoRecords, idsOf, push, storedIds } from './support/ledger';
import { LiveClient } from './support/live-client';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { masterAfter, worksWith } from './support/valkey-followers';
import { ValkeySentinels } from './support/valkey-sentinels';

const DATABASE = `secured-${randomBytes(4).toString('hex')}`;
/** Of docs/security.md, which names the namespace `trailgraph`. */
const RIGHTS = /^ACL SETUSER trailgraph on '>password' (.*)$/m
  .exec(readFileSync('docs/security.md', 'utf8'))![1]!
  .replaceAll('trailgraph:', `${DATABASE}:`);

const authority = new TestAuthority();
const stranger = new TestAuthority();
const logLines: string[] = [];
let group: ValkeySentinels;
let app: TestTrailGraph;

beforeAll(async () => {
  group = await ValkeySentinels.start(1, { tls: authority, rights: RIGHTS });
  app = await startTrailGraph({ settings: group.settings, database: DATABASE, logLines });
});
afterAll(async () => {
  await app?.stop();
  await group?.close();
  authority.remove();
  stranger.remove();
});

/** What the user of the settings was not let do. */
async function denied(): Promise<string[]> {
  const log = (await group.on(await group.masterPort(), (client) =>
    client.call('ACL', 'LOG'),
  )) as unknown[][];
  return log.map((entry) => String(entry[entry.indexOf('object') + 1]));
}

async function valkeyHealth(of: TestTrailGraph): Promise<string> {
  const { health } = await of.anonymous.run<{
    health: { components: { name: string; status: string; message: string | null }[] };
  }>('{ health { components { name status message } } }');
  const { status, message } = health.components.find(({ name }) => name === 'valkey')!;
  return `${status} ${message}`;
}

describe('Valkey by TLS, with a certificate of ours, a user with few rights, and Sentinels by TLS', () => {
  test('serves all that is asked of it, and nothing is denied', async () => {
    await worksWith(app, group, await group.masterPort());
    const admin = await app.admin();
    const wrong =
      'mutation { login(input: { email: "admin@example.com", password: "wrong" }) { accessToken } }';
    expect((await app.anonymous.raw(wrong)).errors).toHaveLength(1);
    await app.admin();
    const live = new LiveClient({ url: app.url, token: admin.token! });
    const subscribed = async () => (await app.core.metrics.text()).includes('trailgraph_subscriptions 1');
    await eventually(subscribed, 'it has subscribed');
    const records = demoRecords(701, 0, 20);
    expect(await push(app, await createPushSource(admin), records)).toBe(200);
    await eventually(() => live.ids.length === records.length, 'the subscriber has heard');
    expect(live.ids.sort()).toEqual(idsOf(records).sort());
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    expect(await valkeyHealth(app)).toBe('HEALTHY null');
    expect(await denied()).toEqual([]);
    live.stop();
  });

  test('and its next master, once the first one is killed', async () => {
    const first = await group.masterPort();
    await group.killMaster();
    await worksWith(app, group, await masterAfter(group, first));
    expect(await denied()).toEqual([]);
    await group.startAgain(first);
  });
});

describe('trailgraph doctor', () => {
  const look = async (over: Record<string, string>) => {
    const settings = readSettings({ ...group.settings, ...over });
    return checkValkey(valkeyPlace(settings.REDIS_URL!, settings));
  };

  test('is content', async () => {
    const checks = await look({});
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'sentinel PASS',
      'valkey PASS',
      'eviction PASS',
    ]);
  });

  test('tells that the certificates are not trusted', async () => {
    const [found] = await look({ REDIS_TLS_CA_FILE: stranger.caFile });
    expect(found).toMatchObject({
      name: 'sentinel',
      status: 'FAIL',
      message: expect.stringMatching(/self-signed certificate/),
      remedy: expect.stringMatching(/REDIS_TLS_CA_FILE/),
    });
  });

  /** Where REDIS_URL names the server itself. */
  const master = async (over: Record<string, string>) => {
    const { REDIS_SENTINELS, ...direct } = group.settings;
    const url = new URL(direct.REDIS_URL!);
    url.host = `127.0.0.1:${await group.masterPort()}`;
    for (const [part, value] of Object.entries(over))
      if (part === 'protocol' || part === 'password') url[part] = value;
    const files = Object.fromEntries(Object.entries(over).filter(([name]) => name.startsWith('REDIS_')));
    const settings = { ...direct, ...files, REDIS_URL: url.href };
    return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ''));
  };

  test.each<[string, Record<string, string>, RegExp]>([
    ['a wrong password', { password: 'hush' }, /refuses the user or the password of REDIS_URL/],
    [
      'an authority that is not trusted',
      { REDIS_TLS_CA_FILE: stranger.caFile },
      /not trusted.*REDIS_TLS_CA_FILE/,
    ],
    ['no certificate of ours', { REDIS_TLS_CERT_FILE: '', REDIS_TLS_KEY_FILE: '' }, /REDIS_TLS_CERT_FILE/],
  ])('and what is wrong, as health and the log do: %s', async (_, over, told) => {
    const settings = readSettings(await master(over));
    const checks = await checkValkey(valkeyPlace(settings.REDIS_URL!, settings));
    expect(checks.map(({ status, message }) => `${status} ${message}`)).toEqual([
      expect.stringMatching(told),
    ]);
    const lines: string[] = [];
    const degraded = await startTrailGraph({ settings: await master(over), logLines: lines });
    try {
      await eventually(async () => told.test(await valkeyHealth(degraded)), 'health says so');
      expect(lines.join('')).toMatch(told);
      expect(`${lines.join('')}${JSON.stringify(checks)}`).not.toContain('hush');
    } finally {
      await degraded.stop();
    }
  });
});

test('a start is refused with the setting that is wrong, before anything is opened', () => {
  const place = (over: Record<string, string>) => () => {
    const settings = readSettings({ ...group.settings, ...over });
    return valkeyPlace(settings.REDIS_URL!, settings);
  };
  expect(place({ REDIS_TLS_CA_FILE: '/nowhere.pem' })).toThrow(
    /REDIS_TLS_CA_FILE \(\/nowhere\.pem\) can't be used: ENOENT/,
  );
  expect(place({ REDIS_TLS_KEY_FILE: stranger.issue('other').keyFile })).toThrow(
    /REDIS_TLS_KEY_FILE, as the key of/,
  );
  expect(place({ REDIS_TLS_CERT_FILE: '' })).toThrow(
    /REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together/,
  );
  expect(place({ REDIS_URL: 'redis://127.0.0.1:1' })).toThrow(/without rediss:\/\//);
});

test('the log holds no password', () => {
  expect(logLines.length).toBeGreaterThan(0);
  const { username, password } = new URL(group.settings.REDIS_URL!);
  expect(username).toBe('trailgraph');
  for (const secret of [password, decodeURIComponent(password), group.settings.REDIS_SENTINEL_PASSWORD!])
    expect(logLines.join('')).not.toContain(secret);
});
