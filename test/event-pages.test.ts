import type { GraphqlClient } from './support/graphql-client';
import { createPushSource, type PushSource, push } from './support/ledger';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: EventFilter, $orderBy: EventOrder) {
  events(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface Page {
  nodes: { id: string }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
}

const EVENTS = 30;
/** Many at the same moment: the id decides between them. */
const record = (n: number, name = 'Paged') => ({
  eventID: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  eventTime: new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 7) * 1_000).toISOString(),
  eventName: name,
});

describe('pages of events', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const known = Array.from({ length: EVENTS }, (_, index) => record(index * 10));

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    source = await createPushSource(admin);
    expect(await push(app, source, known)).toBe(200);
  });
  afterAll(() => app?.stop());

  const page = async (variables: Record<string, unknown>): Promise<Page> =>
    (await admin.run<{ events: Page }>(PAGE, { filter: { eventNames: ['Paged'] }, ...variables })).events;

  const orders = ['EVENT_TIME', 'INGESTED_AT'].flatMap((field) =>
    ['ASC', 'DESC'].map((direction) => ({ field, direction })),
  );
  let arriving = 1;

  test.each(orders)(
    'hold each event that was there once, both ways, while others arrive: %j',
    async (orderBy) => {
      const walked: Record<'forward' | 'backward', string[]> = { forward: [], backward: [] };
      for (const way of ['forward', 'backward'] as const) {
        for (let cursor: string | null = null, more = true; more; ) {
          const { nodes, pageInfo }: Page = await page(
            way === 'forward' ? { first: 10, after: cursor, orderBy } : { last: 10, before: cursor, orderBy },
          );
          const ids = nodes.map(({ id }) => id);
          walked[way] = way === 'forward' ? [...walked[way], ...ids] : [...ids, ...walked[way]];
          more = way === 'forward' ? pageInfo.hasNextPage : pageInfo.hasPreviousPage;
          cursor = way === 'forward' ? pageInfo.endCursor : pageInfo.startCursor;
          // One that happened long ago, one just now, and one in the midst.
          const late = [arriving, EVENTS * 5 + arriving, EVENTS * 10 + arriving];
          if (arriving % 10 < 9)
            expect(
              await push(
                app,
                source,
                late.map((n) => record(n)),
              ),
            ).toBe(200);
          arriving++;
        }
      }
      for (const ids of Object.values(walked)) {
        expect(new Set(ids).size).toBe(ids.length);
        const before = known.map(({ eventID }) => eventID);
        expect(ids.filter((id) => before.includes(id)).sort()).toEqual(before);
      }
      const both = walked.forward.filter((id) => walked.backward.includes(id));
      expect(walked.backward.filter((id) => both.includes(id))).toEqual(both);
    },
  );

  test('count all that match up to a limit', async () => {
    const count = async (limit: number | undefined, name: string) => {
      const { events } = await admin.run<{ events: { totalCount: number; nodes: object[] } }>(
        `query ($filter: EventFilter${limit ? ', $limit: Int' : ''}) {
          events(first: 1, filter: $filter) { totalCount${limit ? '(limit: $limit)' : ''} }
        }`,
        { filter: { eventNames: [name] }, ...(limit ? { limit } : {}) },
      );
      return events.totalCount;
    };
    expect(
      await push(
        app,
        source,
        Array.from({ length: 25 }, (_, n) => record(100_000 + n, 'Counted')),
      ),
    ).toBe(200);
    expect(await count(undefined, 'Counted')).toBe(25);
    expect(await count(1_000_000, 'Counted')).toBe(25);
    expect(await count(10, 'Counted')).toBe(10);
    expect(await count(25, 'Counted')).toBe(25);
    expect(await count(10, 'None')).toBe(0);
    const { errors } = await admin.raw('{ events(first: 1) { over: totalCount(limit: 1000001) } }');
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', fields: [{ path: ['limit'] }] });
    const under = await admin.raw('{ events(first: 1) { totalCount(limit: 0) } }');
    expect(under.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('of other sizes than 1 to 200, and cursors that are none, are refused by name', async () => {
    for (const [args, path] of [
      ['first: 0', 'first'],
      ['first: 201', 'first'],
      ['last: 201', 'last'],
      ['after: "what"', 'after'],
      ['before: "what"', 'before'],
    ] as const) {
      const { errors } = await admin.raw(`{ events(${args}) { nodes { id } } }`);
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', fields: [{ path: [path] }] });
    }
  });
});
