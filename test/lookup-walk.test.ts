import { randomInt } from 'node:crypto';
import { Permanent, Retryable } from '../src/domain/errors';
import { regionsOf } from '../src/sources/lookup/regions';
import { SeenEvents } from '../src/sources/lookup/seen-events';
import { eventually } from './support/eventually';
import { cloudTrailModel, cloudTrailRegions, modelFaults } from './support/lookup-model';
import {
  HOUR,
  idsIn,
  idsOfAll,
  LookupPoller,
  MINUTE,
  NOON,
  type PollerOptions,
  recordsAt,
  recordsIn,
  SECOND,
  timesUpTo,
} from './support/lookup-poller';
import { LOOKUP_ACCOUNT, LOOKUP_KEYS, LookupServer, type LookupServerOptions } from './support/lookup-server';

const servers: LookupServer[] = [];
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  const exchanges = servers.flatMap((server) => server.exchanges);
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  servers.length = 0;
  // Whatever a test is about: what was asked and answered is as the service's published model has it.
  expect(modelFaults(await cloudTrailModel(), exchanges)).toEqual([]);
});

async function serve(options: LookupServerOptions = {}): Promise<LookupServer> {
  const server = await LookupServer.start({ throttle: null, now: () => NOON, ...options });
  servers.push(server);
  cleanups.push(() => server.close());
  return server;
}

function poller(server: LookupServer, options?: PollerOptions, before?: LookupPoller): LookupPoller {
  const made = new LookupPoller(server, options, before);
  cleanups.push(() => made.close());
  return made;
}

/** A server and a poller with one clock. */
async function together(options: PollerOptions = {}, serverOptions: LookupServerOptions = {}) {
  const clock = { poller: null as LookupPoller | null };
  const server = await serve({ now: () => clock.poller!.now, ...serverOptions });
  clock.poller = poller(server, options);
  return { server, it: clock.poller };
}

const sorted = (ids: string[]): string[] => [...ids].sort();
const failureOf = async (polling: Promise<unknown>) => {
  const error = await polling.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Permanent || error instanceof Retryable))
    throw error ?? new Error('it went through');
  return { name: error.name, message: error.message, remedy: error.options.remedy ?? '' };
};

