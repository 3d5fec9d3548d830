import { randomBytes } from 'node:crypto';
import type { Db } from 'mongodb';
import { connectStore, type StoreConnection } from '../src/store/connection';
import { ensureIndexes, indexPlan } from '../src/store/indexes';
import { LeaseStore } from '../src/store/leases';
import { MIGRATIONS } from '../src/store/migrations/list';
import type { Migration } from '../src/store/migrations/migration';
import { Migrator, type MigratorOptions } from '../src/store/migrations/migrator';
import { trailgraph } from './support/command';
import { eventually } from './support/eventually';
import { startTrailGraph } from './support/trailgraph';

const uriOf = (database: string): string =>
  process.env.TEST_MONGODB_URI!.replace('/trailgraph?', `/${database}?`);

/** Counts three members up, one a piece; `before` may fail at a piece. */
function counting(number: number, before: (at: number) => Promise<void> = async () => undefined): Migration {
  return {
    number,
    name: `count-${number}`,
    step: async (db, position) => {
      const at = Number(position ?? 0);
      if (at === 3) return null;
      await before(at);
      await db.collection('counted').insertOne({ number, at });
      return String(at + 1);
    },
  };
}

describe('migrations', () => {
  let store: StoreConnection;
  let db: Db;
  let database: string;
  let lines: string[];
  beforeEach(async () => {
    database = `test-${randomBytes(6).toString('hex')}`;
    store = await connectStore(uriOf(database));
    db = store.db;
    lines = [];
  });
  afterEach(async () => {
    await db.dropDatabase();
    await store.close();
  });

  const migrator = (migrations: Migration[], options: Partial<MigratorOptions> = {}): Migrator =>
    new Migrator(db, { migrations, log: { info: (_, message) => void lines.push(message) }, ...options });
  const counted = async (): Promise<string[]> =>
    (
      await db
        .collection('counted')
        .find({}, { sort: { _id: 1 } })
        .toArray()
    ).map(({ number, at }) => `${number}.${at}`);

  test('run once each, in order, and are kept with when they ended', async () => {
    const both = [counting(1), counting(2)];
    expect(await migrator(both.slice(0, 1)).run()).toEqual([1]);
    expect(await migrator(both).status()).toMatchObject([
      { state: 'DONE' },
      { state: 'PENDING', doneAt: null },
    ]);
    expect(await migrator(both).run()).toEqual([2]);
    expect(await migrator(both).run()).toEqual([]);
    expect(await counted()).toEqual(['1.0', '1.1', '1.2', '2.0', '2.1', '2.2']);
    expect(
      await db
        .collection('migrations')
        .find({}, { sort: { name: 1 } })
        .toArray(),
    ).toEqual([
      { _id: 1, name: 'count-1', startedAt: expect.any(Date), position: '3', doneAt: expect.any(Date) },
      { _id: 2, name: 'count-2', startedAt: expect.any(Date), position: '3', doneAt: expect.any(Date) },
    ]);
  });

  test('go on where one was interrupted', async () => {
    let broken = true;
    const breaks = counting(1, async (at) => {
      if (at === 2 && broken) throw new Error('the process dies');
    });
    await expect(migrator([breaks, counting(2)]).run()).rejects.toThrow('the process dies');
    expect(await migrator([breaks]).status()).toMatchObject([{ state: 'STARTED', position: '2' }]);
    broken = false;
    expect(await migrator([breaks, counting(2)]).run()).toEqual([1, 2]);
    expect(await counted()).toEqual(['1.0', '1.1', '1.2', '2.0', '2.1', '2.2']);
  });

  test('are done by one process; another waits until they are done', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = counting(1, async (at) => (at === 1 ? gate : undefined));
    const first = migrator([slow]).run();
    await eventually(async () => (await counted()).length === 1, 'the first is at it');
    const second = migrator([slow]).run();
    await eventually(() => lines.some((line) => line.startsWith('another process')), 'the second waits');
    release();
    expect(await first).toEqual([1]);
    expect(await second).toEqual([]);
    expect(await counted()).toEqual(['1.0', '1.1', '1.2']);
  });

  test('are taken over from a process that is gone, and given up after the wait before that', async () => {
    const gone = new LeaseStore(db);
    await gone.hold('migrations', 600_000);
    await expect(migrator([counting(1)], { waitMs: 0 }).run()).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringMatching(
        /^Another process migrates the database.*migration 1 \(count-1\) is at its beginning/,
      ),
    });
    await gone.hold('migrations', 100);
    expect(await migrator([counting(1)]).run()).toEqual([1]);
  });

  test('refuse a database that a newer version has used, also to a server', async () => {
    await migrator([...MIGRATIONS, counting(MIGRATIONS.length + 1)]).run();
    const refused = new RegExp(
      `A newer version of TrailGraph has used this database: it is at migration ${MIGRATIONS.length + 1} \\(count-.*knows ${MIGRATIONS.length}`,
    );
    await expect(migrator([...MIGRATIONS]).run()).rejects.toMatchObject({
      name: 'Conflict',
      message: expect.stringMatching(refused),
    });
    await expect(startTrailGraph({ database })).rejects.toThrow(refused);
    const asked = await trailgraph(['migrate', '--status'], {
      environment: { MONGODB_URI: uriOf(database) },
    });
    expect(asked).toMatchObject({ code: 2, stdout: '' });
    expect(asked.stderr).toMatch(refused);
  });

  test('have every command that writes refuse such a database, and leave it as it is', async () => {
    await migrator([...MIGRATIONS, counting(MIGRATIONS.length + 1)]).run();
    const collections = async (): Promise<string[]> =>
      (await db.listCollections().toArray()).map(({ name }) => name).sort();
    const before = await collections();
    const environment = {
      MONGODB_URI: uriOf(database),
      TRAILGRAPH_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      TRAILGRAPH_NEW_MASTER_KEY: Buffer.alloc(32, 8).toString('base64'),
    };
    const refused = await Promise.all(
      [['user', 'create', 'ann@example.com'], ['rekey'], ['rebuild-rollups']].map((args) =>
        trailgraph(args, { environment, input: 'correct horse battery\n' }),
      ),
    );
    for (const { code, stderr } of refused) {
      expect(stderr).toMatch(/A newer version of TrailGraph has used this database.*Start that version/);
      expect(stderr).not.toContain('    at ');
      expect(code).not.toBe(0);
    }
    expect(await collections()).toEqual(before);
  });

  test('of this version are numbered without a gap, and doing a piece twice does no harm', async () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    await ensureIndexes(db, { eventsDays: 90 });
    const events = db.collection('enriched_events');
    await events.createIndex({ eventName: 1, eventTime: -1 });
    await db.collection('webhooks').createIndex({ state: 1, 'position.n': 1 });
    const twice = MIGRATIONS.map(
      (migration): Migration => ({
        ...migration,
        step: async (on, position) => {
          await migration.step(on, position);
          return migration.step(on, position);
        },
      }),
    );
    await migrator(twice).run();
    const keys = async (collection: string): Promise<string[]> =>
      (await db.collection(collection).indexes()).map(({ key }) => JSON.stringify(key));
    expect(await keys('enriched_events')).not.toContain('{"eventName":1,"eventTime":-1}');
    expect(await keys('webhooks')).not.toContain('{"state":1,"position.n":1}');
    for (const { collection, keys: wanted } of indexPlan({ eventsDays: 90 }))
      expect(await keys(collection)).toContain(JSON.stringify(wanted));
  });

  test('are shown and run by the command', async () => {
    const environment = { MONGODB_URI: uriOf(database) };
    const before = await trailgraph(['migrate', '--status'], { environment });
    expect(before).toEqual({
      code: 1,
      stdout: '0001  PENDING  drop-replaced-indexes\n1 left to do.\n',
      stderr: '',
    });
    expect(await trailgraph(['migrate'], { environment })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^0001 {2}DONE {5}drop-replaced-indexes {2}\d{4}-.*\nNothing is left to do\.\n$/,
      ),
    });
    expect((await trailgraph(['migrate', '--status'], { environment })).code).toBe(0);
  });

  test('leave retention to each start: it is changed without an index being built again', async () => {
    const expiry = async (days: number): Promise<number | undefined> => {
      await ensureIndexes(db, { eventsDays: days });
      const found = (await db.collection('enriched_events').indexes()).find(
        ({ key }) => JSON.stringify(key) === '{"ingestedAt":1}',
      );
      return found?.expireAfterSeconds;
    };
    expect(await expiry(90)).toBe(90 * 86_400);
    await db.command({ profile: 2 });
    expect(await expiry(30)).toBe(30 * 86_400);
    await db.command({ profile: 0 });
    const said = await db.collection('system.profile').distinct('command.collMod');
    expect(said).toContain('enriched_events');
    // What was not dropped can not have been built again under its name.
    expect(
      await db.collection('system.profile').countDocuments({ 'command.dropIndexes': { $exists: true } }),
    ).toBe(0);
  });
});
