import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, open, rm, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ChaosBench, LONG, measured, SEED } from '../support/chaos-bench';
import { pushOnce, storedAgainAfter } from '../support/event-stream';
import { eventually } from '../support/eventually';
import { demoRecords } from '../support/ledger';
import { OwnMongod } from '../support/own-mongod';

const run = promisify(execFile);
/** mongod's journal alone takes 100 MB files. */
const SIZE_MB = 600;
const FULL_FOR_MS = LONG ? 60_000 : 8_000;
const RESUMED_WITHIN_MS = 10_000;
const SLACK = 3;
const PIECE = Buffer.alloc(1024 * 1024, 1);

/** Whether this user may mount a file system: root with CAP_SYS_ADMIN. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'trailgraph-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/** A file system of its own. */
async function smallDisk(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trailgraph-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', folder]);
  return folder;
}

/** Takes all the room there is. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    for (let size = PIECE.length; size > 512; ) {
      const written = await file.write(PIECE, 0, size).catch(() => ({ bytesWritten: 0 }));
      if (written.bytesWritten < size) size = Math.floor(size / 2);
    }
  } finally {
    await file.close();
  }
}

const described = mayMount() ? describe : describe.skip;

described(
  `a disk that is full under mongod, where a tmpfs may be mounted (root): events in a stream (seed ${SEED})`,
  () => {
    let disk: string;
    let mongod: OwnMongod;
    let bench: ChaosBench;

    beforeAll(async () => {
      disk = await smallDisk();
      mongod = await OwnMongod.prepare(join(disk, 'db'));
      await mongod.start();
      const servers = { mongodbUri: mongod.uri, redisUrl: process.env.TEST_REDIS_URL! };
      bench = await ChaosBench.open({ servers, direct: servers, bodiesPerSecond: 3, recordsPerBody: 20 });
      bench.cluster.worker();
      await bench.startStream();
      await bench.flows(200);
    });
    afterAll(async () => {
      await bench?.close();
      await mongod?.close();
      if (!disk) return;
      await run('umount', ['--lazy', disk]);
      await rm(disk, { recursive: true, force: true });
    });

    test('senders hear 503 while there is no room, and with room again, mongod started where it gave up, all goes on', async () => {
      const ballast = join(disk, 'ballast');
      await fill(ballast);
      const first = bench.stream.answers.length;
      // What little room the journal has left is used up first.
      await eventually(
        async () => {
          await fill(ballast);
          return bench.stream.answers.slice(first).some(({ status }) => status === 503);
        },
        'a sender is told to come again',
        60_000,
      );
      const { bavail, bsize } = await statfs(disk);
      // One that is stored already: what is refused is nobody's but the sender's.
      const records = demoRecords(SEED, 0, 1);
      await delay(FULL_FOR_MS);
      const answer = await pushOnce(bench.url(), bench.source, records);
      measured(
        'disk full',
        `${bavail * bsize} bytes left, mongod ${mongod.ended ? 'gave up' : 'stayed'}, push answered ${answer.status} after ${answer.ms} ms`,
      );
      expect(answer.status).toBe(503);
      expect(Number(answer.retryAfter)).toBeGreaterThan(0);
      const statuses = new Set(bench.stream.answers.slice(first).map(({ status }) => status));
      // None is told that it is our fault, or its own; those that were stored while there was room heard 200.
      for (const status of statuses) expect([200, 503]).toContain(status);

      await unlink(ballast);
      if (mongod.ended) await mongod.start();
      const { ms, ids } = await storedAgainAfter(bench.url, bench.source, SEED + 2, 6 * RESUMED_WITHIN_MS);
      bench.otherIds.push(...ids);
      measured('room again', `stored again after ${ms} ms`);
      expect(ms).toBeLessThan(RESUMED_WITHIN_MS * SLACK);
      await bench.flows(200);
      await bench.expectNothingLost();
    });
  },
);