describe('reading an account', () => {
  it('gives every event of every Region once, as the exact text, in batches of a page', async () => {
    const { server, it } = await together({ config: { regions: ['us-east-1', 'eu-west-1'] } });
    const [virginia, ireland] = [
      recordsAt(timesUpTo(NOON, 130, SECOND)),
      recordsAt(timesUpTo(NOON, 3, MINUTE)),
    ];
    server.add('us-east-1', virginia);
    server.add('eu-west-1', ireland);
    const { batches, ids, note } = await it.poll();
    expect(sorted(ids)).toEqual(sorted(idsOfAll([...virginia, ...ireland])));
    expect(note).toBeNull();
    const byRegion = batches.map((batch) => [batch.partition, recordsIn(batch).length]);
    expect(byRegion.sort()).toEqual([
      [`${LOOKUP_ACCOUNT}/eu-west-1`, 3],
      [`${LOOKUP_ACCOUNT}/us-east-1`, 30],
      [`${LOOKUP_ACCOUNT}/us-east-1`, 50],
      [`${LOOKUP_ACCOUNT}/us-east-1`, 50],
    ]);
    expect(batches.flatMap(recordsIn).find(({ eventID }) => eventID === virginia[0]!.eventID)).toEqual(
      virginia[0],
    );
    expect(batches.find(({ partition }) => partition!.endsWith('eu-west-1'))).toEqual({
      _id: expect.stringMatching(/^page_[0-9a-f]{40}$/),
      sourceId: 'src_test',
      sourceKind: 'LOOKUP_EVENTS',
      reference: expect.stringContaining(`${LOOKUP_ACCOUNT}/eu-west-1: 3`),
      partition: `${LOOKUP_ACCOUNT}/eu-west-1`,
      payload: expect.anything(),
    });
    expect((await it.poll()).batches).toEqual([]);
  });

  it('gives the same page the same id, in another process too, and another one for another epoch', async () => {
    const server = await serve();
    server.add('us-east-1', recordsAt(timesUpTo(NOON, 60, SECOND)));
    const batchIds = async (epoch: number) => {
      const one = poller(server);
      one.source.epoch = epoch;
      return (await one.poll()).batches.map(({ _id }) => _id);
    };
    const first = await batchIds(1);
    expect(first).toHaveLength(2);
    expect(await batchIds(1)).toEqual(first);
    expect(new Set([...first, ...(await batchIds(2))]).size).toBe(4);
  });

  it('loses and repeats nothing where a hundred events share the second at which pages and windows meet', async () => {
    const { server, it } = await together();
    const now = recordsAt(Array.from({ length: 120 }, () => NOON));
    server.add('us-east-1', now);
    expect(sorted((await it.poll()).ids)).toEqual(sorted(idsOfAll(now)));
    const same = recordsAt(Array.from({ length: 70 }, () => NOON));
    server.add('us-east-1', same);
    it.now += MINUTE;
    expect(sorted((await it.poll()).ids)).toEqual(sorted(idsOfAll(same)));
  });

  it('asks every page of a window with the same bounds, fifty at a time', async () => {
    const { server, it } = await together({}, { pageSize: 7 });
    server.add('us-east-1', recordsAt(timesUpTo(NOON, 40, SECOND)));
    await it.poll();
    const [management, insight] = [false, true].map((wanted) =>
      server.calls().filter(({ request }) => (request.EventCategory === 'insight') === wanted),
    );
    expect(management).toHaveLength(6);
    expect(insight).toHaveLength(1);
    for (const { request } of management!)
      expect(request).toMatchObject({
        StartTime: (NOON - HOUR) / 1_000,
        EndTime: NOON / 1_000,
        MaxResults: 50,
      });
    expect(management!.filter(({ request }) => 'NextToken' in request)).toHaveLength(5);
  });

  it('takes an event that AWS tells on two pages once', async () => {
    const { server, it } = await together({}, { pageSize: 10, repeats: 3 });
    const records = recordsAt(timesUpTo(NOON, 40, SECOND));
    server.add('us-east-1', records);
    const { ids } = await it.poll();
    expect(ids).toHaveLength(40);
    expect(sorted(ids)).toEqual(sorted(idsOfAll(records)));
    const told = server.calls().flatMap(({ response }) => response.Events as unknown[]);
    expect(told.length).toBeGreaterThan(50);
  });

  it('remembers what it has seen of each account and Region, and no more than fits', () => {
    const seen = new SeenEvents(100);
    for (let n = 0; n < 1_000; n++) seen.add('a', [`event ${n}`]);
    expect(seen.size).toBe(100);
    expect([899, 900, 999].map((n) => seen.has('a', `event ${n}`))).toEqual([false, true, true]);
    expect(seen.has('b', 'event 999')).toBe(false);
  });

  it('begins at the overlap before the first poll', async () => {
    const { server, it } = await together();
    const [old, first] = recordsAt([NOON - HOUR - SECOND, NOON - HOUR]);
    server.add('us-east-1', [old!, first!]);
    expect((await it.poll()).ids).toEqual([first!.eventID]);
    it.now += 12 * HOUR;
    expect((await it.poll()).ids).toEqual([]);
  });

  it('reads Insights events beside the others, once', async () => {
    const { server, it } = await together();
    const [plain] = recordsAt([NOON]);
    const [insight] = recordsAt([NOON - MINUTE]).map((record) => ({
      ...record,
      eventType: 'AwsCloudTrailInsight',
      eventCategory: 'Insight',
    }));
    server.add('us-east-1', [plain!]);
    server.add('us-east-1', [insight!], { insight: true });
    expect(sorted((await it.poll()).ids)).toEqual(sorted([plain!.eventID, insight!.eventID]));
    const late = recordsAt([NOON - 50 * MINUTE]);
    server.add('us-east-1', late, { insight: true });
    it.now += MINUTE;
    expect((await it.poll()).ids).toEqual(idsOfAll(late));
  });

  it('keeps an event whose record is missing or no JSON as AWS gave it, to be refused and seen', async () => {
    const { server, it } = await together();
    const EventTime = NOON / 1_000;
    server.addRaw('us-east-1', { EventId: 'no-record', EventName: 'RunInstances', EventTime });
    server.addRaw('us-east-1', {
      EventId: 'broken',
      EventTime: EventTime - 1,
      CloudTrailEvent: '{"eventID": "bro',
    });
    server.addRaw('us-east-1', { EventId: 'a-list', EventTime: EventTime - 2, CloudTrailEvent: '[1]' });
    const good = recordsAt([NOON - 3 * SECOND]);
    server.add('us-east-1', good);
    const { batches } = await it.poll();
    expect(batches.flatMap(recordsIn)).toEqual([
      { EventId: 'no-record', EventName: 'RunInstances', EventTime: '2026-03-05T12:00:00.000Z' },
      { EventId: 'broken', EventTime: '2026-03-05T11:59:59.000Z', CloudTrailEvent: '{"eventID": "bro' },
      { EventId: 'a-list', EventTime: '2026-03-05T11:59:58.000Z', CloudTrailEvent: '[1]' },
      good[0],
    ]);
  });
});

