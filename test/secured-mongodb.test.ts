import { randomBytes } from 'node:crypto';
import { connectStore } from '../src/store/connection';
import { TestAuthority } from './support/certificates';
import { trailgraph } from './support/command';
import { createPushSource, demoRecords, expectConsistent, idsOf, push, storedIds } from './support/ledger';
import { ReplicaSet } from './support/replica-set';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';
import { spawnProgram } from './support/worker-process';

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
  const roles = [{ role: 'readWrite', db: DATABASE }];
  await set.asRoot((db) => db.command({ createUser: 'trailgraph', pwd: PASSWORD, roles }));
  await set.asRoot((db) => db.command({ createUser: 'nobody', pwd: PASSWORD, roles: [] }));
  const { file, subject } = authority.issueForClient('trailgraph');
  certificate = file;
  await set.asRoot((db) => db.command({ createUser: subject, roles }), '$external');
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
  ])('%s, by a server, doctor and other commands', async (_, asked, told) => {
    const environment = { ...app.environment, MONGODB_URI: uri(asked()) };
    const [server, doctor, migrate] = await Promise.all([
      ended(environment),
      trailgraph(['doctor'], { environment }),
      trailgraph(['migrate', '--status'], { environment }),
    ]);
    expect(server).toMatch(told);
    expect(doctor.stdout).toMatch(told);
    expect(migrate.stderr).toMatch(told);
    const said = `${server}${doctor.stdout}${doctor.stderr}${migrate.stdout}${migrate.stderr}`;
    expect(said).not.toContain('hush');
    expect(said).not.toContain(encodeURIComponent(PASSWORD));
  });

  test('in no line of the log', () => {
    expect(logLines.length).toBeGreaterThan(0);
    expect(logLines.join('')).not.toContain('hush');
  });
});

/** What a server says that ends as it starts. */
async function ended(environment: Record<string, string>): Promise<string> {
  const program = spawnProgram({ ...environment, ROLE: 'worker' });
  expect((await program.ended(60_000)).code).toBe(1);
  return program.output();
}
