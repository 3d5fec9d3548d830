import { setTimeout as delay } from 'node:timers/promises';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { pushOnce, storedAgainAfter } from '../support/event-stream';
import { eventually } from '../support/eventually';
import { GraphqlClient } from '../support/graphql-client';
import { demoRecords } from '../support/ledger';
import { OwnMongod } from '../support/own-mongod';
import { OwnValkey } from '../support/own-valkey';

const MONGOD_AWAY_MS = LONG ? 60_000 : 20_000;
const VALKEY_AWAY_MS = LONG ? 600_000 : 30_000;
const VALKEY_FROZEN_MS = LONG ? 60_000 : 8_000;
/** Requirements B3 and B2, and what a busy machine may take of each. */
const REFUSED_WITHIN_MS = 2_000;
const RESUMED_WITHIN_MS = 10_000;
const BACK_WITHIN_MS = 5_000;
const SLACK = 3;

describe(`servers that are frozen, killed and away under a stream of events (seed ${SEED})`, () => {
  let mongod: OwnMongod;
  let valkey: OwnValkey;
  let bench: ChaosBench;
  /** Seeds of bodies beside those of the stream. */
  let extra = SEED;

  beforeAll(async () => {
    mongod = await OwnMongod.prepare();
    await mongod.start();
    valkey = await OwnValkey.prepare();
    await valkey.start();
    const servers = { mongodbUri: mongod.uri, redisUrl: valkey.url };
    bench = await ChaosBench.open({ servers, direct: servers });
    bench.cluster.worker();
    await bench.startStream();
    await bench.flows(200);
  });
  afterAll(async () => {
    mongod?.thaw();
    valkey?.thaw();
    await bench?.close();
    await valkey?.close();
    await mongod?.close();
  });

  /** Asks both doors while the database is away: each says so in time, and when to come again. */
  async function expectRefusals(what: string): Promise<void> {
    const anonymous = new GraphqlClient(bench.url());
    const asked = performance.now();
    const [pushed, answered] = await Promise.all([
      // One that is stored already: what is refused is nobody's but the sender's.
      pushOnce(bench.url(), bench.source, demoRecords(SEED, 0, 1)),
      bench.admin
        .raw('{ events(first: 1) { nodes { id } } }')
        .then(({ errors }) => ({ errors, ms: Math.round(performance.now() - asked) })),
    ]);
    measured(`${what}: push refused after`, `${pushed.ms} ms`);
    measured(`${what}: GraphQL refused after`, `${answered.ms} ms`);
    expect(pushed.status).toBe(503);
    expect(Number(pushed.retryAfter)).toBeGreaterThan(0);
    expect(answered.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAVAILABLE']);
    for (const { ms } of [pushed, answered]) expect(ms).toBeLessThan(REFUSED_WITHIN_MS * SLACK);
    const ready = await fetch(`${anonymous.url}/readyz`);
    expect(ready.status).toBe(503);
    const live = await fetch(`${anonymous.url}/livez`);
    expect(live.status).toBe(200);
  }

  async function expectResumed(what: string): Promise<void> {
    const { ms, ids } = await storedAgainAfter(bench.url, bench.source, ++extra, 6 * RESUMED_WITHIN_MS);
    bench.otherIds.push(...ids);
    measured(`${what}: stored again after`, `${ms} ms`);
    expect(ms).toBeLessThan(RESUMED_WITHIN_MS * SLACK);
    const before = bench.receiver.received.length;
    await eventually(() => bench.receiver.received.length > before, 'the webhook hears again');
    await bench.flows(100);
  }

  test(`mongod frozen for ${MONGOD_AWAY_MS / 1_000} s: requests are refused in time, and all goes on when it is back`, async () => {
    mongod.freeze();
    const frozen = delay(MONGOD_AWAY_MS);
    // Those that are under way as it freezes wait for the ping that decides.
    await delay(REFUSED_WITHIN_MS * SLACK);
    await expectRefusals('mongod frozen');
    await frozen;
    mongod.thaw();
    await expectResumed('mongod thawed');
  });

  test('mongod killed and started again: requests are refused in time, and all goes on when it is back', async () => {
    await mongod.kill();
    await expectRefusals('mongod killed');
    await mongod.start();
    await expectResumed('mongod started again');
  });

  /** Nobody is refused while Valkey is away; health says so. */
  async function expectNothingRefused(ms: number): Promise<void> {
    const first = bench.stream.answers.length;
    await eventually(async () => {
      const ready = await fetch(`${bench.url()}/readyz`);
      return ready.status === 200 && ((await ready.json()) as { status: string }).status === 'DEGRADED';
    }, 'health says DEGRADED');
    await delay(ms);
    await bench.flows(50);
    expect(bench.stream.answers.slice(first).filter(({ status }) => status !== 200)).toEqual([]);
  }

  async function expectHealthy(what: string): Promise<void> {
    const at = performance.now();
    await eventually(
      async () =>
        ((await (await fetch(`${bench.url()}/readyz`)).json()) as { status: string }).status === 'HEALTHY',
      'health says HEALTHY',
      6 * BACK_WITHIN_MS,
    );
    const ms = Math.round(performance.now() - at);
    measured(`${what}: healthy again after`, `${ms} ms`);
    expect(ms).toBeLessThan(BACK_WITHIN_MS * SLACK);
  }

  test(`Valkey frozen for ${VALKEY_FROZEN_MS / 1_000} s refuses nobody`, async () => {
    await bench.calm();
    valkey.freeze();
    await expectNothingRefused(VALKEY_FROZEN_MS);
    valkey.thaw();
    await expectHealthy('Valkey thawed');
  });

  test(`Valkey killed, absent for ${VALKEY_AWAY_MS / 1_000} s and back empty refuses nobody`, async () => {
    await bench.calm();
    await valkey.kill();
    await expectNothingRefused(VALKEY_AWAY_MS);
    await valkey.start();
    await expectHealthy('Valkey back');
    await bench.flows(50);
  });

  test('after all of it every event is stored once, and the webhook has heard of each', async () => {
    await bench.expectNothingLost();
  });
});