describe('events that come late', () => {
  it('are found by the next poll where the overlap is small, without any batch for what is known', async () => {
    const { server, it } = await together();
    server.add('us-east-1', recordsAt(timesUpTo(NOON, 20, MINUTE)));
    await it.poll();
    const late = recordsAt([NOON - 58 * MINUTE]);
    server.add('us-east-1', late);
    it.now += MINUTE;
    expect((await it.poll()).ids).toEqual(idsOfAll(late));
  });

  it('are found within ten minutes where the overlap is large, at a fraction of the requests', async () => {
    const { server, it } = await together();
    server.add('us-east-1', recordsAt(timesUpTo(NOON, 1_800, 2 * SECOND)));
    await it.poll();
    const whole = server.calls().length;
    expect(whole).toBe(1_800 / 50 + 1);
    const late = recordsAt([NOON - 50 * MINUTE]);
    server.add('us-east-1', late);
    const found: [number, string][] = [];
    for (let minute = 1; minute <= 10; minute++) {
      it.now = NOON + minute * MINUTE;
      for (const id of (await it.poll()).ids) found.push([minute, id]);
    }
    expect(found).toEqual([[10, late[0]!.eventID]]);
    // Ten heads of 10 minutes (6 to 7 pages and Insights) and one overlap, where ten overlaps would be 370.
    expect(server.calls().length - whole).toBeLessThan(120);
  });

  it('by up to a day are found within six hours, by the re-scan', async () => {
    const { server, it } = await together();
    server.add('us-east-1', recordsAt([NOON]));
    await it.poll();
    for (let hour = 1; hour <= 30; hour++) {
      it.now = NOON + hour * HOUR;
      await it.poll();
    }
    const late = recordsAt([it.now - 20 * HOUR]);
    server.add('us-east-1', late);
    const found: string[] = [];
    const before = it.now;
    while (it.now < before + 6 * HOUR) {
      it.now += 30 * MINUTE;
      found.push(...(await it.poll()).ids);
    }
    expect(found).toEqual(idsOfAll(late));
  });

  it('for a whole hour, each by up to 55 minutes, are all stored, whoever polls', async () => {
    const seed = randomInt(1_000_000);
    console.info(`seed ${seed}`);
    let state = seed;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    const { server, it: first } = await together();
    const all = recordsAt(timesUpTo(NOON + HOUR, 720, 5 * SECOND));
    for (const record of all)
      server.add('us-east-1', [record], { deliveredAt: Date.parse(record.eventTime) + random(55 * MINUTE) });
    const clock = first;
    let second: LookupPoller | null = null;
    const got = new Set<string>();
    for (let minute = 0; minute <= 130; minute++) {
      clock.now = NOON + minute * MINUTE;
      // Two workers take turns, one of them new each time: neither knows what the other has seen.
      if (minute % 3 === 2) second = poller(server, {}, first);
      const polling = minute % 3 === 2 ? second! : first;
      polling.now = clock.now;
      for (const id of (await polling.poll()).ids) got.add(id);
    }
    expect(sorted([...got])).toEqual(sorted(idsOfAll(all)));
  }, 240_000);
});

