import type { CrashHook } from '../src/pipeline/crash-points';
import { eventually } from './support/eventually';
import type { GraphqlAnswer } from './support/graphql-client';
import {
  bodiesOf,
  countersOf,
  createPushSource,
  demoRecords,
  drained,
  expectConsistent,
  idsOf,
  ledger,
  push,
  pushApart,
  storedIds,
} from './support/ledger';
import { bucketSource, objectBatch, slowObjects } from './support/object-server';
import { startTrailGraph, type TestOptions, type TestTrailGraph } from './support/trailgraph';
import { WorkerCrew } from './support/worker-process';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(options: TestOptions = {}): Promise<TestTrailGraph> {
  const app = await startTrailGraph(options);
  cleanups.push(() => app.stop());
  return app;
}

/** An API whose workers are processes of the test's. */
async function startedWithCrew(settings: Record<string, string> = {}) {
  const app = await started({ settings: { ROLE: 'api', TRAILGRAPH_LEASE_SECONDS: '2', ...settings } });
  const crew = new WorkerCrew(app.environment);
  cleanups.push(() => crew.killAll());
  return { app, crew, source: await createPushSource(await app.admin()) };
}

describe('workers', () => {
  test('two at once on many small batches store nothing twice and number without gaps', async () => {
    const { app, crew, source } = await startedWithCrew();
    const bodies = bodiesOf(110, 40, 25);
    // Every body is sent twice, so that workers meet over the same events.
    const { statuses } = await pushApart(app, source, [...bodies, ...bodies.toReversed()]);
    crew.start();
    crew.start();
    await drained(app);
    await statuses;
    expect(await storedIds(app)).toEqual(bodies.flatMap(idsOf).sort());
    expect(await countersOf(app, source.id)).toEqual({
      received: 2_000,
      stored: 1_000,
      duplicates: 1_000,
      dropped: 0,
      rejected: 0,
    });
    await expectConsistent(app);
  });

  test('that die three times over a batch have it quarantined, its stored events committed, while others flow', async () => {
    const { app, crew, source } = await startedWithCrew();
    const poison = demoRecords(120, 0, 300);
    const { statuses } = await pushApart(app, source, [poison]);
    const { batches, commits } = ledger(app);
    const [bad] = await batches.find().toArray();
    for (const crashAt of ['events-inserted', 'object-downloaded', 'object-downloaded'] as const) {
      expect(await crew.start(crashAt).ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' });
    }
    const others = bodiesOf(121, 5, 40);
    const later = await pushApart(app, source, others);
    crew.start();
    await drained(app);
    await Promise.all([statuses, later.statuses]);
    expect(await app.core.batches.get(bad!._id)).toMatchObject({
      state: 'QUARANTINED',
      crashes: 3,
      received: 300,
      stored: 300,
      error: 'its worker ended or hung 3 times while working on it',
    });
    const committed = await commits.find({ run: bad!.run }).toArray();
    expect(committed.flatMap(({ ids }) => ids)).toEqual(idsOf(poison));
    expect(await batches.countDocuments({ state: 'DONE', crashes: 0 })).toBe(5);
    expect(await countersOf(app, source.id)).toMatchObject({ received: 500, stored: 500, duplicates: 0 });
    await expectConsistent(app);
  });

  test('keep the lease of a batch that waits to run alone', async () => {
    const gate = slowObjects();
    cleanups.push(gate.close);
    const app = await started({ settings: { ROLE: 'api', TRAILGRAPH_LEASE_SECONDS: '2' } });
    const crew = new WorkerCrew(app.environment);
    cleanups.push(() => crew.killAll());
    const source = await bucketSource(app, await gate.start());
    const slow = objectBatch(source, 'slow', demoRecords(130, 0, 10));
    const suspect = objectBatch(source, 'suspect', demoRecords(130, 10, 10));
    gate.objects.set('/bucket/slow', slow.body);
    gate.objects.set('/bucket/suspect', suspect.body);
    gate.hold('/bucket/slow');
    await app.core.batches.add([slow.batch]);
    crew.start();
    await gate.asked('/bucket/slow');
    await app.core.batches.add([suspect.batch]);
    const { batches } = ledger(app);
    await batches.updateOne({ _id: suspect.batch._id }, { $set: { crashes: 2 } });
    await eventually(
      async () => (await app.core.batches.get(suspect.batch._id))?.token != null,
      'it is claimed',
    );
    const { token, dueAt } = (await app.core.batches.get(suspect.batch._id))!;
    await eventually(
      async () =>
        (await app.core.batches.get(suspect.batch._id))!.dueAt!.getTime() > dueAt!.getTime() + 1_500,
      'its lease was renewed',
    );
    gate.release('/bucket/slow');
    await drained(app);
    expect(token).not.toBeNull();
    expect(await app.core.batches.get(suspect.batch._id)).toMatchObject({
      state: 'DONE',
      crashes: 2,
      attempts: 1,
    });
    expect(await storedIds(app)).toEqual(idsOf(demoRecords(130, 0, 20)).sort());
  });

  test('that are told to stop give back at once what they hold, and lose nothing of it', async () => {
    const gate = slowObjects();
    cleanups.push(gate.close);
    // A lease that no test outlives: whoever goes on must have been given the batch.
    const app = await started({ settings: { ROLE: 'api', TRAILGRAPH_LEASE_SECONDS: '600' } });
    const crew = new WorkerCrew(app.environment);
    cleanups.push(() => crew.killAll());
    const source = await bucketSource(app, await gate.start());
    const records = demoRecords(131, 0, 2_500);
    const { batch, body } = objectBatch(source, 'object', records);
    gate.objects.set('/bucket/object', body);
    gate.hold('/bucket/object', Math.floor(body.length * 0.9));
    await app.core.batches.add([batch]);
    const first = crew.start();
    await eventually(async () => (await app.core.commits.head()) >= 1, 'a slice is committed', 30_000);
    const at = Date.now();
    first.kill('SIGTERM');
    expect(await first.ended(10_000)).toEqual({ code: 0, signal: null });
    expect(Date.now() - at).toBeLessThan(10_000);
    const left = (await app.core.batches.get(batch._id))!;
    expect(left).toMatchObject({ state: 'PENDING', token: null, crashes: 0, error: null });
    expect(left.dueAt!.getTime()).toBeLessThanOrEqual(app.core.now().getTime());
    gate.release('/bucket/object');
    crew.start();
    await eventually(
      async () => (await app.core.batches.get(batch._id))?.state === 'DONE',
      'it is finished',
      30_000,
    );
    expect(await app.core.batches.get(batch._id)).toMatchObject({
      stored: 2_500,
      duplicates: 0,
      crashes: 0,
      attempts: 2,
    });
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    await expectConsistent(app);
  });
});

describe('a batch', () => {
  test('whose tries fail and say so is tried again, each time later, and never quarantined', async () => {
    const gate = slowObjects();
    cleanups.push(gate.close);
    const app = await started();
    const source = await bucketSource(app, await gate.start());
    const records = demoRecords(140, 0, 20);
    const { batch, body } = objectBatch(source, 'object', records);
    await app.core.batches.add([batch]);
    const waits: number[] = [];
    for (let tries = 1; tries <= 4; tries++) {
      await eventually(async () => {
        const { attempts, token, error } = (await app.core.batches.get(batch._id))!;
        return attempts === tries && token === null && error !== null;
      }, `try ${tries} has failed and said so`);
      const { dueAt } = (await app.core.batches.get(batch._id))!;
      waits.push(dueAt!.getTime() - app.core.now().getTime());
      // What matters is the wait that it was given, not that the test sits through it.
      await ledger(app).batches.updateOne({ _id: batch._id, token: null }, { $set: { dueAt: new Date(0) } });
    }
    // Half to all of 1, 2, 4 and 8 s; the moment of reading takes some of it.
    for (const [index, most] of [1_000, 2_000, 4_000, 8_000].entries()) {
      expect(waits[index]).toBeLessThanOrEqual(most);
      expect(waits[index]).toBeGreaterThan(most / 2 - 500);
    }
    expect(await app.core.batches.get(batch._id)).toMatchObject({ state: 'PENDING', crashes: 0 });
    gate.objects.set('/bucket/object', body);
    await ledger(app).batches.updateOne({ _id: batch._id, token: null }, { $set: { dueAt: new Date(0) } });
    await drained(app);
    expect(await app.core.batches.get(batch._id)).toMatchObject({ state: 'DONE', stored: 20, crashes: 0 });
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
  });

  test('that two workers had at once counts what either stored as its own', async () => {
    // The later one believes that it is the first: it finds only by inserting that its events are there.
    let broken = true;
    const crash: CrashHook = (point) => {
      if (point === 'events-inserted' && broken) throw new Error('the commit is left to another');
    };
    const app = await started({ crash });
    const source = await createPushSource(await app.admin());
    const records = demoRecords(150, 0, 60);
    const { statuses } = await pushApart(app, source, [records]);
    const { batches } = ledger(app);
    await eventually(
      async () => (await batches.findOne({ error: { $ne: null } })) !== null,
      'the first has inserted',
    );
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    await batches.updateOne({ token: null, state: 'PENDING' }, { $set: { attempts: 0, dueAt: new Date(0) } });
    broken = false;
    await drained(app);
    await statuses;
    expect(await countersOf(app, source.id)).toMatchObject({ received: 60, stored: 60, duplicates: 0 });
    await expectConsistent(app);
  });

  test('of a source that is deleted in mid-flight is cancelled, what it stored stays and is counted', async () => {
    const { app, crew, source } = await startedWithCrew();
    const [done, begun, waiting] = bodiesOf(160, 3, 200) as [
      { eventID: string }[],
      { eventID: string }[],
      { eventID: string }[],
    ];
    const first = crew.start();
    const early = await pushApart(app, source, [done]);
    await drained(app);
    first.kill('SIGTERM');
    expect(await first.ended(60_000)).toEqual({ code: 0, signal: null });
    const { statuses } = await pushApart(app, source, [begun]);
    await crew.start('events-inserted').ended(60_000);
    const later = await pushApart(app, source, [waiting]);
    const admin = await app.admin();
    await admin.run('mutation ($id: ID!) { deleteSource(id: $id) }', { id: source.id });
    crew.start();
    await drained(app);
    await Promise.all([early.statuses, statuses, later.statuses]);
    const states = await ledger(app).batches.find().sort({ createdAt: 1 }).toArray();
    expect(states.map(({ state, stored }) => ({ state, stored }))).toEqual([
      { state: 'DONE', stored: 200 },
      { state: 'CANCELLED', stored: 200 },
      { state: 'CANCELLED', stored: 0 },
    ]);
    expect(await storedIds(app)).toEqual(idsOf([...done, ...begun]).sort());
    expect(await countersOf(app, source.id)).toEqual({
      received: 400,
      stored: 400,
      duplicates: 0,
      dropped: 0,
      rejected: 0,
    });
    expect(await push(app, source, waiting)).toBe(401);
    await expectConsistent(app);
  });
});

test('two sign-ups at once make one ADMIN and refuse the other', async () => {
  const app = await started({ settings: { ROLE: 'api' } });
  const signUp = (email: string): Promise<GraphqlAnswer<{ signUp: { user: { role: string } } }>> =>
    app.anonymous.raw('mutation ($input: CredentialsInput!) { signUp(input: $input) { user { role } } }', {
      input: { email, password: 'correct horse battery' },
    });
  const answers = await Promise.all([signUp('one@example.com'), signUp('two@example.com')]);
  expect(answers.flatMap(({ data }) => data?.signUp?.user.role ?? [])).toEqual(['ADMIN']);
  expect(answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? [])).toEqual([
    'FORBIDDEN',
  ]);
  expect(await ledger(app).db.collection('users').countDocuments()).toBe(1);
});

test('the number of a commit is never given again, not even when retention has emptied the log', async () => {
  const first = await startTrailGraph();
  let stopped = false;
  cleanups.push(async () => void (stopped || (await first.stop())));
  const source = await createPushSource(await first.admin());
  for (const body of bodiesOf(170, 3, 10)) expect(await push(first, source, body)).toBe(200);
  await eventually(
    async () => (await ledger(first).meta.findOne({ _id: 'head' }))?.n === 3,
    'the head is kept apart',
  );
  await ledger(first).commits.deleteMany({});
  await first.stop();
  stopped = true;
  const again = await started({ database: first.database });
  expect(await push(again, source, demoRecords(171, 0, 10))).toBe(200);
  expect((await ledger(again).commits.find().toArray()).map(({ _id }) => _id)).toEqual([4]);
});
