import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, type PushSource, push } from './support/ledger';
import { opened } from './support/live-state';
import { newRecord } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

interface Told {
  id: string;
  name: string;
  state: string;
  at: number;
  status: { received: number; stored: number; health: string };
}

const QUERY = `subscription ($ids: [ID!]) {
  sourceChanged(ids: $ids) { id name state status { received stored health } }
}`;

/** What a subscription told, and the errors that it ended with. */
class Watcher {
  readonly told: Told[] = [];
  readonly errors: { message: string; extensions: { code: string } }[] = [];
  completed = false;
  readonly stop: () => void;

  constructor(url: string, token: string, ids: string[] | null) {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
      onNonLazyError: () => undefined,
    });
    this.stop = client.subscribe<{ sourceChanged: Told }>(
      { query: QUERY, variables: { ids } },
      {
        next: ({ data, errors }) => {
          if (errors) this.errors.push(...(errors as unknown as Watcher['errors']));
          if (data) this.told.push({ ...data.sourceChanged, at: performance.now() });
        },
        error: (error) => {
          if (Array.isArray(error)) this.errors.push(...(error as unknown as Watcher['errors']));
        },
        complete: () => {
          this.completed = true;
        },
      },
    );
  }

  of({ id }: { id: string }): Told[] {
    return this.told.filter((one) => one.id === id);
  }

  /** Waits until the newest state of a source is such. */
  seen(source: { id: string }, is: (newest: Told) => boolean, what: string): Promise<void> {
    return eventually(() => {
      const newest = this.of(source).at(-1);
      return newest !== undefined && is(newest);
    }, what);
  }
}

describe.each([
  ['with Valkey', {}],
  ['without Valkey', { servers: 'none' }],
])('changes of sources, %s', (_, { servers }: { servers?: string }) => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  let other: PushSource;
  let watcher: Watcher;
  beforeAll(async () => {
    app = await startTrailGraph(
      servers
        ? { servers: { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: 'redis://127.0.0.1:1' } }
        : {},
    );
    admin = await app.admin();
    [source, other] = [await createPushSource(admin), await createPushSource(admin)];
    watcher = new Watcher(app.url, admin.token!, [source.id]);
    await opened(app, 1);
  });
  afterAll(async () => {
    watcher?.stop();
    await app.stop();
  });

  test('are told: configuration, state, health and counters, of the sources that were asked for', async () => {
    await admin.run('mutation ($id: ID!) { updateSource(id: $id, input: { name: "renamed" }) { id } }', {
      id: source.id,
    });
    await watcher.seen(source, ({ name }) => name === 'renamed', 'the name is told');
    await admin.run('mutation ($id: ID!) { pauseSource(id: $id) { id } }', { id: source.id });
    await watcher.seen(source, ({ state }) => state === 'PAUSED', 'the pause is told');
    await admin.run('mutation ($id: ID!) { resumeSource(id: $id) { id } }', { id: source.id });
    await watcher.seen(source, ({ state }) => state === 'ACTIVE', 'the end of the pause is told');
    await push(app, other, [newRecord()]);
    await push(app, source, [newRecord(), newRecord()]);
    await watcher.seen(source, ({ status }) => status.received === 2, 'the counters are told');
    expect(watcher.of(source).at(-1)!.status).toEqual({ received: 2, stored: 2, health: 'HEALTHY' });
    expect(watcher.of(other)).toEqual([]);
  });

  test('are told at most once a second each, and the newest in the end', async () => {
    const before = watcher.told.length;
    const names = Array.from({ length: 40 }, (_, index) => `name-${index}`);
    for (const name of names)
      await admin.run(
        'mutation ($id: ID!, $name: String!) { updateSource(id: $id, input: { name: $name }) { id } }',
        {
          id: source.id,
          name,
        },
      );
    await watcher.seen(source, ({ name }) => name === 'name-39', 'the last name is told');
    const told = watcher.told.slice(before);
    // Each poll is a second after the one before; what takes longer to arrive may come a little closer.
    for (const [index, { at }] of told.slice(1).entries()) expect(at - told[index]!.at).toBeGreaterThan(500);
    expect(told.length).toBeLessThan(40);
  });

  test('of all sources come where none is named; of a deleted one nothing more', async () => {
    const all = new Watcher(app.url, admin.token!, null);
    await opened(app, 2);
    const third = await createPushSource(admin);
    await all.seen(third, () => true, 'a new source is told');
    const [gone, stays] = [third, other];
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: gone.id });
    const count = all.of(gone).length;
    await admin.run('mutation ($id: ID!) { pauseSource(id: $id) { id } }', { id: stays.id });
    await all.seen(stays, ({ state }) => state === 'PAUSED', 'a later change is told');
    expect(all.of(gone)).toHaveLength(count);
    expect(all.completed).toBe(false);
    all.stop();
    await opened(app, 1);
  });

  test('are asked of the database only while somebody follows', async () => {
    const { db } = app.core.store;
    const asked = (): Promise<number> =>
      db.collection('system.profile').countDocuments({ 'command.sort.changedAt': { $exists: true } });
    await db.command({ profile: 2 });
    const during = await asked();
    await eventually(async () => (await asked()) > during, 'the database is asked');
    watcher.stop();
    await opened(app, 0);
    const after = await asked();
    const third = await createPushSource(admin);
    await push(app, third, [newRecord()]);
    await eventually(
      async () => (await app.core.sources.get(third.id))?.counters.received === 1,
      'a second or so has passed',
    );
    expect(await asked()).toBeLessThanOrEqual(after + 1);
    await db.command({ profile: 0 });
  });
});

test('a subscription to more than 200 sources is refused', async () => {
  const app = await startTrailGraph();
  try {
    const admin = await app.admin();
    const ids = Array.from({ length: 201 }, (_, index) => `src_${index}`);
    const watcher = new Watcher(app.url, admin.token!, ids);
    await eventually(() => watcher.errors.length > 0, 'it is refused');
    expect(watcher.errors[0]).toMatchObject({
      message: '`ids` must name at most 200 sources.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  } finally {
    await app.stop();
  }
});