describe('the checkpoint', () => {
  const through = (it: LookupPoller) =>
    (it.checkpoints.get(`${LOOKUP_ACCOUNT}/us-east-1`)!.through as Date).getTime();

  it('stays where it is while a batch is unsettled, and moves once all are', async () => {
    const { server, it } = await together();
    server.add('us-east-1', recordsAt([NOON]));
    await it.poll();
    expect(through(it)).toBe(NOON - HOUR);
    it.unsettled = 1;
    it.now = NOON + MINUTE;
    await it.poll();
    expect(through(it)).toBe(NOON - HOUR);
    it.unsettled = 0;
    it.now = NOON + 2 * MINUTE;
    await it.poll();
    expect(through(it)).toBe(NOON + MINUTE);
  });

  it('takes a worker on in the middle of a window that another one left', async () => {
    const server = await serve();
    const records = recordsAt(timesUpTo(NOON, 400, SECOND));
    server.add('us-east-1', records);
    const killed = poller(server);
    const before = await killed.poll({ pages: 5 });
    expect(before.ids).toHaveLength(250);
    const calls = server.calls().length;
    const after = await poller(server, {}, killed).poll();
    expect(sorted([...before.ids, ...after.ids])).toEqual(sorted(idsOfAll(records)));
    // The three pages that were left, and Insights.
    expect(server.calls().length - calls).toBe(4);
  });

  it('goes on where events lie that were read, if AWS does not take the NextToken any more', async () => {
    const server = await serve();
    const records = recordsAt(timesUpTo(NOON, 600, 5 * SECOND));
    server.add('us-east-1', records);
    const killed = poller(server);
    const before = await killed.poll({ pages: 8 });
    server.expireTokens();
    const calls = server.calls().length;
    const after = await poller(server, {}, killed).poll();
    expect(sorted([...new Set([...before.ids, ...after.ids])])).toEqual(sorted(idsOfAll(records)));
    expect(server.calls()[calls]!.response.__type).toBe('InvalidNextTokenException');
    // 200 events are left and a minute of overlap, in five pages; then Insights.
    expect(server.calls().length - calls).toBe(1 + 5 + 1);
  });

  it('is beyond what was missed while nobody polled for two days', async () => {
    const { server, it } = await together();
    await it.poll();
    const missed = recordsAt(timesUpTo(NOON + 48 * HOUR, 96, 30 * MINUTE));
    server.add('us-east-1', missed);
    it.now = NOON + 48 * HOUR;
    expect(sorted((await it.poll()).ids)).toEqual(sorted(idsOfAll(missed)));
  });
});

