import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { eventually } from '../support/eventually';
import type { SpawnedProgram } from '../support/worker-process';

const SIGTERMS = LONG ? 20 : 6;
/** Requirements B7. */
const WITHIN_MS = 30_000;
const BETWEEN_MS = 1_500;
const SIGTERM_BIT = 1n << 14n;

/** Not before its program is read: until then the system ends it, and there is nothing to give back. */
async function listensForSignals({ pid }: SpawnedProgram): Promise<boolean> {
  const caught = /SigCgt:\s*([0-9a-f]+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & SIGTERM_BIT) !== 0n;
}

describe(`${SIGTERMS} SIGTERMs under a stream of events (seed ${SEED})`, () => {
  let bench: ChaosBench;

  beforeAll(async () => {
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    // A lease that no test outlives: what a worker had must have been given back.
    const settings = { TRAILGRAPH_LEASE_SECONDS: '600' };
    bench = await ChaosBench.open({
      servers,
      direct: servers,
      settings,
      apis: 2,
      bodiesPerSecond: LONG ? 12 : 6,
      recordsPerBody: 50,
    });
  });
  afterAll(() => bench?.close());

  test('end workers and APIs in order, each within 30 s with exit code 0; nothing is lost, nothing stored twice', async () => {
    const workers = [bench.cluster.worker(), bench.cluster.worker()];
    await bench.startStream();
    await bench.flows(200);
    for (let index = 0; index < SIGTERMS; index++) {
      const which = Math.floor(index / 2) % 2;
      const [list, start] =
        index % 2 === 0
          ? ([workers, async () => bench.cluster.worker()] as const)
          : ([bench.apis, () => bench.cluster.api()] as const);
      const doomed = list[which]!;
      await eventually(() => listensForSignals(doomed), 'it has started');
      const at = performance.now();
      doomed.kill('SIGTERM');
      expect(await doomed.ended(WITHIN_MS)).toEqual({ code: 0, signal: null });
      measured(
        `SIGTERM of ${index % 2 === 0 ? 'a worker' : 'an API'}`,
        `exit 0 after ${Math.round(performance.now() - at)} ms`,
      );
      (list as unknown[])[which] = await start();
      await delay(BETWEEN_MS);
      await bench.flows(100);
    }
    await bench.expectNothingLost();
  });
});
