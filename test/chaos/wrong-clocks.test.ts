import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../src/embedded/free-port';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { eventually } from '../support/eventually';

const ROUNDS = LONG ? 6 : 1;
const STEPS = ['-10m', '+10m', '+0'];
const STEP_FOR_MS = LONG ? 20_000 : 6_000;

/** Debian's libfaketime. @throws where it is not installed */
async function libfaketime(): Promise<string> {
  for (const folder of await readdir('/usr/lib')) {
    const path = join('/usr/lib', folder, 'faketime', 'libfaketime.so.1');
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error('these tests need the Debian package faketime: apt-get install faketime');
}

/** The environment of a process whose clock is off by this; steady clocks, and so timers, are left alone. */
async function clockOff(by: { offset: string } | { file: string }): Promise<Record<string, string>> {
  return {
    LD_PRELOAD: await libfaketime(),
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    ...('offset' in by
      ? { FAKETIME: by.offset }
      : { FAKETIME_TIMESTAMP_FILE: by.file, FAKETIME_NO_CACHE: '1' }),
  };
}

describe(`workers whose clocks are ten minutes off, by Debian's faketime (seed ${SEED})`, () => {
  let bench: ChaosBench;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-clock-'));
    const servers = { mongodbUri: process.env.TEST_MONGODB_URI!, redisUrl: process.env.TEST_REDIS_URL! };
    bench = await ChaosBench.open({ servers, direct: servers });
  });
  afterAll(async () => {
    await bench?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Who is left alone next is not to be one that has only begun to start. */
  async function readyWorker(by: { offset: string }): Promise<void> {
    const port = await findFreePort();
    bench.cluster.worker({ ...(await clockOff(by)), METRICS_PORT: String(port) });
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, 'the worker is ready');
  }

  // The receiver refuses a timestamp that is more than five minutes off, as receivers do; `expectNothingLost` looks.
  test('one ahead and one behind share the work, also when one of them is killed: leases and signatures go by the database', async () => {
    const behind = bench.cluster.worker(await clockOff({ offset: '-10m' }));
    const ahead = bench.cluster.worker(await clockOff({ offset: '+10m' }));
    await bench.startStream();
    await bench.flows(200);
    for (const [doomed, offset] of [
      [behind, '-10m'],
      [ahead, '+10m'],
    ] as const) {
      doomed.kill('SIGKILL');
      await doomed.ended(5_000);
      const at = performance.now();
      // What it held comes free after its lease of 3 s, by no clock but the database's.
      await bench.flows(100);
      measured(
        `worker at ${offset} killed`,
        `100 events more after ${Math.round(performance.now() - at)} ms`,
      );
      await readyWorker({ offset });
      await bench.flows(100);
    }
  });

  test('one whose clock is set while it works goes on', async () => {
    await bench.cluster.killAll();
    const [api] = bench.apis;
    bench.apis.splice(0, 1, await bench.cluster.api());
    expect(api).toBeDefined();
    const file = join(folder, 'faketimerc');
    await writeFile(file, '+0');
    bench.cluster.worker(await clockOff({ file }));
    await bench.flows(100);
    for (let round = 0; round < ROUNDS; round++)
      for (const step of STEPS) {
        await writeFile(file, step);
        await delay(STEP_FOR_MS);
        const heard = bench.receiver.received.length;
        await bench.flows(100);
        expect(bench.receiver.received.length).toBeGreaterThan(heard);
      }
  });

  test('after all of it every event is stored once, and the webhook has heard of each, signed in time', async () => {
    await bench.expectNothingLost();
  });
});