describe('Regions', () => {
  it.each([
    ['aws', 'us-east-1'],
    ['aws-us-gov', 'us-gov-west-1'],
    ['aws-cn', 'cn-north-1'],
  ])('of %s are those that botocore publishes for CloudTrail', async (partition, home) => {
    const published = (await cloudTrailRegions()).get(partition)!;
    expect(
      regionsOf([], home)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(published.sort());
  });

  const asked = (server: LookupServer) => new Set(server.calls().map(({ region }) => region));

  it('are all of the AWS partition where the source names none', async () => {
    const everywhere = async (region: string) => {
      const server = await serve();
      await poller(server, { region, config: { regions: [] } }).poll();
      return [...asked(server)].sort();
    };
    const commercial = await everywhere('eu-central-1');
    expect(commercial).toHaveLength(34);
    expect(commercial).toEqual(
      expect.arrayContaining(['us-east-1', 'ap-southeast-2', 'me-south-1', 'eu-north-1']),
    );
    expect(await everywhere('us-gov-west-1')).toEqual(['us-gov-east-1', 'us-gov-west-1']);
    expect(await everywhere('cn-north-1')).toEqual(['cn-north-1', 'cn-northwest-1']);
  });

  it('that were never switched on are left alone for a day, without a word', async () => {
    const { server, it } = await together({ config: { regions: [] } });
    server.off.add('me-south-1').add('af-south-1');
    expect((await it.poll()).note).toBeNull();
    const count = () => server.calls('me-south-1').length;
    expect(count()).toBe(1);
    it.now += 23 * HOUR;
    expect((await it.poll()).note).toBeNull();
    expect(count()).toBe(1);
    server.off.clear();
    const record = recordsAt([it.now]);
    server.add('me-south-1', record);
    it.now += 2 * HOUR;
    expect((await it.poll()).ids).toEqual(idsOfAll(record));
  });

  it('that fail are told by name with a remedy, while the others go on', async () => {
    const { server, it } = await together({ config: { regions: ['us-east-1', 'eu-west-1', 'eu-west-2'] } });
    const [here] = recordsAt([NOON]);
    server.add('us-east-1', [here!]);
    server.fail('eu-west-1', { code: 'AccessDeniedException' });
    server.off.add('eu-west-2');
    const { ids, note } = await it.poll();
    expect(ids).toEqual([here!.eventID]);
    expect(note!.warning).toContain(`${LOOKUP_ACCOUNT}/eu-west-1, ${LOOKUP_ACCOUNT}/eu-west-2`);
    expect(note!.warning + note!.remedy).toMatch(/cloudtrail:LookupEvents|access key id/);
    server.mend('eu-west-1');
    server.off.clear();
    const missed = recordsAt([NOON - MINUTE]);
    server.add('eu-west-1', missed);
    it.now += 3 * HOUR;
    expect(await it.poll()).toMatchObject({ ids: idsOfAll(missed), note: null });
  });

  it('that all refuse make the source fail, with the policy that it needs or the keys that are wrong', async () => {
    const { server, it } = await together({ config: { regions: ['us-east-1', 'eu-west-1'] } });
    for (const region of ['us-east-1', 'eu-west-1']) server.fail(region, { code: 'AccessDeniedException' });
    expect(await failureOf(it.poll())).toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('cloudtrail:LookupEvents is denied'),
      remedy: expect.stringContaining('{"Effect":"Allow","Action":"cloudtrail:LookupEvents","Resource":"*"}'),
    });
    const stranger = poller(server, { keys: () => ({ ...LOOKUP_KEYS, accessKeyId: 'AKIANOBODY' }) });
    expect(await failureOf(stranger.poll())).toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('sts:GetCallerIdentity: the access key id is not known there'),
    });
  });

  it('that are slow hold up nobody: others are told meanwhile, and asked again', async () => {
    const server = await serve({ now: Date.now });
    server.slow.set('eu-west-1', 2_000);
    const it = poller(server, { config: { regions: ['us-east-1', 'eu-west-1'], pollIntervalSeconds: 0.3 } });
    it.now = Date.now();
    const first = recordsAt([it.now - MINUTE]);
    server.add('us-east-1', first);
    const ticking = setInterval(() => {
      it.now = Date.now();
    }, 20);
    cleanups.push(() => clearInterval(ticking));
    const polling = it.poll();
    await eventually(() => it.known.size === 1, 'the quick Region is told', 1_500);
    const second = recordsAt([it.now - MINUTE]);
    server.add('us-east-1', second);
    await eventually(() => it.known.size === 2, 'the quick Region is told again', 1_500);
    expect(server.calls('eu-west-1')).toHaveLength(1);
    const { ids, note } = await polling;
    expect(ids).toEqual(idsOfAll([...first, ...second]));
    expect(note).toBeNull();
  });

  it('are read in each account of the list where the role has {accountId}', async () => {
    const server = await serve();
    const accounts = ['444455556666', '777788889999'];
    for (const account of accounts) {
      server.allow(`AKIAROLE${account}`, account);
      server.add('us-east-1', recordsAt([NOON]), { account });
    }
    const roleArn = 'arn:aws:iam::{accountId}:role/TrailGraph';
    const { batches } = await poller(server, { roleArn, config: { accountIds: accounts } }).poll();
    expect(batches.map(({ partition }) => partition).sort()).toEqual(accounts.map((id) => `${id}/us-east-1`));
    expect(await failureOf(poller(server, { roleArn }).poll())).toMatchObject({
      remedy: expect.stringContaining('lookupEvents.accountIds'),
    });
  });
});

