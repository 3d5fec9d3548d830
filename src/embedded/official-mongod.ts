import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { Unavailable } from '../domain/errors';
import { fillCacheFolder } from './program-cache';
import { runCommand } from './run-command';
import type { FetchOptions } from './wheel-program';

export const OFFICIAL_MONGOD = '7.0.32';
export const OFFICIAL_FOLDER = `mongod-${OFFICIAL_MONGOD}-official`;

/** The archive has about 80 MB; its checksum file tells within seconds whether the server can be reached at all. */
const DOWNLOAD_WITHIN_MS = 600_000;
const FIRST_ANSWER_WITHIN_MS = 8_000;

/**
 * mongodb-memory-server's downloader, in a process of its own: it can't be cancelled, prints its progress and takes
 * its options from the environment. It knows which build fits this system. It checks only an MD5, so we compare the
 * SHA-256 that the publisher puts beside each archive. Arguments: its folder, version, target, deadline of the first
 * answer in ms. The last line printed is the program's path.
 */
const DOWNLOAD_SCRIPT = `
const { createHash } = require('node:crypto');
const { createReadStream, readFileSync } = require('node:fs');
const os = require('node:os');
const { pipeline } = require('node:stream/promises');
const self = require('node:process');
const [library, version, downloadDir, firstMs] = self.argv.slice(1);
// The library checks certificates only when npm is told to; and the next source is tried sooner than this one again.
Object.assign(self.env, { npm_config_strict_ssl: 'true', MONGOMS_MAX_RETRIES: '1' });
const { MongoBinaryDownload } = require(library + '/MongoBinaryDownload');
const { MongoBinaryDownloadUrl } = require(library + '/MongoBinaryDownloadUrl');
const { getOS } = require(library + '/getos');

async function main() {
  const options = { version, downloadDir, platform: os.platform(), arch: os.arch(), os: await getOS(), checkMD5: false };
  const download = new MongoBinaryDownload(options);
  const url = await new MongoBinaryDownloadUrl(options).getDownloadUrl();
  const late = setTimeout(() => fail(new Error('no answer within ' + firstMs / 1000 + ' s')), Number(firstMs));
  const expected = readFileSync(await download.download(url + '.sha256'), 'utf8').trim().split(/\\s+/)[0];
  clearTimeout(late);
  const archive = await download.download(url);
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  const actual = hash.digest('hex');
  if (actual !== expected) throw new Error('has SHA-256 ' + actual + ' where ' + expected + ' is expected');
  console.log('\\n' + (await download.extract(archive)));
}
function fail(error) {
  console.error(error.message);
  self.exit(1);
}
main().catch(fail);
`;

/**
 * Fetches MongoDB's own build of mongod and returns its path in the cache. Throws Unavailable with the reason; on a
 * network without a way out within seconds.
 */
export async function fetchOfficialMongod(options: FetchOptions): Promise<string> {
  const folder = await fillCacheFolder(options.cacheDir, OFFICIAL_FOLDER, async ({ work, ready }) => {
    const library = join(require.resolve('mongodb-memory-server-core/lib/util/MongoBinaryDownload'), '..');
    const download = join(work, 'download');
    await mkdir(download);
    const args = [library, OFFICIAL_MONGOD, download, String(FIRST_ANSWER_WITHIN_MS)];
    const result = await runCommand(execPath, ['-e', DOWNLOAD_SCRIPT, '--', ...args], {
      timeoutMs: DOWNLOAD_WITHIN_MS,
      env: options.env,
      signal: options.signal,
    });
    const lines = (text: string) => text.trim().split('\n');
    if (result.code !== 0)
      throw new Unavailable(lines(result.stderr).at(-1)?.slice(0, 300) ?? 'no reason told');
    await rename(lines(result.stdout).at(-1) ?? '', join(ready, 'mongod'));
  });
  return join(folder, 'mongod');
}
