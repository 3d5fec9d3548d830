import { randomBytes } from 'node:crypto';
import { type Db, type Document, MongoClient } from 'mongodb';
import type { EventFilter } from '../src/domain/filter';
import { scanPipeline } from '../src/store/event-scan';
import { EventStore } from '../src/store/events';
import { filterQuery } from '../src/store/filter-query';
import { ensureIndexes } from '../src/store/indexes';
import { RollupStore } from '../src/store/rollups';
import { storedTrail } from './support/stored-trail';

const HOUR = 3_600_000;
const TIME = 'eventTime_-1__id_-1';
const of = (path: string): string => `${path}_1_eventTime_-1__id_-1`;

/** Each member alone, with a value that some events have, and the index of its page. */
const PAGES: [EventFilter, string | string[]][] = [
  [{}, TIME],
  [{ eventNames: ['GetUser'] }, of('eventName')],
  [{ actors: ['secretsmanager.amazonaws.com'] }, of('enrichment.actor.name')],
  [{ addresses: ['secretsmanager.amazonaws.com'] }, of('sourceIPAddress')],
  [{ accessKeyIds: ['AKIAEXAMPLE'] }, of('userIdentity.accessKeyId')],
  [{ errorCodes: ['AccessDenied'] }, of('errorCode')],
  [{ resourceARNs: ['arn:aws:s3:::bucket'] }, of('resources.ARN')],
  [{ ids: ['one', 'two'] }, ['_id_', TIME]],
  ...[
    { from: new Date('2026-01-02T00:00:00Z'), to: new Date('2026-01-03T00:00:00Z') },
    { text: 'admin' },
    { sourceIds: ['source'] },
    { eventSources: ['iam.amazonaws.com'] },
    { awsRegions: ['us-east-1'] },
    { accountIds: ['123837392027'] },
    { actors: ['arn:aws:iam::123837392027:user/frode.hansen'] },
    { identityTypes: ['IAMUser'] },
    { addresses: ['192.168.0.0/16'] },
    { addressKinds: ['PRIVATE' as const] },
    { countryCodes: ['DE'] },
    { asns: [16_509] },
    { outcome: 'FAILURE' as const },
    { readOnly: false },
    { root: true },
    { none: [{ eventNames: ['GetUser'] }] },
  ].map((filter): [EventFilter, string] => [filter, TIME]),
];

/** The stages of a plan and of those below. */
function stagesOf(plan: Document): Document[] {
  const below = [
    plan.inputStage,
    ...(plan.inputStages ?? []),
    plan.queryPlan,
    plan.thenStage,
    plan.elseStage,
  ];
  return [plan, ...below.filter(Boolean).flatMap((stage) => stagesOf(stage as Document))];
}

function usedBy({ stage, indexName }: Document): string | null {
  return stage === 'IDHACK' ? '_id_' : ((indexName as string | undefined) ?? null);
}

function planOf(explained: Document): Document {
  const found = explained.queryPlanner ?? explained.stages?.[0]?.$cursor?.queryPlanner;
  return found.winningPlan as Document;
}