describe('what passes', () => {
  it('such as throttling and a service that fails by itself, costs no event and is not told', async () => {
    const { server, it } = await together();
    const records = recordsAt(timesUpTo(NOON, 120, SECOND));
    server.add('us-east-1', records);
    server.fail('us-east-1', { code: 'ThrottlingException' }, 6);
    server.fail('us-east-1', { code: 'InternalFailure', status: 500 }, 2);
    const { ids, note } = await it.poll();
    expect(sorted(ids)).toEqual(sorted(idsOfAll(records)));
    expect(note).toBeNull();
    // Nobody else tries again: eight refusals, three pages and Insights.
    expect(server.calls()).toHaveLength(6 + 2 + 3 + 1);
  });

  it('is told once it lasts: throttling for ten minutes', async () => {
    const { server, it } = await together();
    server.fail('us-east-1', { code: 'ThrottlingException' });
    expect((await it.poll()).note).toBeNull();
    it.now = NOON + 9 * MINUTE;
    expect((await it.poll()).note).toBeNull();
    it.now = NOON + 11 * MINUTE;
    expect(await failureOf(it.poll())).toMatchObject({
      message: expect.stringContaining('AWS throttles every request since 2026-03-05T12:00:00.000Z'),
      remedy: expect.stringContaining('another collector'),
    });
    server.mend('us-east-1');
    expect((await it.poll()).note).toBeNull();
  });

  it('such as credentials that have expired, is told with a remedy, and the next poll asks for new ones', async () => {
    let keys = { ...LOOKUP_KEYS, sessionToken: 'the-first' };
    const { server, it } = await together({ keys: () => keys });
    server.add('us-east-1', recordsAt([NOON]));
    await it.poll();
    server.expire(LOOKUP_KEYS.accessKeyId);
    const missed = recordsAt([NOON + MINUTE]);
    server.add('us-east-1', missed);
    it.now = NOON + MINUTE;
    const failure = await failureOf(it.poll());
    expect(failure).toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('the session credentials have expired (ExpiredTokenException)'),
      remedy: expect.stringContaining('new session credentials'),
    });
    expect(JSON.stringify(failure)).not.toMatch(/the-first|lookup-test-secret/);
    keys = { ...LOOKUP_KEYS, accessKeyId: 'AKIALOOKUPEXAMPLE001', sessionToken: 'the-second' };
    server.allow(keys.accessKeyId, LOOKUP_ACCOUNT);
    expect((await it.poll()).ids).toEqual(idsOfAll(missed));
  });

  it('ends at once when the fetch is given up', async () => {
    const server = await serve();
    server.slow.set('us-east-1', 30_000);
    const stop = new AbortController();
    const polling = poller(server).poll({ signal: stop.signal });
    await eventually(() => server.calls().length === 1, 'the call is under way');
    stop.abort(new Error('given up'));
    await expect(polling).rejects.toThrow('given up');
  });
});

