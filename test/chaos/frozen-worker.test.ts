import { setTimeout as delay } from 'node:timers/promises';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { eventually } from '../support/eventually';
import { demoRecords, expectConsistent, idsOf, ledger, storedIds } from '../support/ledger';
import { bucketSource, objectBatch, slowObjects } from '../support/object-server';
import { startTrailGraph } from '../support/trailgraph';
import { WorkerCrew } from '../support/worker-process';

const LEASE_MS = 3_000;
const ROUNDS = LONG ? 20 : 3;

test('a worker that is frozen in the midst of a batch, until another one has ended it, changes nothing when it wakes', async () => {
  const gate = slowObjects();
  const app = await startTrailGraph({
    settings: { ROLE: 'api', TRAILGRAPH_LEASE_SECONDS: String(LEASE_MS / 1_000) },
  });
  const crew = new WorkerCrew({ ...app.environment, LOG_LEVEL: 'warn' });
  try {
    const sourceId = await bucketSource(app, await gate.start());
    const records = demoRecords(SEED, 0, 2_500);
    const { batch, body } = objectBatch(sourceId, 'object', records);
    gate.objects.set('/bucket/object', body);
    gate.hold('/bucket/object', Math.floor(body.length * 0.6));
    await app.core.batches.add([batch]);
    const frozen = crew.start();
    await eventually(async () => (await app.core.commits.head()) >= 1, 'a slice is committed');
    const { token } = (await app.core.batches.get(batch._id))!;
    frozen.kill('SIGSTOP');
    gate.release('/bucket/object');
    crew.start();
    await eventually(
      async () => (await app.core.batches.get(batch._id))?.state === 'DONE',
      'another one ends it',
    );
    const settled = await app.core.batches.get(batch._id);
    expect(settled).toMatchObject({ attempts: 2, crashes: 1, stored: 2_500, duplicates: 0 });
    // By the token that it has, nothing is written any more.
    expect(await app.core.batches.renew(batch._id, token!, LEASE_MS)).toBe(false);
    frozen.kill('SIGCONT');
    await eventually(
      () => /left to whoever holds it now|settled by somebody else/.test(frozen.output()),
      'the one that was frozen sees that it is late',
    );
    expect(await app.core.batches.get(batch._id)).toEqual(settled);
    expect(await storedIds(app)).toEqual(idsOf(records).sort());
    expect(await ledger(app).commits.countDocuments()).toBe(3);
    await expectConsistent(app);
  } finally {
    await crew.killAll();
    await app.stop();
    await gate.close();
  }
});

describe(`workers that are frozen by turns, beyond their leases, under a stream of events (seed ${SEED})`, () => {
  let bench: ChaosBench;

  beforeAll(async () => {
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    const settings = { TRAILGRAPH_LEASE_SECONDS: String(LEASE_MS / 1_000) };
    bench = await ChaosBench.open({
      servers,
      direct: servers,
      settings,
      bodiesPerSecond: 3,
      recordsPerBody: 50,
    });
  });
  afterAll(() => bench?.close());

  test('lose nothing and store nothing twice, nor does one that is never thawed', async () => {
    const workers = [bench.cluster.worker(), bench.cluster.worker()];
    await bench.startStream();
    await bench.flows(200);
    for (let round = 0; round < ROUNDS; round++) {
      const worker = workers[round % workers.length]!;
      worker.kill('SIGSTOP');
      await delay(2 * LEASE_MS);
      await bench.flows(100);
      worker.kill('SIGCONT');
      await bench.flows(100);
    }
    workers[0]!.kill('SIGSTOP');
    measured('workers frozen by turns', `${ROUNDS} rounds, ${bench.stream.acknowledged} events`);
    await bench.expectNothingLost();
  });
});
