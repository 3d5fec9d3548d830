import { startServers, type TestServers } from './servers';

declare global {
  var trailgraphTestServers: TestServers | undefined;
}

/** One mongod and one valkey-server for all test files; each file has a database and a key prefix of its own. */
export default async function globalSetup(): Promise<void> {
  const servers = await startServers();
  globalThis.trailgraphTestServers = servers;
  process.env.TEST_MONGODB_URI = servers.mongodbUri;
  process.env.TEST_REDIS_URL = servers.redisUrl;
}
