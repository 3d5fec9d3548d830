import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Permanent } from '../domain/errors';
import { isErrno } from './run-command';

const DRAFT_PREFIX = 'fetch-';
/** No fetch takes as long; an older draft is of a process that was killed. */
const DRAFT_MAX_AGE_MS = 24 * 3_600_000;

/**
 * Fills one folder of the cache. `fill` gets a new folder to work in and leaves in its sub folder `ready` what is
 * to be kept; that is moved into place as one. Processes that fill the same folder at once don't touch each other's
 * work: the first to finish wins, and all return the same folder.
 */
export async function fillCacheFolder(
  cacheDir: string,
  name: string,
  fill: (draft: { work: string; ready: string }) => Promise<void>,
): Promise<string> {
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  await removeOldDrafts(cacheDir);
  const final = join(cacheDir, name);
  const work = await mkdtemp(join(cacheDir, DRAFT_PREFIX));
  try {
    const ready = join(work, 'ready');
    await mkdir(ready);
    await fill({ work, ready });
    await rename(ready, final);
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return final;
}

async function removeOldDrafts(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(DRAFT_PREFIX)) continue;
    const path = join(cacheDir, name);
    const made = await stat(path).then(
      (stats) => stats.mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - made > DRAFT_MAX_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Throws Permanent when the file's SHA-256 (hex) is another one. */
export async function checkSha256(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest('hex');
  if (actual !== expected) {
    throw new Permanent(`has SHA-256 ${actual} where ${expected} is expected; it was thrown away`);
  }
}
