import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServers } from '../../src/embedded/embedded-servers';

const QUIET = { info: () => undefined, warn: () => undefined };

export interface TestServers {
  mongodbUri: string;
  redisUrl: string;
  close(): Promise<void>;
}

/** A real mongod and a real valkey-server of the test's own, found as the product finds its own. */
export async function startServers(): Promise<TestServers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trailgraph-test-'));
  const servers = await startEmbeddedServers({
    dataDir,
    need: { mongod: true, valkey: true },
    ...(process.env.MONGOD_BINARY ? { mongodBinary: process.env.MONGOD_BINARY } : {}),
    ...(process.env.VALKEY_BINARY ? { valkeyBinary: process.env.VALKEY_BINARY } : {}),
    searchPath: process.env.PATH ?? '',
    cacheDir: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trailgraph'),
    log: QUIET,
  });
  return {
    mongodbUri: servers.mongodbUri!,
    redisUrl: servers.redisUrl!,
    close: async () => {
      await servers.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
