#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { startTrailGraph, type TrailGraph } from './app';
import { startBanner } from './banner';
import { cacheFolder } from './cache-folder';
import { readSettings } from './config/environment';
import { unknownNames } from './config/unknown-names';
import { Invalid, messageOf } from './domain/errors';
import { createLogger, type Logger } from './observe/logger';
import { crashHook } from './pipeline/crash-points';

const METRICS_EVERY_MS = 2_000;
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Whatever hangs: gone within 30 s of the signal, and a worker sooner whose parent, with the database, is gone. */
const STOP_WITHIN_MS = 29_000;
const ORPHAN_STOPS_WITHIN_MS = 10_000;

/** libuv gives look-ups of the system's resolver half of its threads: a few names that hang must not take them all. */
const THREADS = '24';

async function main(): Promise<void> {
  // Read by libuv at its first use, and by the workers from their environment.
  process.env.UV_THREADPOOL_SIZE ||= THREADS;
  // Until everything has started there is nothing to give back. A parent that is gone tells it but once.
  const gone = (): void => process.exit(1);
  process.once('disconnect', gone);
  // As process 1 of a container nobody else would end us.
  const ended = (): void => process.exit(0);
  for (const signal of STOP_SIGNALS) process.once(signal, ended);
  const settings = readSettings(process.env);
  const log = createLogger({
    level: settings.LOG_LEVEL,
    pretty: process.stdout.isTTY === true,
    bindings: { role: settings.ROLE },
  });
  // A worker of ours has the same environment as its parent, which has said so.
  if (!process.connected)
    for (const { name } of unknownNames(process.env)) log.warn({ name }, 'no such setting: it does nothing');
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const running = await startTrailGraph({
    settings,
    version,
    log,
    searchPath: process.env.PATH ?? '',
    cacheDir: cacheFolder({
      cacheHome: process.env.XDG_CACHE_HOME,
      home: homedir,
      dataDir: settings.DATA_DIR,
    }),
    webRoot: join(__dirname, 'web'),
    workers: { program: __filename, environment: process.env },
    crash: crashHook(settings.TRAILGRAPH_CRASH_AT, () => process.kill(process.pid, 'SIGKILL')),
  });
  process.off('disconnect', gone);
  for (const signal of STOP_SIGNALS) process.off(signal, ended);
  stopOnSignals(running, { child: settings.ROLE === 'worker' && process.connected, log });
  if (settings.ROLE === 'worker') tellParent(running);
  else process.stdout.write(startBanner(running, settings));
}

/**
 * The first signal stops in order, a second one at once. A worker of ours (`child`) leaves both to its parent, since a
 * signal may go to the whole group; it stops when its parent says so or is gone.
 */
function stopOnSignals(running: TrailGraph, { child, log }: { child: boolean; log: Logger }): void {
  let stopping = false;
  const stop = (reason: string, withinMs: number): void => {
    stopping = true;
    log.info({ reason }, 'stopping');
    setTimeout(() => {
      log.error({ withinMs }, 'stopping takes too long: what is left is given up');
      process.exit(1);
    }, withinMs);
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: messageOf(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (child && (stopping || signal === 'SIGINT')) return;
      if (stopping) process.exit(1);
      stop(signal, STOP_WITHIN_MS);
    });
  }
  if (!child) return;
  process.on('disconnect', () => {
    if (stopping) process.exit(1);
    stop('the parent process is gone', ORPHAN_STOPS_WITHIN_MS);
  });
}

function tellParent(running: TrailGraph): void {
  if (!process.send) return;
  setInterval(() => {
    void running.core.metrics.snapshot().then((metrics) => process.connected && process.send?.({ metrics }));
  }, METRICS_EVERY_MS).unref();
}

main().catch((error: unknown) => {
  const known =
    error instanceof Invalid || ['Conflict', 'Unavailable', 'Permanent'].includes((error as Error).name);
  process.stderr.write(
    `TrailGraph could not start: ${known ? messageOf(error, 4_000) : ((error as Error).stack ?? messageOf(error))}\n`,
  );
  process.exit(1);
});
