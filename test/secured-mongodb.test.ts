import { randomBytes } from 'node:crypto';
import { connectStore } from '../src/store/connection';
import { TestAuthority } from './support/certificates';
import { trailgraph } from './support/command';
import { createPushSource, demoRecords, expectConsistent, idsOf, push, storedIds } from './support/ledger';
import { ReplicaSet } from './support/replica-set';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const DATABASE = `secured-${randomBytes(4).toString('hex')}`;
/** With everything in it that has a meaning in a URI. */
const PASSWORD = 'hush: a/user@with #few %rights';

const authority = new TestAuthority();
const stranger = new TestAuthority();
const logLines: string[] = [];
let set: ReplicaSet;
let app: TestTrailGraph;
let certificate: string;

interface Asked {
  user?: string;
  password?: string;
  hosts?: string;
  /** Parameters of the URI on top of the right ones; null takes one away. */
  over?: Record<string, string | null>;
}

function uri({ user = 'trailgraph', password = PASSWORD, hosts = set.hosts, over = {} }: Asked = {}): string {
  const named = user === '' ? '' : `${user}:${encodeURIComponent(password)}@`;
  const right = { replicaSet: 'trail', authSource: 'admin', tls: 'true', tlsCAFile: authority.caFile };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...right, ...over }))
    if (value !== null) query.set(name, value);
  return `mongodb://${named}${hosts}/${DATABASE}?${query}`;
}

const start = (mongodbUri: string, settings: Record<string, string> = {}) =>
  startTrailGraph({
    servers: { mongodbUri, redisUrl: process.env.TEST_REDIS_URL! },
    database: DATABASE,
    settings,
    logLines,
  });

beforeAll(async () => {
  set = await ReplicaSet.start(1, { users: true, tls: authority });
  const readWrite = { role: 'readWrite', db: DATABASE };
  // Of docs/security.md.
  const privileges = [{ resource: { db: DATABASE, collection: '' }, actions: ['collMod'] }];
  await set.asRoot((db) => db.command({ createRole: 'trailgraph', roles: [readWrite], privileges }));
  const users = { trailgraph: [{ role: 'trailgraph', db: 'admin' }], writer: [readWrite], nobody: [] };
  for (const [user, roles] of Object.entries(users))
    await set.asRoot((db) => db.command({ createUser: user, pwd: PASSWORD, roles }));
  const { file, subject } = authority.issueForClient('trailgraph');
  certificate = file;
  await set.asRoot((db) => db.command({ createUser: subject, roles: [readWrite] }), '$external');
  app = await start(uri());
});
afterAll(async () => {
  await app?.stop();
  await set?.close();
  authority.remove();
  stranger.remove();
});

describe('a replica set with users and TLS', () => {
  test('serves a user that may only read and write its own database', async () => {
    const admin = await app.admin();
    const source = await createPushSource(admin);
    const records = demoRecords(601, 0, 20);
    expect(await push(app, source, records)).toBe(200);
    await app.drain();
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    const { events } = await admin.run<{ events: { edges: unknown[] } }>(
      '{ events(first: 50) { edges { node { id } } } }',
    );
    expect(events.edges).toHaveLength(20);
    await expectConsistent(app);
  });

  test('takes a user that may not change the retention, as long as it stays', async () => {
    await (await start(uri({ user: 'writer' }))).stop();
  });

  test('lets it change the retention, and doctor look', async () => {
    await (await start(uri(), { RETENTION_DAYS: '30' })).stop();
    const environment = { ...app.environment, RETENTION_DAYS: '30' };
    const { stdout, code } = await trailgraph(['doctor', '--json'], { environment });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] };
    const found = checks.map(({ name, status, message }) => `${name} ${status} ${message}`);
    expect(found).toEqual(
      expect.arrayContaining([expect.stringMatching(/^mongodb PASS .*replica set trail/)]),
    );
    expect(
      checks.filter(({ status, name }) => status !== 'PASS' && !/geo|disk|city|asn/i.test(name)),
    ).toEqual([]);
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/^disk (PASS|WARN)/)]));
    expect(code).toBe(0);
  });

  test.each<[string, () => Asked]>([
    ['its name left out', () => ({ over: { replicaSet: null } })],
    [
      'the certificate of a client in the place of a password',
      () => ({
        user: '',
        over: {
          authSource: '$external',
          authMechanism: 'MONGODB-X509',
          tlsCertificateKeyFile: certificate,
        },
      }),
    ],
  ])('takes a URI with %s', async (_, asked) => {
    const store = await connectStore(uri(asked()), 0);
    try {
      expect(await store.db.collection('enriched_events').countDocuments()).toBe(20);
      expect(
        await store.db.collection('meta').updateOne({ _id: 'x' as never }, { $set: { n: 1 } }),
      ).toBeTruthy();
    } finally {
      await store.close();
    }
  });
});

describe('what is wrong is told with what to do, and without the password', () => {
  test.each<[string, () => Asked, RegExp]>([
    [
      'a wrong password',
      () => ({ password: 'hush hush' }),
      /refuses the user.*or the password.*authSource=admin/,
    ],
    ['another authSource', () => ({ over: { authSource: null } }), /refuses the user.*authSource/],
    [
      'an authority that is not trusted',
      () => ({ over: { tlsCAFile: stranger.caFile } }),
      /certificate is not trusted.*tlsCAFile=/,
    ],
    ['no authority', () => ({ over: { tlsCAFile: null } }), /certificate is not trusted.*tlsCAFile=/],
    ['a file that is not there', () => ({ over: { tlsCAFile: '/nowhere.pem' } }), /ENOENT.*nowhere\.pem/],
    ['no TLS', () => ({ over: { tls: null, tlsCAFile: null } }), /closed the connection.*tls=true/],
    [
      'another name of the set',
      () => ({ over: { replicaSet: 'other' } }),
      /none of the servers.*replica set that it names.*rs\.status/,
    ],
  ])('%s', async (_, asked, told) => {
    const failure = await connectStore(uri(asked()), 0).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ name: 'Unavailable', message: expect.stringMatching(told) });
    expect(failure?.message).not.toContain('hush');
  });

  test.each<[string, () => Asked, RegExp]>([
    ['no user', () => ({ user: '' }), /wants a user, and MONGODB_URI names none\. .*readWrite/],
    ['a user without rights', () => ({ user: 'nobody' }), /does not let the user of MONGODB_URI.*readWrite/],
    [
      'one that may not change the retention, which is changed',
      () => ({ user: 'writer' }),
      /does not let.*collMod/,
    ],
  ])('%s, at the start', async (_, asked, told) => {
    const failure = await start(uri(asked()), { RETENTION_DAYS: '31' }).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ name: 'Permanent', message: expect.stringMatching(told) });
    expect(failure?.message).not.toContain('hush');
  });

  test('by the commands as well', async () => {
    const environment = { ...app.environment, MONGODB_URI: uri({ user: 'nobody' }) };
    const [doctor, migrate] = await Promise.all(
      [['doctor'], ['migrate', '--status']].map((args) => trailgraph(args, { environment })),
    );
    for (const text of [doctor!.stdout, migrate!.stderr])
      expect(text).toMatch(/does not let the user of MONGODB_URI/);
    const said = [doctor, migrate].map((result) => `${result!.stdout}${result!.stderr}`).join('');
    expect(said).not.toContain('hush');
  });

  test('in no line of the log', () => {
    expect(logLines.length).toBeGreaterThan(0);
    expect(logLines.join('')).not.toContain('hush');
  });
});