describe('a range of the past', () => {
  const FROM = NOON - 3 * 24 * HOUR;

  it('is walked from its oldest day on, to its end and not beyond', async () => {
    const { server, it } = await together({ config: { regions: ['us-east-1', 'eu-west-1'] } });
    const inside = recordsAt([FROM, ...timesUpTo(NOON - SECOND, 140, 30 * MINUTE)]);
    const outside = recordsAt([FROM - SECOND, NOON, NOON + SECOND]);
    server.add('us-east-1', [...inside.slice(0, 90), ...outside]);
    server.add('eu-west-1', inside.slice(90));
    const { ids, pages } = await it.range(FROM, NOON);
    expect(sorted(ids)).toEqual(sorted(idsOfAll(inside)));
    const walked = pages.map((page) => page.walked);
    expect(walked).toEqual([...walked].sort((a, b) => a - b));
    expect(walked.at(-1)).toBe(1);
    const through = pages.map((page) => page.through!.getTime());
    expect(through).toEqual([...through].sort((a, b) => a - b));
    expect(through[0]).toBe(FROM);
  });

  it('goes on after any page from the position that was kept with it', async () => {
    const { server, it } = await together(
      { config: { regions: ['us-east-1', 'eu-west-1'] } },
      { pageSize: 10 },
    );
    const records = recordsAt(timesUpTo(NOON - SECOND, 140, 30 * MINUTE));
    server.add('us-east-1', records.slice(0, 70));
    server.add('eu-west-1', records.slice(70));
    const { pages } = await it.range(FROM, NOON);
    for (let kept = 1; kept < pages.length; kept += 3) {
      const before = pages.slice(0, kept).flatMap(({ batches }) => idsIn(batches));
      const after = await it.range(FROM, NOON, { position: pages[kept - 1]!.position });
      expect(sorted([...before, ...after.ids])).toEqual(sorted(idsOfAll(records)));
    }
  });

  it('is refused where it begins before the 90 days that LookupEvents keeps', async () => {
    const { it } = await together();
    expect(await failureOf(it.range(NOON - 91 * 24 * HOUR, NOON))).toMatchObject({
      name: 'Permanent',
      message: 'LookupEvents keeps events for 90 days, and the range begins earlier',
      remedy: expect.stringContaining('Begin at 2025-12-05'),
    });
  });

  it('leaves out Regions that were never switched on, and says which one fails', async () => {
    const { server, it } = await together({ config: { regions: [] } });
    server.off.add('me-south-1');
    const records = recordsAt([NOON - HOUR]);
    server.add('sa-east-1', records);
    expect((await it.range(NOON - 2 * HOUR, NOON)).ids).toEqual(idsOfAll(records));
    server.fail('sa-east-1', { code: 'AccessDeniedException' });
    expect(await failureOf(it.range(NOON - 2 * HOUR, NOON))).toMatchObject({
      message: expect.stringContaining(`LookupEvents in ${LOOKUP_ACCOUNT}/sa-east-1`),
    });
  });
});

describe('the server that plays LookupEvents', () => {
  it('is caught where a request or an answer is not as the published model has it', async () => {
    const model = await cloudTrailModel();
    expect(model.metadata).toMatchObject({ protocol: 'json', jsonVersion: '1.1' });
    const at = { at: 0, account: null, region: 'us-east-1', accessKeyId: '', operation: 'LookupEvents' };
    const good = { ...at, request: { MaxResults: 50, StartTime: 1 }, status: 200, response: { Events: [] } };
    expect(modelFaults(model, [good])).toEqual([]);
    expect(
      modelFaults(model, [
        { ...good, request: { MaxResults: 51, Limit: 1 } },
        { ...good, request: { EventCategory: 'data', StartTime: '2026-01-01' } },
        { ...good, response: { Events: [{ EventId: 1, Id: 'x' }] } },
        { ...good, status: 429, response: { __type: 'ThrottlingException' } },
        { ...good, status: 400, response: { __type: 'NoSuchException' } },
        { ...good, operation: 'FindEvents' },
      ]),
    ).toEqual([
      'LookupEvents request.MaxResults is more than 50',
      'LookupEvents request.Limit is no member',
      'LookupEvents request.EventCategory is none of insight',
      'LookupEvents request.StartTime is no time of JSON 1.1, seconds since the epoch',
      'response.Events[0].EventId is no string',
      'response.Events[0].Id is no member',
      'ThrottlingException comes with 400, not 429',
      'NoSuchException is no error of this operation',
      'FindEvents is no operation',
    ]);
  });
});
