import { eventually } from './support/eventually';
import type { GraphqlClient } from './support/graphql-client';
import { LiveClient, type LiveOptions } from './support/live-client';
import { metric, opened } from './support/live-state';
import { makePushSource, newRecord, type PushSource } from './support/pushing';
import { startTrailGraph, type TestTrailGraph } from './support/trailgraph';

const EXECUTIONS = 'trailgraph_subscription_executions_total';
const SENT = 'trailgraph_subscription_events_sent_total';

describe('subscriptions that ask the same', () => {
  let app: TestTrailGraph;
  let admin: GraphqlClient;
  let source: PushSource;
  const clients: LiveClient[] = [];
  const open = (more: Partial<LiveOptions> = {}): LiveClient => {
    const client = new LiveClient({ url: app.url, token: admin.token!, ...more });
    clients.push(client);
    return client;
  };
  const come = (client: LiveClient, count: number): Promise<void> =>
    eventually(() => client.seen.length >= count, `${count} events have come`);

  beforeAll(async () => {
    app = await startTrailGraph();
    admin = await app.admin();
    source = await makePushSource(app, 'pushed');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await opened(app, 0);
  });
  afterAll(() => app.stop());

  test('are executed once for each event, whatever variable names where they began', async () => {
    const [first] = await source.pushNew(1);
    const equal = [open({ copies: 10 }), open({ copies: 10 }), open({ copies: 10 })];
    await opened(app, 30);
    const executed = await metric(app, EXECUTIONS);
    const sent = await metric(app, SENT);
    const ids = (await Promise.all([source.pushNew(40), source.pushNew(40)])).flat();
    for (const client of equal) await come(client, 800);
    expect(await metric(app, SENT)).toBe(sent + 30 * 80);
    expect(await metric(app, EXECUTIONS)).toBe(executed + 80);

    // Who comes later and goes on after what it saw is one of them from the first event on that it has in common.
    const cursor = equal[0]!.lastCursor!;
    const later = Array.from({ length: 5 }, () => open({ after: cursor }));
    await opened(app, 35);
    const more = await source.pushNew(30);
    for (const client of later) await come(client, 30);
    for (const client of equal) await come(client, 1_100);
    expect(await metric(app, EXECUTIONS)).toBeLessThanOrEqual(executed + 80 + 30 + later.length);
    for (const client of later) expect([...client.ids].sort()).toEqual([...more].sort());
    const expected = [...ids, ...more].flatMap((id) => Array<string>(10).fill(id)).sort();
    for (const client of equal) expect([...client.ids].sort()).toEqual(expected);
    expect(equal[0]!.ids).not.toContain(first);
  });

  test('and those that do not ask the same get each their own', async () => {
    const names = open({ filter: { eventNames: ['Shared*'] } });
    const others = open({ filter: { none: [{ eventNames: ['Shared*'] }] }, fields: 'eventName' });
    const all = open({ fields: 'eventName' });
    await opened(app, 3);
    const records = ['SharedOne', 'Other', 'SharedTwo'].map((eventName) => newRecord({ eventName }));
    await source.push(JSON.stringify({ Records: records }));
    await come(all, 3);
    await come(names, 2);
    await come(others, 1);
    expect(all.seen.map(({ eventName }) => eventName)).toEqual(['SharedOne', 'Other', 'SharedTwo']);
    expect(names.ids).toEqual([records[0]!.eventID, records[2]!.eventID]);
    expect(others.seen).toMatchObject([{ id: records[1]!.eventID, eventName: 'Other' }]);
  });

  test('with other filters get the answer that was executed once for all of them', async () => {
    const fields = 'eventName errorCode @include(if: $more)';
    const each = Array.from({ length: 20 }, (_, n) =>
      open({ filter: { none: [{ eventNames: [`No${n}`] }] }, fields, more: false }),
    );
    const detailed = open({ fields, more: true });
    await opened(app, 21);
    const executed = await metric(app, EXECUTIONS);
    const records = Array.from({ length: 20 }, (_, n) =>
      newRecord({ eventName: `No${n}`, errorCode: 'Odd' }),
    );
    await source.push(JSON.stringify({ Records: records }));
    await come(detailed, 20);
    for (const [n, client] of each.entries()) {
      await come(client, 19);
      const others = records.filter(({ eventName }) => eventName !== `No${n}`);
      expect(client.ids).toEqual(others.map(({ eventID }) => eventID));
      for (const seen of client.seen) expect(seen).not.toHaveProperty('errorCode');
    }
    expect(detailed.seen.every(({ errorCode }) => errorCode === 'Odd')).toBe(true);
    // Once for those that leave the error out, once for the one that does not.
    expect(await metric(app, EXECUTIONS)).toBe(executed + 2 * 20);
  });

  test('do not wait for one whose socket is not read, and that one misses nothing', async () => {
    const padding = 'x'.repeat(50_000);
    const heavy = { fields: 'requestParameters' };
    const slow = open(heavy);
    const quick = open(heavy);
    await opened(app, 2);
    slow.pause();
    const ids: string[] = [];
    // Far more than what the system's buffers and the group keep for a socket.
    for (let round = 0; round < 20; round++) {
      const records = Array.from({ length: 20 }, () => newRecord({ requestParameters: { padding } }));
      await source.push(JSON.stringify({ Records: records }));
      ids.push(...records.map(({ eventID }) => eventID));
    }
    await come(quick, 400);
    expect(slow.seen.length).toBeLessThan(400);
    slow.resume();
    await come(slow, 400);
    ids.push(...(await source.pushNew(3)));
    for (const client of [quick, slow]) {
      await come(client, 403);
      expect(client.ids).toHaveLength(403);
      expect([...client.ids].sort()).toEqual([...ids].sort());
    }
    expect(slow.ids).toEqual(quick.ids);
  });
});
