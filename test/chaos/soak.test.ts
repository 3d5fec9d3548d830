import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { ReconnectingClient } from '../support/live-client';
import type { SpawnedProgram } from '../support/worker-process';

const WARM_UP_MS = LONG ? 180_000 : 25_000;
/** SOAK_SECONDS: any other time. */
const SOAK_MS = Number(process.env.SOAK_SECONDS ?? (LONG ? 1_200 : 60)) * 1_000;
const EVERY_MS = 1_000;
const PAGE = 4_096;
const MB = 1024 * 1024;
/** Between the least that a process has in the first and in the last third: garbage comes and goes, a leak stays. */
const MOST_GROWTH_MB = 100;
const MOST_MORE_FILES = 8;

interface Sample {
  rssMb: number;
  files: number;
}

async function sampleOf({ pid }: SpawnedProgram): Promise<Sample> {
  const [, resident] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ');
  return { rssMb: (Number(resident) * PAGE) / MB, files: (await readdir(`/proc/${pid}/fd`)).length };
}

const of = (samples: Sample[], what: keyof Sample): number[] => samples.map((sample) => sample[what]);
const least = (samples: Sample[], what: keyof Sample): number => Math.min(...of(samples, what));

describe(`an API and a worker under an even stream of events for ${(WARM_UP_MS + SOAK_MS) / 1_000} s (seed ${SEED})`, () => {
  let bench: ChaosBench;

  beforeAll(async () => {
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    bench = await ChaosBench.open({ servers, direct: servers, bodiesPerSecond: 5, recordsPerBody: 50 });
  });
  afterAll(() => bench?.close());

  test('take no more memory and no more descriptors in the end than after they were warm', async () => {
    const programs = { API: bench.apis[0]!, worker: bench.cluster.worker() };
    await bench.startStream();
    // One who comes and goes: what it leaves behind would add up.
    const live = new ReconnectingClient({ url: bench.apis[0]!.url, token: bench.admin.token! });
    const samples = { API: [] as Sample[], worker: [] as Sample[] };
    const began = performance.now();
    while (performance.now() - began < WARM_UP_MS + SOAK_MS) {
      await delay(EVERY_MS);
      live.reconnect();
      if (performance.now() - began < WARM_UP_MS) continue;
      for (const name of ['API', 'worker'] as const) samples[name].push(await sampleOf(programs[name]));
    }
    live.stop();
    measured('soak', `${bench.stream.acknowledged} events, ${live.reconnections} reconnections`);
    const third = Math.floor(samples.API.length / 3);
    for (const name of ['API', 'worker'] as const) {
      const [first, last] = [samples[name].slice(0, third), samples[name].slice(-third)];
      const grownMb = least(last, 'rssMb') - least(first, 'rssMb');
      const moreFiles = least(last, 'files') - least(first, 'files');
      const peakMb = Math.max(...of(samples[name], 'rssMb'));
      measured(
        `soak, ${name}`,
        `RSS ${least(first, 'rssMb').toFixed(0)} MB at first, ${least(last, 'rssMb').toFixed(0)} MB in the end, ` +
          `${peakMb.toFixed(0)} MB at most; ${least(first, 'files')} and ${least(last, 'files')} descriptors`,
      );
      expect(grownMb).toBeLessThan(MOST_GROWTH_MB);
      expect(moreFiles).toBeLessThanOrEqual(MOST_MORE_FILES);
    }
    expect(bench.stream.acknowledged).toBeGreaterThan(0);
    await bench.expectNothingLost();
  });
});
