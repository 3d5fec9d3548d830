import * as fc from 'fast-check';
import { CRASH_POINTS, type CrashPoint } from '../../src/pipeline/crash-points';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { eventually } from '../support/eventually';

/** Those that an event does not meet on its way: replays.test.ts has them. */
const ELSEWHERE: readonly CrashPoint[] = ['replay-page-made'];
const STAGES = CRASH_POINTS.filter((point) => !ELSEWHERE.includes(point));
/** Requirements B1. Each stage by itself is in test/crash-points.test.ts. */
const EVENTS = LONG ? 100_000 : 3_000;
const KILLS = LONG
  ? STAGES
  : fc.sample(fc.shuffledSubarray(STAGES, { minLength: 4, maxLength: 4 }), { seed: SEED, numRuns: 1 })[0]!;
const BODY = LONG ? 250 : 50;
const KILLED_WITHIN_MS = 120_000;

describe(`${EVENTS} events with a worker killed at ${KILLS.join(', ')} (seed ${SEED})`, () => {
  let bench: ChaosBench;

  beforeAll(async () => {
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    bench = await ChaosBench.open({ servers, direct: servers, bodiesPerSecond: 4, recordsPerBody: BODY });
  });
  afterAll(() => bench?.close());

  /** A batch that is left three times is quarantined, as it should be: none is to meet three of these workers. */
  async function nothingLeftBehind(): Promise<void> {
    const batches = bench.db.collection('batches');
    await eventually(
      async () => (await batches.countDocuments({ state: 'PENDING', crashes: { $gt: 0 } })) === 0,
      'what the killed one had is stored',
    );
  }

  test('stores each once, and the webhook hears of each', async () => {
    const first = bench.cluster.worker();
    await bench.startStream();
    first.kill('SIGKILL');
    const started = performance.now();
    for (const [index, point] of KILLS.entries()) {
      const doomed = bench.cluster.worker({ TRAILGRAPH_CRASH_AT: `${point}:3` });
      expect(await doomed.ended(KILLED_WITHIN_MS)).toEqual({ code: null, signal: 'SIGKILL' });
      const heir = bench.cluster.worker();
      const wanted = ((index + 1) * EVENTS) / KILLS.length;
      await eventually(
        () => bench.stream.acknowledged >= wanted,
        `${wanted} events are stored`,
        LONG ? 300_000 : 150_000,
      );
      await nothingLeftBehind();
      if (index === KILLS.length - 1) break;
      heir.kill('SIGTERM');
      expect(await heir.ended(30_000)).toEqual({ code: 0, signal: null });
    }
    await bench.expectNothingLost();
    measured(
      'killed workers',
      `${bench.stream.acknowledged} events, ${KILLS.length} kills, ${Math.round((performance.now() - started) / 1_000)} s`,
    );
  });
});