describe('the database answers', () => {
  let client: MongoClient;
  let db: Db;
  let events: EventStore;

  beforeAll(async () => {
    client = await MongoClient.connect(process.env.TEST_MONGODB_URI!, { monitorCommands: true });
    db = client.db(`test-${randomBytes(6).toString('hex')}`);
    await ensureIndexes(db, { eventsDays: 90 });
    events = new EventStore(db);
    for await (const slice of storedTrail({ events: 6_000, from: new Date('2026-01-01T00:00:00Z'), days: 5 }))
      await events.insert(slice);
  });
  afterAll(async () => {
    await db?.dropDatabase();
    await client?.close();
  });

  /** The commands of ours that reach the database meanwhile, explained as it would run them. */
  async function plansOf(work: () => Promise<unknown>): Promise<Document[]> {
    const sent: Document[] = [];
    const note = ({ commandName, command }: { commandName: string; command: Document }): void => {
      if (commandName === 'find' || commandName === 'aggregate') sent.push(command);
    };
    client.on('commandStarted', note);
    await work();
    client.off('commandStarted', note);
    expect(sent.length).toBeGreaterThan(0);
    return Promise.all(
      sent.map(async ({ lsid: _, $db: __, maxTimeMS: ___, ...command }) =>
        planOf(await db.command({ explain: command, verbosity: 'queryPlanner' })),
      ),
    );
  }

  function expectIndex(plans: Document[], allowed: string | string[]): void {
    for (const plan of plans) {
      const stages = stagesOf(plan);
      expect(stages.map(({ stage }) => stage)).not.toContain('COLLSCAN');
      const used = stages.flatMap((stage) => usedBy(stage) ?? []);
      expect(used.length).toBeGreaterThan(0);
      expect([allowed].flat()).toEqual(expect.arrayContaining([...new Set(used)]));
    }
  }

  test('for one event by its id', async () => {
    expectIndex(await plansOf(() => events.get('x')), '_id_');
  });

  test.each(PAGES)('for a page of %j by the index of that member', async (filter, index) => {
    const order = { field: 'eventTime', descending: true } as const;
    const key = { value: Date.parse('2026-01-03T12:00:00Z'), id: 'x' };
    const beyond = [
      { limit: 50, after: key },
      { limit: 50, before: key, fromEnd: true },
    ];
    for (const request of [{ limit: 50 }, ...beyond]) {
      const plans = await plansOf(() => events.page(filter, order, request));
      // Events of the very moment of the cursor may come by the index of time.
      expectIndex(plans, [TIME, ...[index].flat()]);
      expect(plans.flatMap(stagesOf).map(usedBy)).toContain([index].flat()[0]);
      // A page of one value stands in the index in its order.
      if (index === TIME || index === of('eventName'))
        expect(plans.flatMap(stagesOf).map(({ stage }) => stage)).not.toContain('SORT');
    }
  });

  test.each(PAGES)('for how many are %j within a day, without looking at all', async (filter, index) => {
    const day = { from: new Date('2026-01-02T00:00:00Z'), to: new Date('2026-01-03T00:00:00Z') };
    const plans = await plansOf(() => events.count({ ...filter, ...day }, 10_000));
    expectIndex(plans, [TIME, ...[index].flat()]);
    const ranges: [number, number][] = [[day.from.getTime(), day.to.getTime()]];
    const scans = [ranges, [...ranges, [day.to.getTime() + HOUR, day.to.getTime() + 2 * HOUR]]];
    for (const part of scans as [number, number][][]) {
      const pipeline = scanPipeline({
        filter,
        ranges: part,
        storedFrom: 1,
        dimension: 'ACTOR',
        buckets: { start: 0, stepMs: HOUR, count: 1 },
        unfinished: [{ run: 'r', slices: [0] }],
      });
      const explained = await db.command({
        explain: { aggregate: 'enriched_events', pipeline, cursor: {} },
        verbosity: 'queryPlanner',
      });
      expectIndex([planOf(explained)], [TIME, ...[index].flat()]);
    }
  });

  test('for events in the order of storing by the index of that', async () => {
    const order = { field: 'ingestedAt', descending: true } as const;
    expectIndex(await plansOf(() => events.page(null, order, { limit: 50 })), 'ingestedAt_-1__id_-1');
  });

  test('for the counts of hours and days by the index of those', async () => {
    const rollups = new RollupStore(db);
    const range: [number, number] = [0, 90 * 24 * HOUR];
    const ask = (level: 'hour' | 'day') => () =>
      rollups.read(1, { level, ranges: [range, range], storedFrom: 0, dimensions: ['ACTOR'] });
    for (const level of ['hour', 'day'] as const)
      expectIndex(await plansOf(ask(level)), 'generation_1_level_1_time_1_ingestedAt_1');
  });

  test('an empty filter means all', () => {
    expect(filterQuery({})).toEqual({});
  });
});
